"""What the text of ``-p`` stands for, by the type in the spec."""

import pytest

from dendro_local.model import ParameterValue
from dendro_local.parameter_texts import parameter_value


@pytest.mark.parametrize(
    ("type_name", "text", "value"),
    [
        ("str", "12", "12"),
        ("str", "a=b", "a=b"),
        ("str", "", ""),
        ("int", "-3", -3),
        ("float", "3", 3.0),
        ("float", "1e-3", 0.001),
        ("bool", "true", True),
        ("bool", "False", False),
        ("List[int]", "1,2, 3", [1, 2, 3]),
        ("List[int]", "[1, 2]", [1, 2]),
        ("List[float]", "0.5", [0.5]),
        ("List[str]", '["a,b", "c"]', ["a,b", "c"]),
        ("List[str]", "a,b", ["a", "b"]),
        ("List[str]", "", []),
        ("Optional[int]", "null", None),
        ("Optional[int]", "4", 4),
        ("Optional[List[bool]]", "true,false", [True, False]),
        ("Optional[str]", "null", None),
    ],
)
def test_a_value_has_the_type_that_the_spec_declares(
    type_name: str, text: str, value: ParameterValue
) -> None:
    found = parameter_value(type_name, text)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("type_name", "text", "message"),
    [
        ("int", "1.5", "'1.5' is not a whole number"),
        ("int", "", "'' is not a whole number"),
        ("int", "null", "'null' is not a whole number"),
        ("float", "fast", "'fast' is not a number"),
        ("float", "nan", "'nan' is not a finite number"),
        ("bool", "1", "'1' is neither true nor false"),
        ("List[int]", "1,x", "'x' is not a whole number"),
        ("List[int]", "[1, 2", r"'\[1, 2' is not JSON"),
        ("Optional[float]", "none", "'none' is not a number"),
    ],
)
def test_what_is_no_value_of_the_type_is_refused(type_name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parameter_value(type_name, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("true", True), ("[1]", [1]), ("plain", "plain"), ('{"a": 1}', '{"a": 1}')],
)
def test_a_parameter_that_the_spec_lacks_is_json_or_text(text: str, value: ParameterValue) -> None:
    assert parameter_value(None, text) == value
