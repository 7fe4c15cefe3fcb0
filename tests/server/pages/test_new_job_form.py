"""What a form for a new job says: of what is typed, and of a job that is run again with edits."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dendro_local.definition import definition_hash
from dendro_local.errors import InvalidRequest
from dendro_local.model import (
    Job,
    JobDefinition,
    JobId,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    ProcessorSpecification,
    RequiredResources,
)
from dendro_local.server.pages.new_job_form import address_of, form_of
from dendro_local.server.pages.new_job_reading import FormRead, Found, read_form
from dendro_local.server.pages.new_job_start import FormStart, start_from, start_of
from dendro_local.server.pages.rendering import _templates
from tests.server.conftest import SERVICE
from tests.server.pages.odd_app import APP, parameter, processor

ODD = "a b[0] \"'><script>&amp;\n\t\0]"


def find(place: str) -> Found:
    """The files of these tests: all that is a URL, and one of this machine."""
    if place == "/data/rec.nwb.lindi.json":
        return Found(url="dendro:sha256/" + "0" * 64, path=place)
    if ":" not in place:
        raise InvalidRequest(f"{place!r} is no input.")
    return Found(url=place)


def read(spec: ProcessorSpecification, **values: str) -> FormRead:
    """What a new form says with these parameters filled in."""
    typed = {f"p.{name}": text for name, text in values.items()}
    return read_form(spec, start_of(spec), {"service": SERVICE, "app": APP, **typed}, find)


def value(type_: str, text: str, **more: Any) -> Any:
    """The value of a parameter of this type; what is wrong, if something is."""
    found = read(processor(parameter("x", type_, **more)), x=text)
    if found.request is None:
        return found.faults["p.x"]
    [only] = found.request.jobDefinition.parameters
    return only.value


def as_job(definition: JobDefinition, **more: Any) -> Job:
    """A job's record as a store has it."""
    fields: dict[str, Any] = {
        "jobId": JobId("a" * 20),
        "serviceName": SERVICE,
        "userId": "",
        "batchId": "",
        "tags": [],
        "jobDefinition": definition,
        "jobDefinitionHash": "",
        "jobDependencies": [],
        "requiredResources": RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60),
        "inputFileUrlList": [],
        "outputFileUrlList": [],
        "outputFileResults": [],
        "consoleOutputUrl": "",
        "resourceUtilizationLogUrl": "",
        "timestampCreatedSec": 0.0,
        "timestampUpdatedSec": 0.0,
        "isRunnable": True,
    }
    return Job(**(fields | more))


@pytest.mark.parametrize(
    ("type_", "text", "wanted"),
    [
        ("int", " 7 ", 7),
        ("float", "1e-3", 0.001),
        ("bool", "true", True),
        ("str", " as it is ", " as it is "),
        ("str", "null", "null"),
        ("Optional[float]", "", None),
        ("Optional[str]", "", None),
        ("List[int]", "1, 2", [1, 2]),
        ("List[str]", '["a, b", "c"]', ["a, b", "c"]),
        ("List[int]", "[]", []),
        ("Optional[List[float]]", "", None),
    ],
)
def test_what_is_typed_is_read_as_the_type_of_the_parameter(
    type_: str, text: str, wanted: object
) -> None:
    assert value(type_, text) == wanted


@pytest.mark.parametrize(
    ("type_", "text", "more", "told"),
    [
        ("int", "", {}, "Give a value."),
        ("str", "", {}, "Give a value."),
        ("List[int]", " ", {}, "Give a value, or [] for an empty list."),
        ("float", "", {"defaultValue": 2.5}, "Give a value; its default is 2.5."),
        ("int", "7.5", {}, "Give a whole number; not '7.5'."),
        ("float", "nan", {}, "Give a number; not 'nan'."),
        ("Optional[bool]", "no", {}, "Give true or false; not 'no'."),
        ("List[int]", "1, x", {}, "Give whole numbers with commas between them; not '1, x'."),
        (
            "Optional[List[float]]",
            "[" * 90_000,
            {},
            f"Give numbers with commas between them; not '{'[' * 50}'.",
        ),
        ("float", "3", {"options": [0.5, 1]}, "Choose one of the options."),
    ],
)
def test_what_cannot_be_read_is_told_of_its_field(
    type_: str, text: str, more: Mapping[str, Any], told: str
) -> None:
    assert value(type_, text, **more) == told


