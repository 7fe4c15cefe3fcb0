"""Processors that are plain functions."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, List, Literal, Optional  # noqa: UP035

import pytest

from dendro_local.sdk import App, InputFile, OutputFile
from dendro_local.sdk.docstring import read_docstring
from tests.sdk.job_runs import make_job_folder, run_app, spec_of

STRING_ANNOTATIONS_APP = '''
from __future__ import annotations

from typing import Literal

from dendro_local.sdk import App, InputFile, OutputFile

app = App("light", description="Annotations are strings here", version="2.0")


@app.processor
def summarize(
    inputs: list[InputFile],
    output: OutputFile,
    *,
    mode: Literal["mean", "median"] = "mean",
    scale: float = 1,
) -> None:
    """Summarizes some files.

    Args:
        inputs: What to summarize,
            any number of them
        output (OutputFile): The summary
        mode: How: mean or median
    """
    texts = [open(file.get_local_file_name()).read() for file in inputs]
    with open("summary.txt", "w") as file:
        file.write(f"{mode} {scale} {','.join(texts)}")
    output.upload("summary.txt")


app.run()
'''


def spec_with(function: Callable[..., Any], **options: Any) -> dict[str, Any]:
    app = App("an_app", description="")
    app.processor(**options)(function)
    spec: dict[str, Any] = app.get_spec()["processors"][0]
    return spec


@pytest.mark.process
def test_a_typed_function_with_a_docstring_is_all_a_spec_needs(tmp_path: Path) -> None:
    assert spec_of(STRING_ANNOTATIONS_APP, tmp_path) == {
        "name": "light",
        "description": "Annotations are strings here",
        "processors": [
            {
                "name": "summarize",
                "description": "Summarizes some files.",
                "label": "summarize",
                "image": "",
                "executable": "/app/main.py",
                "inputs": [
                    {
                        "name": "inputs",
                        "description": "What to summarize, any number of them",
                        "list": True,
                    }
                ],
                "outputs": [{"name": "output", "description": "The summary"}],
                "parameters": [
                    {
                        "name": "mode",
                        "type": "str",
                        "description": "How: mean or median",
                        "defaultValue": "mean",
                        "options": ["mean", "median"],
                    },
                    {"name": "scale", "type": "float", "description": "", "defaultValue": 1},
                ],
                "attributes": [{"name": "app_version", "value": "2.0"}],
            }
        ],
    }


@pytest.mark.process
def test_listed_inputs_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    inputs: dict[str, Path | str] = {}
    for index in range(11):
        path = tmp_path / f"{index}.txt"
        path.write_text(str(index))
        inputs[f"inputs[{index}]"] = path
    folder = make_job_folder(tmp_path / "job", "summarize", inputs=inputs, outputs=["output"])

    run = run_app(STRING_ANNOTATIONS_APP, folder)

    assert run.output_text() == "mean 1 0,1,2,3,4,5,6,7,8,9,10"


@pytest.mark.process
def test_an_empty_list_of_inputs_is_an_empty_list(tmp_path: Path) -> None:
    folder = make_job_folder(
        tmp_path / "job", "summarize", outputs=["output"], parameters={"mode": "median"}
    )

    run = run_app(STRING_ANNOTATIONS_APP, folder)

    assert run.output_text() == "median 1 "


@pytest.mark.process
def test_a_name_that_the_function_does_not_take_fails_the_job(tmp_path: Path) -> None:
    folder = make_job_folder(
        tmp_path / "job", "summarize", outputs=["output"], parameters={"size": 1}
    )

    run = run_app(STRING_ANNOTATIONS_APP, folder)

    assert run.result["error"] == (
        "ValueError: Processor 'summarize' has nothing named 'size'. "
        "It has 'inputs', 'output', 'mode', 'scale'."
    )


def test_every_type_is_spelled_as_in_the_original() -> None:
    def typed(
        a: str,
        b: int,
        c: float,
        d: bool,
        e: List[str],  # noqa: UP006
        f: list[int],
        g: list[float] | None,
        h: Optional[bool],  # noqa: UP045
        i: Optional[List[bool]] = None,  # noqa: UP006, UP045
        j: Literal[1, 2] = 1,
        k: Literal["x"] | None = None,
    ) -> None: ...

    types = {p["name"]: p["type"] for p in spec_with(typed)["parameters"]}

    assert types == {
        "a": "str",
        "b": "int",
        "c": "float",
        "d": "bool",
        "e": "List[str]",
        "f": "List[int]",
        "g": "Optional[List[float]]",
        "h": "Optional[bool]",
        "i": "Optional[List[bool]]",
        "j": "int",
        "k": "Optional[str]",
    }


def test_an_output_can_be_marked_as_getting_its_url_at_run_time() -> None:
    def publish(published: Annotated[OutputFile, "url_determined_at_runtime"]) -> None: ...

    assert spec_with(publish)["outputs"] == [
        {"name": "published", "description": "", "urlDeterminedAtRuntime": True}
    ]


def test_the_decorator_can_say_what_the_function_does_not() -> None:
    def first() -> None: ...

    spec = spec_with(
        first,
        name="second",
        label="Second",
        description="Another",
        image="an/image",
        executable="/main.py",
        attributes={"wip": True, "tags": ("x", "y")},
    )

    assert spec == {
        "name": "second",
        "description": "Another",
        "label": "Second",
        "image": "an/image",
        "executable": "/main.py",
        "inputs": [],
        "outputs": [],
        "parameters": [],
        "attributes": [{"name": "wip", "value": True}, {"name": "tags", "value": ["x", "y"]}],
    }


def test_the_decorated_function_stays_as_it_is() -> None:
    app = App("an_app", description="")

    @app.processor
    def double(number: int) -> int:
        return 2 * number

    assert double(4) == 8
    assert list(app.processors) == ["double"]


def test_a_wrapped_function_is_seen_through() -> None:
    def plain(number: int, names: list[str] | None) -> None:
        seen.append((number, names))

    seen: list[Any] = []
    app = App("an_app", description="")
    app.processor(functools.lru_cache(plain))

    app.processors["plain"].run({"number": 3})

    assert app.get_spec()["processors"][0]["parameters"][0]["type"] == "int"
    assert seen == [(3, None)]


def test_a_docstring_without_sections_is_a_description_only() -> None:
    assert read_docstring("Does it.") == ("Does it.", {})
    assert read_docstring(None) == ("", {})


def test_a_docstring_is_taken_apart() -> None:
    text = """Does it,
        and well.

        More about it: much more.

        Args:
            first: One
                and a half: really

            second (int): Two
        Returns:
            third: Nothing
        """

    assert read_docstring(text) == (
        "Does it, and well.",
        {"first": "One and a half: really", "second": "Two"},
    )


def not_annotated(size) -> None: ...  # type: ignore[no-untyped-def] # what is tested


def not_supported(size: dict[str, int]) -> None: ...


def positional(size: int, /) -> None: ...


def any_number(*size: int) -> None: ...


def any_names(**size: int) -> None: ...


def file_with_default(size: InputFile | None = None) -> None: ...


def output_with_default(size: OutputFile = "a") -> None: ...  # type: ignore[assignment] # tested


def input_marked(size: Annotated[InputFile, "url_determined_at_runtime"]) -> None: ...


def default_of_another_world(size: int = {}) -> None: ...  # type: ignore[assignment] # tested


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (not_annotated, "has no annotation"),
        (not_supported, "is not supported. It can be InputFile"),
        (positional, "given by name"),
        (any_number, "given by name"),
        (any_names, "given by name"),
        (file_with_default, "is not supported"),
        (output_with_default, "only a parameter can have a default"),
        (input_marked, "only an output can have url_determined_at_runtime"),
        (default_of_another_world, "cannot be a default"),
    ],
)
def test_a_mistake_in_an_argument_names_processor_and_argument(
    function: Callable[..., Any], message: str
) -> None:
    with pytest.raises(
        (TypeError, ValueError), match=f"'{function.__name__}', field 'size'.*{message}"
    ):
        spec_with(function)


def test_a_docstring_about_no_argument_is_refused() -> None:
    def misspelled(size: int) -> None:
        """Does it.

        Args:
            sise: How much
        """

    with pytest.raises(ValueError, match="'misspelled': its docstring describes 'sise'"):
        spec_with(misspelled)


def test_an_annotation_that_nothing_defines_is_explained() -> None:
    def unknown(size: "Unknown") -> None: ...  # type: ignore[name-defined] # noqa: F821

    with pytest.raises(TypeError, match="'unknown': its annotations cannot be evaluated"):
        spec_with(unknown)


def test_an_async_function_is_refused() -> None:
    async def later() -> None: ...

    with pytest.raises(TypeError, match="'later' is an async function"):
        spec_with(later)


def test_something_else_than_a_function_is_refused() -> None:
    with pytest.raises(TypeError, match=r"A class goes to app\.add_processor"):
        App("an_app", description="").processor(InputFile)
