"""A request that cannot be carried out is refused at submit, in words, and changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from dendro_local import (
    DendroError,
    DendroJobDefinition,
    DendroJobParameter,
    get_job,
    submit_job,
    submit_jobs,
)
from dendro_local.client.default_hub import default_hub
from dendro_local.errors import (
    AppNotFound,
    IncompatibleDefinition,
    InputUnavailable,
    InvalidDefinition,
    InvalidRequest,
    JobNotFound,
    ServiceNotFound,
)
from dendro_local.hub import JobQuery
from tests.conftest import AppMaker
from tests.faults.asking import RESOURCES, define, hello, refused, submit

pytestmark = pytest.mark.process


def count(**changes: Any) -> DendroJobDefinition:
    """A definition of hello_world/count_characters."""
    return define("count_characters", **changes)


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    file = tmp_path / "a.txt"
    file.write_text("abc")
    return file


def test_an_unknown_service_is_named_with_the_nearest_one(whole_store: Path) -> None:
    with refused(ServiceNotFound, "'hello_world_service'", "hello_wrld_service", "Did you mean"):
        submit(define(), service="hello_wrld_service")


def test_an_unknown_service_that_is_like_no_other_is_told_which_there_are(
    whole_store: Path,
) -> None:
    with refused(ServiceNotFound, "spikes", "There are: hello_world_service"):
        submit(define(), service="spikes")


def test_an_unknown_app_is_named_with_the_nearest_one(whole_store: Path) -> None:
    with refused(AppNotFound, "hello_word", "Did you mean 'hello_world'?", "apps add"):
        submit(define(app="hello_word"))


def test_an_unknown_processor_is_named_with_the_nearest_one(whole_store: Path) -> None:
    with refused(
        IncompatibleDefinition, "'hello_world_9'", "Did you mean 'hello_world_", "'hello_world'"
    ):
        submit(define("hello_world_9"))


def test_an_unknown_input_is_named_with_the_nearest_one(whole_store: Path, text_file: Path) -> None:
    with refused(IncompatibleDefinition, "no input 'imput'", "Did you mean 'input'?"):
        submit(count(inputs={"imput": text_file}))


def test_an_unknown_output_is_named_with_the_nearest_one(whole_store: Path) -> None:
    with refused(IncompatibleDefinition, "no output 'outptu'", "Did you mean 'output'?"):
        submit(define(outputs=["outptu"]))


def test_an_unknown_parameter_is_named_with_the_nearest_one(whole_store: Path) -> None:
    with refused(IncompatibleDefinition, "no parameter 'nmae'", "Did you mean 'name'?"):
        submit(define(parameters={"nmae": "Ada"}))


def test_a_missing_input_is_named(whole_store: Path) -> None:
    with refused(IncompatibleDefinition, "count_characters", "input 'input'", "missing"):
        submit(count())


def test_a_missing_output_is_named(whole_store: Path) -> None:
    with refused(IncompatibleDefinition, "hello_world_2", "output 'output'", "missing"):
        submit(define(outputs=[]))


def test_a_missing_parameter_is_named_with_its_type(whole_store: Path, make_app: AppMaker) -> None:
    folder = make_app("sorter", "@app.processor\ndef sort(threshold: float) -> None: ...")
    default_hub().add_app(str(folder), "lab")

    with refused(IncompatibleDefinition, "parameter 'threshold'", "float", "missing"):
        submit(define("sort", app="sorter", outputs=[]), service="lab")


def test_a_value_of_the_wrong_type_is_named_with_both_types(
    whole_store: Path, text_file: Path
) -> None:
    with refused(IncompatibleDefinition, "'include_whitespace'", "takes bool", "str", "'yes'"):
        submit(count(inputs={"input": text_file}, parameters={"include_whitespace": "yes"}))


class Arbitrary:
    """Of no kind that JSON has."""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(numpy.float64(1.5), ["numpy.float64", "float(...)"], id="numpy float"),
        pytest.param(numpy.int32(1), ["numpy.int32", "int(...)"], id="numpy integer"),
        pytest.param(numpy.bool_(True), ["numpy.bool", ".tolist()"], id="numpy bool"),
        pytest.param(numpy.zeros(2), ["numpy.ndarray", ".tolist()"], id="numpy array"),
        pytest.param(float("nan"), ["nan", "JSON"], id="nan"),
        pytest.param(float("inf"), ["inf", "JSON"], id="infinity"),
        pytest.param(2**60, ["2**53", "str(...)"], id="large integer"),
        pytest.param({"a": 1}, ["dict", "json.dumps(...)"], id="dict"),
        pytest.param((1, 2), ["tuple", "list(...)"], id="tuple"),
        pytest.param([1, "a"], ["mixes"], id="mixed list"),
        pytest.param([1, [2]], ["value[1]", "list"], id="nested list"),
        pytest.param([1.0, float("nan")], ["value[1]", "nan"], id="nan in a list"),
        pytest.param(b"abc", ["bytes", ".decode()"], id="bytes"),
        pytest.param(Path("a"), ["PosixPath", "str(...)"], id="path"),
        pytest.param("\ud800", ["surrogate"], id="half a character"),
        pytest.param(Arbitrary(), ["Arbitrary"], id="object"),
    ],
)
def test_a_value_that_the_contract_cannot_carry_is_refused_with_its_field(
    store_folder: Path, value: object, words: list[str]
) -> None:
    with refused(InvalidDefinition, "parameters[0].value", "'name'", *words):
        submit(define(parameters={"name": value}))


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "a\nb", "x" * 300])
@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("appName", lambda name: define(app=name)),
        ("processorName", lambda name: define(name)),
        ("outputFiles[0].name", lambda name: define(outputs=[name])),
    ],
)
def test_a_name_that_cannot_be_part_of_a_path_is_refused_with_its_field(
    store_folder: Path, name: str, field: str, change: Callable[[str], DendroJobDefinition]
) -> None:
    with refused(InvalidDefinition, field):
        submit(change(name))


def test_an_empty_name_of_a_parameter_is_refused(store_folder: Path) -> None:
    with refused(InvalidDefinition, "parameters[0].name", "empty"):
        submit(define(parameters={"": 1}))


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\nb", "x" * 300])
def test_a_service_cannot_have_a_name_that_cannot_be_part_of_a_path(
    whole_store: Path, make_app: AppMaker, name: str
) -> None:
    folder = make_app("sorter", "@app.processor\ndef sort() -> None: ...")

    with refused(InvalidRequest, repr(name), "Give one"):
        default_hub().add_app(str(folder), name)


@pytest.mark.parametrize(
    ("field", "value"),
    [("inputFiles", None), ("outputFiles", "output"), ("parameters", {"name": "Ada"})],
)
def test_a_field_of_a_definition_that_is_no_list_is_refused(
    store_folder: Path, field: str, value: Any
) -> None:
    definition = define()
    setattr(definition, field, value)

    with refused(InvalidDefinition, field, type(value).__name__, "Give a list of Dendro"):
        submit(definition)


def test_an_entry_of_a_definition_that_is_no_record_is_refused(store_folder: Path) -> None:
    definition = define()
    definition.parameters = [("name", "Ada")]  # type: ignore[list-item]  # what a user may do

    with refused(InvalidDefinition, "parameters[0]", "tuple", "DendroJobParameter(...)"):
        submit(definition)


@pytest.mark.parametrize("path", ["a\0b", 5, "~nobody-has-this-name/a.txt"])
def test_an_input_path_that_is_no_path_is_refused(store_folder: Path, path: Any) -> None:
    with pytest.raises((InvalidDefinition, InputUnavailable), match="input|no file"):
        submit(count(inputs={"input": path}))


def test_an_input_file_that_is_not_there_is_named(whole_store: Path, tmp_path: Path) -> None:
    with refused(InputUnavailable, str(tmp_path / "none.txt"), "Check the path"):
        submit(count(inputs={"input": tmp_path / "none.txt"}))


def test_a_folder_is_no_input_file(whole_store: Path, tmp_path: Path) -> None:
    with refused(InputUnavailable, str(tmp_path), "is a folder"):
        submit(count(inputs={"input": tmp_path}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("numCpus", 1.0),
        ("numCpus", -1),
        ("numGpus", True),
        ("numGpus", 2**70),
        ("memoryGb", 0),
        ("memoryGb", "4"),
        ("timeSec", float("nan")),
        ("timeSec", float("inf")),
        ("timeSec", 10**400),
    ],
)
def test_resources_that_no_job_can_have_are_refused_with_their_field(
    store_folder: Path, field: str, value: Any
) -> None:
    resources = type(RESOURCES)(numCpus=1, numGpus=0, memoryGb=1, timeSec=60)
    setattr(resources, field, value)

    with refused(InvalidRequest, f"requiredResources.{field}", repr(value)):
        submit_job(
            service_name="hello_world_service",
            job_definition=define(),
            required_resources=resources,
        )


@pytest.mark.parametrize("service", ["", None, 5, "\ud800"])
def test_a_service_name_that_is_no_text_is_refused(store_folder: Path, service: Any) -> None:
    with refused(InvalidRequest, "service_name", "string"):
        submit(define(), service=service)


@pytest.mark.parametrize("tags", ["example", [""], [1], ["\ud800"], 5])
def test_tags_that_are_no_list_of_texts_are_refused(store_folder: Path, tags: Any) -> None:
    with refused(InvalidRequest, "tags", "list of non-empty strings"):
        submit(define(), tags=tags)


@pytest.mark.parametrize("job_id", ["", "../../etc", "a b", "dendro:", "x" * 21, "\0"])
def test_a_text_that_is_no_job_id_is_refused(whole_store: Path, job_id: str) -> None:
    with refused(JobNotFound, repr(job_id), "20 letters and digits"):
        get_job(job_id)


def test_a_job_id_that_no_job_has_is_named_with_the_way_to_list_them(whole_store: Path) -> None:
    with refused(JobNotFound, "'TR4Gr2HPFe3JcHFlkZjP'", str(whole_store), "dendro-local jobs"):
        get_job("TR4Gr2HPFe3JcHFlkZjP")


def test_one_bad_request_among_many_leaves_none_of_them(whole_store: Path) -> None:
    good = {
        "service_name": "hello_world_service",
        "job_definition": define(),
        "required_resources": RESOURCES,
    }
    with pytest.raises(DendroError):
        submit_jobs([good, {**good, "job_definition": define("hello_world_9")}])

    assert default_hub().find_jobs(JobQuery()) == []


@pytest.mark.parametrize("value", ["0", "-1", "many", ""])
def test_a_setting_that_is_no_number_is_named(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DENDRO_MAX_ATTEMPTS", value)

    if value:
        with refused(InvalidRequest, "DENDRO_MAX_ATTEMPTS", repr(value), "whole number"):
            hello()
    else:
        assert hello().status == "pending"  # empty is as good as not set


def test_a_definition_can_be_mended_and_submitted_again(whole_store: Path) -> None:
    definition = define(parameters={"name": {}})
    with pytest.raises(InvalidDefinition):
        submit(definition)

    definition.parameters = [DendroJobParameter(name="name", value="Ada")]

    assert submit(definition).status == "pending"