def test_what_is_wrong_is_not_told_at_the_length_of_what_was_typed() -> None:
    told = value("int", "x" * 1_000_000)

    assert told.startswith("Give a whole number; not 'xxx")
    assert len(told) < 100


def test_an_option_is_the_value_that_the_spec_has() -> None:
    assert value("float", "1", options=[0.5, 1]) == 1
    assert type(value("str", "1", options=["1", 2])) is str


def test_a_default_holds_until_another_value_is_typed_and_an_empty_text_is_one() -> None:
    spec = processor(
        parameter("x", "str", defaultValue="usual"), parameter("y", "float", defaultValue=3)
    )
    first, other = read(spec).request, read(spec, x="").request
    assert first is not None
    assert other is not None

    assert [each.value for each in first.jobDefinition.parameters] == ["usual", 3]
    assert [each.value for each in other.jobDefinition.parameters] == ["", 3]


def test_parameters_stand_in_the_groups_that_their_names_say() -> None:
    names = ["detect.sign", "x", "filter.low.hz", "detect.n", "a b.c", "1.", "<i>.x"]
    form = form_of(spec := processor(*map(parameter, names)), start_of(spec), {})

    shown = {group.name: [field.label for field in group.fields] for group in form.groups}
    assert shown == {
        "": ["x", "a b.c", "1.", "<i>.x"],
        "detect": ["sign", "n"],
        "filter.low": ["hz"],
    }


def test_inputs_are_found_and_named_for_the_app() -> None:
    spec = processor(inputs=("rec", "more"), lists=("probes",))
    lines = "http://x/a.json\r\n\r\n dendro:f/s/a/p/j/o/b%20c.txt as d e.txt \r\n"
    values = {
        "i.rec": "/data/rec.nwb.lindi.json",
        "i.more": "https://x/y%20z.nwb?token=1",
        "i.probes": lines,
        "o.output": " out.txt",
        "app": APP,
        "service": SERVICE,
    }
    request = read_form(spec, start_of(spec), values, find).request
    assert request is not None

    files = [(each.name, each.fileBaseName, each.url) for each in request.jobDefinition.inputFiles]
    local = "dendro:sha256/" + "0" * 64
    assert files == [
        ("rec", "rec.nwb.lindi.json", local),
        ("more", "y z.nwb", "https://x/y%20z.nwb?token=1"),
        ("probes[0]", "a.json", "http://x/a.json"),
        ("probes[1]", "d e.txt", "dendro:f/s/a/p/j/o/b%20c.txt"),
    ]
    assert request.local_paths == {local: "/data/rec.nwb.lindi.json"}
    assert request.jobDefinition.outputFiles[0].fileBaseName == "out.txt"


def test_every_input_that_is_not_one_file_is_told_of() -> None:
    spec = processor(inputs=("a", "b", "c"), lists=("many",))
    values = {"i.b": "x:1\ny:2", "i.c": "nothing", "i.many": "x:1\nnothing"}

    assert read_form(spec, start_of(spec), values, find).faults == {
        "i.a": "Give a file.",
        "i.b": "Give one file.",
        "i.c": "'nothing' is no input.",
        "i.many": "Line 2: 'nothing' is no input.",
    }


def test_resources_that_no_job_can_have_are_told_of_each_in_its_place() -> None:
    values = {"numCpus": "1.5", "numGpus": "-1", "memoryGb": "inf", "timeSec": "soon"}
    spec = processor()

    assert read_form(spec, start_of(spec), values, find).faults == {
        "timeSec": "Give a number; not 'soon'."
    }
    assert read_form(spec, start_of(spec), {**values, "timeSec": "nan"}, find).faults == {
        "numCpus": "Give a whole number, 0 or more; not 1.5.",
        "numGpus": "Give a whole number, 0 or more; not -1.",
        "memoryGb": "Give a number of GB, more than 0; not inf.",
        "timeSec": "Give a number of seconds, more than 0; not nan.",
    }


