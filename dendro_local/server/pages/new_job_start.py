"""What the form for a new job begins with: defaults, or what an earlier job was made of.

Every field is a text. As long as a text is what it was at first, it stands for exactly what it was
made of: an empty one for null or for an empty text, ``5`` for a number or for a text. So a job that
is run again without an edit has the same definition, whatever is in it.

A field is called by what it is of: ``i.NAME`` an input, ``p.NAME`` a parameter, ``o.NAME`` the file
name of an output. Pure.
"""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote, urlsplit

import msgspec

from dendro_local.file_urls import parse_file_url
from dendro_local.model import (
    Job,
    JobInputFile,
    ParameterValue,
    ProcessorParameter,
    ProcessorSpecification,
)

__all__ = [
    "FormStart",
    "RESOURCES",
    "default_text",
    "derived_name",
    "field_name",
    "is_unchanged",
    "start_from",
    "start_of",
    "text_of",
]

RESOURCES: Mapping[str, tuple[str, str]] = {
    "numCpus": ("CPUs", "1"),
    "numGpus": ("GPUs", "0"),
    "memoryGb": ("Memory (GB)", "4"),
    "timeSec": ("Time (s)", "3600"),
}
"""Labels, and what is filled in at first."""

_OF_EVERY_JOB = ("console_output", "other", "resource_utilization_log")


class FormStart(msgspec.Struct, frozen=True, kw_only=True):
    """What a form begins with."""

    texts: Mapping[str, str]
    """By field."""
    parameters: Mapping[str, ParameterValue | msgspec.UnsetType]
    """By field, what its first text stands for; unset if the parameter is not to be given."""
    inputs: Mapping[str, Sequence[JobInputFile]] = {}
    """By field, what each line of its first text stands for."""
    job: Job | None = None
    """The job from which it is; None if it begins with defaults."""
    local_paths: Mapping[str, str] = {}
    """Where input files of this machine lie, by URL."""
    dropped: Sequence[str] = ()
    """Parameters and inputs of the job that its processor does not take any more."""


def start_of(processor: ProcessorSpecification) -> FormStart:
    """The defaults of a processor."""
    texts = {name: usual for name, (_, usual) in RESOURCES.items()}
    parameters: dict[str, ParameterValue | msgspec.UnsetType] = {}
    for each in processor.parameters:
        field = field_name("p", each.name)
        texts[field] = default_text(each)
        if each.defaultValue is not msgspec.UNSET:
            parameters[field] = each.defaultValue
    return FormStart(texts=texts, parameters=parameters)


def start_from(
    processor: ProcessorSpecification, job: Job, local_paths: Mapping[str, str]
) -> FormStart:
    """What a job was made of, as far as its processor still takes it.

    Args:
        processor: as it is now.
        job: with the URLs that the store knows.
        local_paths: where input files of this machine lie, by URL.
    """
    definition = job.jobDefinition
    usual = start_of(processor)
    texts = dict(usual.texts)
    parameters = dict(usual.parameters)
    given = {each.name: each.value for each in definition.parameters}
    for each in processor.parameters:
        field = field_name("p", each.name)
        if each.name in given:
            parameters[field] = given.pop(each.name)
            texts[field] = text_of(parameters[field])
        elif field in parameters or each.type.startswith("Optional["):
            parameters[field] = msgspec.UNSET
    inputs, strange = _inputs(processor, definition.inputFiles)
    texts |= {field: "\n".join(map(_place, files)) for field, files in inputs.items()}
    named = {each.name for each in processor.outputs}
    for output in definition.outputFiles:
        if output.name in named:
            texts[field_name("o", output.name)] = output.fileBaseName
    for name, value in msgspec.structs.asdict(job.requiredResources).items():
        texts[name] = text_of(value)
    texts["tags"] = ", ".join(job.tags)
    texts["targets"] = ", ".join(job.targetComputeClientIds or [])
    if definition.cacheBust is not msgspec.UNSET:
        texts["cacheBust"] = definition.cacheBust
    return FormStart(
        texts=texts,
        parameters=parameters,
        inputs=inputs,
        job=job,
        local_paths=local_paths,
        dropped=[*strange, *given],
    )


def field_name(kind: str, name: str) -> str:
    """What a field is called: browsers send names that print as they are."""
    return f"{kind}.{name if name.isprintable() else quote(name)}"


def is_unchanged(start: FormStart, values: Mapping[str, str], field: str) -> bool:
    """Whether a field says what it said at first; also if nothing is said of it."""
    first = start.texts.get(field, "")
    return field not in values or _as_sent(values[field]) == _as_sent(first)


def _as_sent(text: str) -> str:
    """A text as it can come back from a browser: all line ends are one, and NUL is none."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def default_text(parameter: ProcessorParameter) -> str:
    """The default of a parameter as it is typed; empty if there is none."""
    default = parameter.defaultValue
    return "" if isinstance(default, msgspec.UnsetType) else text_of(default)


def text_of(value: ParameterValue | msgspec.UnsetType) -> str:
    """A value as it is typed."""
    if value is None or isinstance(value, msgspec.UnsetType):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def derived_name(name: str, url: str) -> str:
    """What a file is called for an app, if nothing else is said.

    Args:
        name: of the input.
        url: of the file.
    """
    try:
        return unquote(urlsplit(url).path).rpartition("/")[2] or name
    except ValueError:
        return name


def _inputs(
    processor: ProcessorSpecification, files: Sequence[JobInputFile]
) -> tuple[dict[str, list[JobInputFile]], list[str]]:
    """The files of each input, a list's in their order, and the names of those of none."""
    found: dict[str, dict[int, JobInputFile]] = {}
    lists = {each.name for each in processor.inputs if each.list is True}
    single = {each.name for each in processor.inputs} - lists
    strange: list[str] = []
    for file in files:
        base, bracket, index = file.name.rpartition("[")
        if file.name in single:
            found[field_name("i", file.name)] = {0: file}
        elif bracket and base in lists and index.removesuffix("]").isdecimal():
            number = int(index.removesuffix("]"))
            found.setdefault(field_name("i", base), {})[number] = file
        else:
            strange.append(file.name)
    return {field: [file for _, file in sorted(of.items())] for field, of in found.items()}, strange


def _place(file: JobInputFile) -> str:
    """An input file as it is typed."""
    own = parse_file_url(file.url)
    place = file.url
    if own is not None and own.output_name not in _OF_EVERY_JOB:
        place = f"dendro:{own.job_id}/{own.output_name}"
    name = file.name.partition("[")[0]
    if derived_name(name, file.url) == file.fileBaseName:
        return place
    return f"{place} as {file.fileBaseName}"
