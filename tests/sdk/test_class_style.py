"""Processors that are classes with a pydantic model."""

import json
from pathlib import Path
from typing import Any, Literal

import pydantic
import pydantic.v1
import pytest

import dendro_local.sdk
from dendro_local.sdk import App, InputFile, OutputFile, ProcessorBase
from dendro_local.sdk.context import Context
from tests.sdk.job_runs import make_job_folder, run_app, spec_of

RICH_APP = """
from typing import List, Optional

from pydantic import BaseModel, Field
from SDK import App, InputFile, OutputFile, ProcessorBase

app = App("rich", description='An app with "everything"')


class Filter(BaseModel):
    low_hz: float = Field(description="Lower edge", default=300)
    high_hz: float = Field(description="Upper edge", default=6000.0)
    mask: InputFile = Field(description="Which channels")


class Sorting(BaseModel):
    filter: Filter = Field(description="How to filter")
    seed: Optional[int] = Field(description="Of random numbers", default=None)
    log: OutputFile = Field(description="What was done")


class SortContext(BaseModel):
    recording: InputFile = Field(description="The recording")
    others: List[InputFile] = Field(description="More of them")
    units: OutputFile = Field(description="The units")
    published: OutputFile = Field(
        description="Where it went", json_schema_extra={"url_determined_at_runtime": True}
    )
    undescribed: OutputFile
    sorting: Sorting
    text: str = Field(description="Text \u00b5", default="")
    choice: str = Field(
        description="One of", default="a", json_schema_extra={"options": ["a", "b"]}
    )
    number_choice: int = Field(description="One of", json_schema_extra={"options": [1, 2]})
    number: int = Field(description="A number")
    fraction: float = Field(description="A fraction", default=0.1)
    flag: bool = Field(description="A flag", default=False)
    texts: List[str] = Field(description="Texts", default=["a", "b"])
    numbers: List[int] = Field(description="Numbers", default=[])
    fractions: List[float] = Field(description="Fractions")
    flags: List[bool] = Field(description="Flags")
    maybe_number: Optional[int] = Field(description="Perhaps", default=3)
    maybe_fraction: Optional[float] = Field(description="Perhaps", default=None)
    maybe_texts: Optional[List[str]] = Field(description="Perhaps")
    maybe_numbers: Optional[List[int]] = Field(description="Perhaps", default=[1])
    maybe_fractions: Optional[List[float]] = Field(description="Perhaps", default=None)
    maybe_flags: Optional[List[bool]] = Field(description="Perhaps", default=None)


class Sort(ProcessorBase):
    name = "sort"
    description = "Sorts"
    label = "Sort spikes"
    image = "an/image:1"
    executable = "/app/main.py"
    attributes = {"wip": True, "tags": ["x", "y"], "level": 3}

    @staticmethod
    def run(context: SortContext):
        pass


class Nothing(BaseModel):
    pass


class DoNothing(ProcessorBase):
    name = "do_nothing"
    description = "D" * 200
    label = "do_nothing"
    image = ""
    executable = ""
    attributes = {}

    @staticmethod
    def run(context: Nothing):
        pass


app.add_processor(Sort)
app.add_processor(DoNothing)

if __name__ == "__main__":
    app.run()
"""

DUMPING_APP = """
from __future__ import annotations

import json
from typing import List, Optional

from dendro_local.sdk import App, BaseModel, Field, InputFile, OutputFile, ProcessorBase


class Group(BaseModel):
    input: InputFile
    output: OutputFile
    threshold: float = 5
    names: List[str] = Field(default_factory=lambda: ["a"])


class DumpContext(BaseModel):
    group: Group
    files: List[InputFile]
    number: int
    maybe: Optional[int]


class Dump(ProcessorBase):
    name = label = "dump"
    description = image = executable = ""
    attributes = {}

    @staticmethod
    def run(context: DumpContext):
        with open("dump.json", "w") as file:
            json.dump(context.model_dump(), file, default=repr)
        assert context.dict(exclude_none=True)["group"]["threshold"] == context.group.threshold
        assert "maybe" not in context.dict(exclude_none=True)
        with open(context.group.input.get_local_file_name()) as file:
            assert file.read() == "in a group"
        context.group.output.upload("dump.json")


app = App("dumping", description="")
app.add_processor(Dump)
app.run()
"""


class Group(pydantic.BaseModel):
    scale: float = pydantic.Field(description="A factor", default=1.5)


