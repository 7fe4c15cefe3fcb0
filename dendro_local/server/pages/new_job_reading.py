"""What a form for a new job says: a request, or what is wrong with which field.

Pure, but for what is passed in to find input files.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

from dendro_local.client.definitions import base_name_like
from dendro_local.errors import DendroError, InvalidRequest
from dendro_local.hub import NewJob
from dendro_local.local_hub.resources_check import check_resources
from dendro_local.model import (
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    ParameterValue,
    ProcessorInput,
    ProcessorParameter,
    ProcessorSpecification,
    RequiredResources,
)
from dendro_local.parameter_texts import parameter_value
from dendro_local.server.pages.new_job_start import (
    RESOURCES,
    FormStart,
    derived_name,
    field_name,
    is_unchanged,
    text_of,
)

__all__ = ["FormRead", "Found", "read_form"]

MOST_TOLD = 300
"""So many characters of what is wrong."""

OPTIONAL = "Optional["

MOST_QUOTED = 50
"""So many characters of what was typed."""

WANTED: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "List[int]": "whole numbers with commas between them",
    "List[float]": "numbers with commas between them",
    "List[str]": "texts with commas between them, or a list in JSON",
}
"""What is to be typed, by the type of a parameter."""

_renamed = re.compile("(.+?) as (.+)").fullmatch


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An input file that was found."""

    url: str
    """As the store knows it."""
    path: str | None = None
    """Where it is, if it is a file of this machine."""


Find = Callable[[str], Found]
"""Finds an input file by what was typed. Raises a DendroError that says why it cannot."""


class FormRead(msgspec.Struct, kw_only=True):
    """What a form says: a request, or what is wrong with which field."""

    request: NewJob | None = None
    shorter: NewJob | None = None
    """The same without parameters that have their default; None if there are none of these.

    It is the same computation, but not the same definition.
    """
    faults: dict[str, str] = {}
    """Messages by field; those of no field are under an empty name."""


def read_form(
    processor: ProcessorSpecification, start: FormStart, values: Mapping[str, str], find: Find
) -> FormRead:
    """What a form says.

    Args:
        processor: of which it is.
        start: what it began with. Where ``values`` has no field, this holds.
        values: what is filled in, by field.
        find: finds input files.
    """
    return _Reader(processor, start, values, find).read()