# A job that is run again with edits


scalars = st.one_of(
    st.text(max_size=12),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
lists = st.one_of(
    st.lists(st.text(max_size=5), max_size=4),
    st.lists(st.booleans(), max_size=3),
    st.lists(st.integers(-9, 9), max_size=3),
)
values: st.SearchStrategy[Any] = st.one_of(
    st.none(), scalars, lists, st.text(min_size=200, max_size=400)
)
path_parts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=9
).filter(lambda text: text not in (".", ".."))
types = st.sampled_from(["str", "int", "Optional[str]", "List[str]", "Optional[List[int]]", "odd"])


@st.composite
def jobs(draw: st.DrawFn) -> tuple[ProcessorSpecification, Job]:
    """A processor, and a job of it that may leave out some parameters."""
    names = draw(st.lists(st.text(min_size=1, max_size=6), unique=True, max_size=4))
    inputs = draw(st.lists(path_parts, unique=True, max_size=3))
    is_list = [draw(st.booleans()) for _ in inputs]
    spec = processor(
        *[parameter(name, draw(types), defaultValue=draw(scalars)) for name in names],
        inputs=tuple(name for name, many in zip(inputs, is_list, strict=True) if not many),
        lists=tuple(name for name, many in zip(inputs, is_list, strict=True) if many),
    )
    files: list[JobInputFile] = []
    for name, many in zip(inputs, is_list, strict=True):
        count = draw(st.integers(1, 12)) if many else 1
        for index in range(count):
            url = draw(st.sampled_from(["http://x/y", "dendro:f/s/a/p/j/o/n", "x y:z as w", "d:"]))
            own = f"{name}[{index}]" if many else name
            files.append(JobInputFile(name=own, fileBaseName=draw(path_parts), url=url))
    given_names = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    bust = draw(st.just(msgspec.UNSET) | st.text(max_size=4))
    definition = JobDefinition(
        appName=APP,
        processorName="odd",
        inputFiles=draw(st.permutations(files)),
        outputFiles=[JobOutputFile(name="output", fileBaseName=draw(path_parts))],
        parameters=[JobParameter(name=name, value=draw(values)) for name in given_names],
        cacheBust=bust,
    )
    tags = draw(st.lists(st.text(min_size=1, max_size=5), max_size=3))
    memory = draw(st.floats(1e-9, 1e9))
    resources = RequiredResources(numCpus=123_456_789, numGpus=0, memoryGb=memory, timeSec=0.1)
    return spec, as_job(definition, tags=tags, requiredResources=resources)