class PipedContext(pydantic.BaseModel):
    inputs: list[InputFile]
    maybe_text: str | None = None
    maybe_flag: bool | None = True
    texts: list[str] = pydantic.Field(default_factory=lambda: ["a"])
    maybe_texts: list[str] | None = None
    mode: Literal["fast", "exact"] = "fast"
    group: Group


class Version1Context(pydantic.v1.BaseModel):
    recording: InputFile = pydantic.v1.Field(description="The recording")
    others: list[InputFile]
    output: OutputFile
    size: int = pydantic.v1.Field(3, description="In pixels", json_schema_extra={"options": [3, 4]})
    names: list[str] = pydantic.v1.Field(default_factory=list)


def processor_class(context_class: Any, **attributes: Any) -> type[ProcessorBase]:
    class Piped(ProcessorBase):
        name = label = "piped"
        description = image = executable = ""
        attributes: dict[str, Any] = {}  # noqa: RUF012

        @staticmethod
        def run(context: Any) -> None: ...

    Piped.run.__annotations__["context"] = context_class
    for name, value in attributes.items():
        setattr(Piped, name, value)
    return Piped


def spec_with(context_class: Any, **attributes: Any) -> dict[str, Any]:
    app = App("an_app", description="")
    app.add_processor(processor_class(context_class, **attributes))
    spec: dict[str, Any] = app.get_spec()["processors"][0]
    return spec


@pytest.mark.process
def test_only_the_import_line_differs_from_the_original(tmp_path: Path) -> None:
    specs: list[str] = []
    for sdk in ("dendro.sdk", "dendro_local.sdk"):
        folder = tmp_path / sdk
        folder.mkdir()
        specs.append(json.dumps(spec_of(RICH_APP.replace("SDK", sdk), folder)))

    original, ours = specs
    assert ours == original  # the order of keys included


def test_types_beyond_the_originals_are_spelled_like_them() -> None:
    parameters = {
        parameter["name"]: (parameter["type"], parameter.get("defaultValue"))
        for parameter in spec_with(PipedContext)["parameters"]
    }

    assert parameters == {
        "maybe_text": ("Optional[str]", None),
        "maybe_flag": ("Optional[bool]", True),
        "texts": ("List[str]", ["a"]),
        "maybe_texts": ("Optional[List[str]]", None),
        "mode": ("str", "fast"),
        "group.scale": ("float", 1.5),
    }


def test_a_list_of_inputs_may_be_written_in_lower_case() -> None:
    assert spec_with(PipedContext)["inputs"] == [
        {"name": "inputs", "description": "", "list": True}
    ]


def test_a_literal_lists_the_options() -> None:
    by_name = {p["name"]: p for p in spec_with(PipedContext)["parameters"]}

    assert by_name["mode"]["options"] == ["fast", "exact"]


def test_a_model_of_pydantic_1_declares_the_same() -> None:
    spec = spec_with(Version1Context)

    assert spec["inputs"] == [
        {"name": "recording", "description": "The recording"},
        {"name": "others", "description": "", "list": True},
    ]
    assert spec["outputs"] == [{"name": "output", "description": ""}]
    assert spec["parameters"] == [
        {
            "name": "size",
            "type": "int",
            "description": "In pixels",
            "defaultValue": 3,
            "options": [3, 4],
        },
        {"name": "names", "type": "List[str]", "description": "", "defaultValue": []},
    ]


@pytest.mark.parametrize("base_model", [pydantic.BaseModel, pydantic.v1.BaseModel])
def test_files_are_checked_when_a_model_is_made(base_model: Any) -> None:
    model = type("Files", (base_model,), {"__annotations__": {"input": InputFile}})
    file = InputFile("input")

    assert model(input=file).input is file
    with pytest.raises(ValueError, match="input"):
        model(input="input.txt")