class _Reader:
    def __init__(
        self,
        processor: ProcessorSpecification,
        start: FormStart,
        values: Mapping[str, str],
        find: Find,
    ) -> None:
        self._processor = processor
        self._start = start
        self._values = values
        self._find = find
        self._faults: dict[str, str] = {}
        self._local_paths: dict[str, str] = {}
        self._defaults: set[str] = set()
        """Parameters that are as the processor has them, and were not given by an earlier job."""

    def read(self) -> FormRead:
        """What the form says."""
        inputs = [file for each in self._processor.inputs for file in self._input(each)]
        parameters = [
            found for each in self._processor.parameters for found in self._parameter(each)
        ]
        resources = self._resources()
        definition = JobDefinition(
            appName=self._values.get("app", ""),
            processorName=self._processor.name,
            inputFiles=inputs,
            outputFiles=self._outputs(),
            parameters=parameters,
            cacheBust=self._text("cacheBust") or msgspec.UNSET,
        )
        job = self._start.job
        tags, targets = (None, None) if job is None else (job.tags, job.targetComputeClientIds)
        if job is not None and is_unchanged(self._start, self._values, "cacheBust"):
            definition = msgspec.structs.replace(definition, cacheBust=job.jobDefinition.cacheBust)
        if self._faults or resources is None:
            return FormRead(faults=self._faults)
        request = NewJob(
            serviceName=self._values.get("service", ""),
            jobDefinition=definition,
            requiredResources=resources,
            targetComputeClientIds=self._names("targets", targets) or None,
            tags=self._names("tags", tags),
            skipCache="skipCache" in self._values,
            rerunFailing="rerunFailing" in self._values,
            local_paths=self._local_paths,
        )
        return FormRead(request=request, shorter=self._shorter(request))

    def _shorter(self, request: NewJob) -> NewJob | None:
        definition = request.jobDefinition
        kept = [each for each in definition.parameters if each.name not in self._defaults]
        if len(kept) == len(definition.parameters):
            return None
        return msgspec.structs.replace(
            request, jobDefinition=msgspec.structs.replace(definition, parameters=kept)
        )

    def _text(self, field: str) -> str:
        """What is in a field, without blanks around it."""
        return self._values.get(field, self._start.texts.get(field, "")).strip()

    def _fault(self, field: str, message: str) -> None:
        cut = message if len(message) <= MOST_TOLD else f"{message[:MOST_TOLD]}..."
        self._faults.setdefault(field, cut)

    def _names(self, field: str, first: list[str] | None) -> list[str]:
        """Names that stand with commas between them."""
        if first is not None and is_unchanged(self._start, self._values, field):
            return first
        return [name.strip() for name in self._text(field).split(",") if name.strip()]

    # Inputs and outputs

    def _input(self, spec: ProcessorInput) -> list[JobInputFile]:
        field = field_name("i", spec.name)
        is_list = spec.list is True
        first = self._start.inputs.get(field, ())
        if first and is_unchanged(self._start, self._values, field):
            return [self._kept(file) for file in first]
        lines = self._text(field).replace("\r", "\n").split("\n")
        places = [line.strip() for line in lines if line.strip()]
        if not is_list and len(places) != 1:
            self._fault(field, "Give one file." if places else "Give a file.")
            return []
        known = dict(zip(self._start.texts.get(field, "").split("\n"), first, strict=False))
        found: list[JobInputFile] = []
        for index, place in enumerate(places):
            name = f"{spec.name}[{index}]" if is_list else spec.name
            if place in known:
                found.append(self._kept(msgspec.structs.replace(known[place], name=name)))
                continue
            try:
                found.append(self._found(spec.name, name, place))
            except DendroError as error:
                self._fault(field, f"Line {index + 1}: {error}" if len(places) > 1 else str(error))
        return found

    def _kept(self, file: JobInputFile) -> JobInputFile:
        """A file of the job from which the form is."""
        path = self._start.local_paths.get(file.url)
        if path is not None:
            self._local_paths[file.url] = path
        return file

    def _found(self, input_name: str, name: str, place: str) -> JobInputFile:
        renamed = None if place.startswith(("/", "~")) else _renamed(place)
        found = self._find(renamed[1] if renamed else place)
        if found.path is not None:
            self._local_paths[found.url] = found.path
            base_name = base_name_like(input_name, found.path.rpartition("/")[2])
        elif found.url.startswith("dendro:sha256/"):
            base_name = input_name
        else:
            base_name = derived_name(input_name, found.url)
        return JobInputFile(
            name=name, fileBaseName=renamed[2].strip() if renamed else base_name, url=found.url
        )

    def _outputs(self) -> list[JobOutputFile]:
        job = self._start.job
        earlier = {} if job is None else {each.name: each for each in job.jobDefinition.outputFiles}
        found: list[JobOutputFile] = []
        for spec in self._processor.outputs:
            field = field_name("o", spec.name)
            if spec.name in earlier and is_unchanged(self._start, self._values, field):
                found.append(earlier[spec.name])
                continue
            is_set = True if spec.urlDeterminedAtRuntime is True else msgspec.UNSET
            base_name = self._text(field) or spec.name
            found.append(
                JobOutputFile(name=spec.name, fileBaseName=base_name, urlDeterminedAtRuntime=is_set)
            )
        return found

    # Parameters

    def _parameter(self, spec: ProcessorParameter) -> list[JobParameter]:
        """The parameter as it is given; none if it is wrong, or not to be given."""
        field = field_name("p", spec.name)
        first = self._start.parameters
        if field in first and is_unchanged(self._start, self._values, field):
            value = first[field]
            if isinstance(value, msgspec.UnsetType):
                return []
            if self._start.job is None:
                self._defaults.add(spec.name)
            return [JobParameter(name=spec.name, value=value)]
        try:
            return [JobParameter(name=spec.name, value=self._value(spec, field))]
        except (ValueError, RecursionError):
            type_ = spec.type[len(OPTIONAL) : -1] if _is_optional(spec) else spec.type
            wanted = WANTED.get(type_, f"a value of type {type_}")
            self._fault(field, _to_give(wanted, self._values.get(field, "")))
        except InvalidRequest as error:
            self._fault(field, str(error))
        return []

    def _value(self, spec: ProcessorParameter, field: str) -> ParameterValue:
        text = self._values.get(field, "").replace("\r\n", "\n")
        is_text = spec.type in ("str", "Optional[str]")
        if not text.strip():
            if _is_optional(spec):
                return None
            if spec.defaultValue is msgspec.UNSET:
                more = ", or [] for an empty list" if spec.type.startswith("List[") else ""
                raise InvalidRequest(f"Give a value{more}.")
            if not is_text and not spec.type.startswith("List["):
                raise InvalidRequest(f"Give a value; its default is {text_of(spec.defaultValue)}.")
        if isinstance(spec.options, list) and spec.options:
            for option in spec.options:
                if text_of(option) == text:
                    chosen: ParameterValue = option
                    return chosen
            raise InvalidRequest("Choose one of the options.")
        return parameter_value(spec.type, text if is_text else text.strip())

    # Resources

    def _resources(self) -> RequiredResources | None:
        numbers: dict[str, int | float] = {}
        for name in RESOURCES:
            text = self._text(name)
            try:
                number = float(text)
                numbers[name] = int(number) if number.is_integer() else number
            except ValueError:
                self._fault(name, _to_give("a number", text))
        if len(numbers) < len(RESOURCES):
            return None
        usual: dict[str, int | float] = {"numCpus": 1, "numGpus": 0, "memoryGb": 1, "timeSec": 1}
        for name, number in numbers.items():
            try:
                # One after the other, so that what is wrong is told beside its own field.
                check_resources(_resources_of({**usual, name: number}))
            except InvalidRequest as error:
                told = str(error).removeprefix(f"requiredResources.{name} is ")
                self._fault(name, f"Give {told}")
        return _resources_of(numbers)


def _is_optional(spec: ProcessorParameter) -> bool:
    """Whether a parameter may be null."""
    return spec.type.startswith(OPTIONAL)


def _to_give(wanted: str, text: str) -> str:
    """What is to be given instead of a text."""
    return f"Give {wanted}; not {text[:MOST_QUOTED]!r}." if text else f"Give {wanted}."


def _resources_of(numbers: Mapping[str, int | float]) -> RequiredResources:
    """The resources, not checked yet."""
    return RequiredResources(
        numCpus=numbers["numCpus"],  # type: ignore[arg-type]  # what is wrong is told
        numGpus=numbers["numGpus"],  # type: ignore[arg-type]
        memoryGb=numbers["memoryGb"],
        timeSec=numbers["timeSec"],
    )