class Controls(HTMLParser):
    """What a browser would send of a form without a change: names and texts of its controls."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._name = ""
        self._text: str | None = None
        self._select = ""
        # As a browser's parser does with what comes in.
        self.feed(html.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: text or "" for name, text in attrs}
        if tag == "input":
            # A single line has no line ends.
            self.sent[found["name"]] = found["value"].replace("\n", "").replace("\r", "")
        elif tag == "textarea":
            self._name, self._text = found["name"], ""
        elif tag == "select":
            self._select = found["name"]
            self.sent[self._select] = ""
        elif tag == "option" and "selected" in found:
            self.sent[self._select] = found["value"]

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text is not None:
            text = self._text.removeprefix("\n").replace("\r\n", "\n").replace("\r", "\n")
            self.sent[self._name] = text.replace("\n", "\r\n")
            self._text = None


def shown(spec: ProcessorSpecification, start: FormStart, texts: Mapping[str, str]) -> str:
    """The fields of a form as the page has them."""
    field: Any = _templates().get_template("_new_field.html").module
    every = form_of(spec, start, texts).by_name().values()
    return "".join(str(field.field(each, {}, {})) for each in every)


@settings(deadline=None)
@given(jobs())
def test_a_job_comes_back_from_its_form_as_it_was(made: tuple[ProcessorSpecification, Job]) -> None:
    spec, job = made
    start = start_from(spec, job, {})
    sent = {**Controls(shown(spec, start, {})).sent, "service": SERVICE, "app": APP}

    read = read_form(spec, start, sent, find)

    assert read.request is not None, read.faults
    assert definition_hash(read.request.jobDefinition) == definition_hash(job.jobDefinition)
    assert read.request.requiredResources == job.requiredResources
    assert list(read.request.tags) == list(job.tags)
    assert address_of(start, sent) == f"/new?from={job.jobId}"


def test_an_edit_changes_what_was_edited_and_nothing_else() -> None:
    spec = processor(
        parameter("x", "str"),
        parameter("y", "Optional[str]"),
        parameter("z", "int", defaultValue=1),
    )
    definition = JobDefinition(
        appName=APP,
        processorName="odd",
        inputFiles=[],
        outputFiles=[JobOutputFile(name="output", fileBaseName="o.txt")],
        parameters=[JobParameter(name="x", value=5), JobParameter(name="y", value="")],
    )
    start = start_from(spec, as_job(definition), {})
    edited = {"service": SERVICE, "app": APP, "p.x": "5", "p.y": "new", "p.z": "1"}
    request = read_form(spec, start, edited, find).request
    assert request is not None

    given = {each.name: each.value for each in request.jobDefinition.parameters}
    assert given == {"x": 5, "y": "new"}
    assert address_of(start, edited) == f"/new?from={'a' * 20}&p.y=new"


def test_a_list_of_inputs_keeps_its_files_when_one_is_added_or_taken_away() -> None:
    spec = processor(lists=("many",))
    files = [
        JobInputFile(
            name=f"many[{index}]", fileBaseName=f"{index} as x.nwb", url=f"http://x/{index}"
        )
        for index in range(12)
    ]
    definition = JobDefinition(
        appName=APP,
        processorName="odd",
        inputFiles=sorted(files, key=lambda file: file.name),
        outputFiles=[JobOutputFile(name="output", fileBaseName="o")],
        parameters=[],
    )
    start = start_from(spec, as_job(definition), {"http://x/3": "/data/3"})
    lines = start.texts["i.many"].split("\n")
    edited = {"app": APP, "i.many": "\r\n".join([*lines[2:], "http://x/new.nwb"])}
    request = read_form(spec, start, edited, find).request
    assert request is not None

    found = request.jobDefinition.inputFiles
    assert [file.name for file in found] == [f"many[{index}]" for index in range(11)]
    wanted = [f"{index} as x.nwb" for index in range(2, 12)] + ["new.nwb"]
    assert [file.fileBaseName for file in found] == wanted
    assert request.local_paths == {"http://x/3": "/data/3"}


def test_what_the_processor_does_not_take_any_more_is_told_of() -> None:
    definition = JobDefinition(
        appName=APP,
        processorName="odd",
        inputFiles=[JobInputFile(name="old", fileBaseName="a", url="x:y")],
        outputFiles=[],
        parameters=[JobParameter(name="gone", value=1)],
    )

    assert start_from(processor(), as_job(definition), {}).dropped == ["old", "gone"]


def test_the_address_has_what_was_filled_in_and_gives_it_back() -> None:
    spec = processor(parameter(ODD), parameter("n", "int", defaultValue=3), inputs=("a b",))
    start = start_of(spec)
    [odd] = [name for name in form_of(spec, start, {}).by_name() if "script" in name]
    values = {
        "service": SERVICE,
        "app": APP,
        "processor": "odd",
        "i.a b": "http://x/ü y?z=1&a=2",
        odd: "text & + %20 \n",
        "p.n": "3",
        "skipCache": "yes",
    }
    address = address_of(start, values)
    assert address is not None

    back = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
    assert back == {name: text for name, text in values.items() if name != "p.n"}
    assert address_of(start, {**values, odd: "x" * 10_000}) is None


def test_a_name_of_an_app_cannot_leave_its_place_in_the_page() -> None:
    spec = processor(parameter(ODD), parameter("x", options=[ODD, "y"]))
    start = start_of(spec)

    html = shown(spec, start, {"p.x": ODD})

    assert "<script>" not in html
    sent = Controls(html).sent
    assert sent["p.x"] == ODD.replace("\0", "\ufffd")
    assert set(form_of(spec, start, {}).by_name()) == set(sent)