@pytest.mark.process
def test_a_job_fills_the_context_with_groups_lists_and_defaults(tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.write_text("in a group")
    folder = make_job_folder(
        tmp_path / "job",
        "dump",
        inputs={"group.input": source},
        outputs=["group.output"],
        parameters={"number": 7},
    )

    run = run_app(DUMPING_APP, folder)

    assert run.exit_code == 0, run.console
    assert run.result["outputs"] == {"group.output": {"path": "outputs/group.output"}}
    dumped = json.loads(run.output_text("group.output"))
    group = dumped.pop("group")
    assert dumped == {"files": [], "number": 7, "maybe": None}
    assert (group["threshold"], group["names"]) == (5, ["a"])


@pytest.mark.process
def test_a_parameter_that_is_needed_and_not_given_fails_the_job(tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.touch()
    folder = make_job_folder(
        tmp_path / "job", "dump", inputs={"group.input": source}, outputs=["group.output"]
    )

    run = run_app(DUMPING_APP, folder)

    assert run.result["error"] == (
        "ValueError: The job gives no parameter 'number', which is needed."
    )


def test_a_context_leaves_out_none_at_every_depth() -> None:
    context = Context({"a": None, "b": 1, "group.c": None, "group.deep.d": 2})

    assert context.model_dump(exclude_none=True) == {"b": 1, "group": {"deep": {"d": 2}}}
    assert context.dict() == {"a": None, "b": 1, "group": {"c": None, "deep": {"d": 2}}}


def test_pydantics_names_can_be_imported_from_the_sdk() -> None:
    assert dendro_local.sdk.BaseModel is pydantic.BaseModel
    assert dendro_local.sdk.Field is pydantic.Field
    with pytest.raises(AttributeError, match="validator"):
        _ = dendro_local.sdk.validator  # type: ignore[attr-defined] # what is tested


@pytest.mark.parametrize("attribute", ["name", "description", "label", "image", "executable"])
def test_a_missing_class_attribute_is_named(attribute: str) -> None:
    with pytest.raises(TypeError, match=f"Piped needs a class attribute {attribute} = "):
        spec_with(PipedContext, **{attribute: None})


def test_missing_attributes_are_named() -> None:
    with pytest.raises(TypeError, match=r"Piped needs a class attribute attributes = \{\}"):
        spec_with(PipedContext, attributes=None)


def test_a_class_without_run_is_refused() -> None:
    with pytest.raises(TypeError, match="Piped needs a static method run"):
        spec_with(PipedContext, run=ProcessorBase.run)


def test_an_instance_is_refused() -> None:
    with pytest.raises(TypeError, match="takes a class"):
        App("a", description="").add_processor(ProcessorBase())  # type: ignore[arg-type] # tested


def run_with_self(self: object, context: PipedContext) -> None: ...


def run_without_annotation(context) -> None: ...  # type: ignore[no-untyped-def] # what is tested


def run_with_unknown_annotation(context: "Unknown") -> None: ...  # type: ignore[name-defined] # noqa: F821


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (run_with_self, "exactly one parameter.* has 2 .self, context"),
        (run_without_annotation, "'context' of run must be annotated with a pydantic model"),
        (run_with_unknown_annotation, "'Unknown' is not defined"),
    ],
)
def test_a_wrong_signature_of_run_is_explained(run: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"Processor 'piped': .*{message}"):
        spec_with(PipedContext, run=staticmethod(run))


@pytest.mark.parametrize(
    ("annotation", "field", "message"),
    [
        (dict, pydantic.Field(), "is not supported"),
        (list, pydantic.Field(), "is not supported"),
        (str | int, pydantic.Field(), "is not supported"),
        (list[dict[str, int]], pydantic.Field(), "is not supported"),
        (Literal[1, "a"], pydantic.Field(), "is not supported"),
        (InputFile | None, pydantic.Field(), "is not supported"),
        (InputFile, pydantic.Field(json_schema_extra={"options": ["a"]}), "only a parameter"),
        (OutputFile, pydantic.Field(json_schema_extra={"options": ["a"]}), "only a parameter"),
        (OutputFile, pydantic.Field(default="x"), "only a parameter can have a default"),
        (InputFile, pydantic.Field(default="x"), "only a parameter can have a default"),
        (str, pydantic.Field(json_schema_extra={"options": "ab"}), "must be a list"),
        (float, pydantic.Field(default=float("nan")), "nan cannot be a default"),
        (
            InputFile,
            pydantic.Field(json_schema_extra={"url_determined_at_runtime": True}),
            "only an output",
        ),
        (
            OutputFile,
            pydantic.Field(json_schema_extra={"url_determined_at_runtime": "yes"}),
            "'yes', not True or False",
        ),
    ],
)
def test_a_mistake_in_a_field_names_processor_and_field(
    annotation: Any, field: Any, message: str
) -> None:
    model = pydantic.create_model("Wrong", size=(annotation, field))

    with pytest.raises((TypeError, ValueError), match=f"'piped', field 'size': .*{message}"):
        spec_with(model)
