"""What a script writes to say what it wants computed.

These have the names and fields of the original's client. They may be changed until they are
submitted; what is submitted is checked then, and every fault names its field.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from dendro_local.client.progress import file_progress
from dendro_local.errors import InvalidDefinition
from dendro_local.hub import Hub
from dendro_local.model import (
    JobDefinition,
    JobId,
    JobInputFile,
    JobOutputFile,
    JobParameter,
)

if TYPE_CHECKING:
    from dendro_local.client.handle import DendroJobOutput

__all__ = [
    "DendroJobDefinition",
    "DendroJobInputFile",
    "DendroJobOutputFile",
    "DendroJobParameter",
    "DendroJobRequiredResources",
    "Resolved",
    "base_name_like",
    "resolve",
]


class _Written(msgspec.Struct, kw_only=True):
    """What these have in common: made by keyword, compared by value."""

    def model_dump(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """The fields as a plain dict, as the original's records give them."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return {
            key: value for key, value in fields.items() if value is not None or not exclude_none
        }

    dict = model_dump


class DendroJobOutputFile(_Written, kw_only=True, dict=True):
    """An output file that a job is to give.

    Once the job is submitted, the object itself can be the ``url`` of another job's input.
    """

    name: str
    fileBaseName: str
    urlDeterminedAtRuntime: bool | None = None


class DendroJobInputFile(_Written, kw_only=True):
    """An input file: a URL, the output of another job, or a file of this machine.

    A file of this machine is given as ``path`` (or as a ``file://`` URL) and recorded by its
    content, so that a renamed file is the same input and an edited one is another.

    Args:
        name: the input's name in the processor.
        fileBaseName: the file's name as the app sees it. For a ``path`` it may be left out: it is
            then made from the input's name and the file's ending, so that it does not depend on
            what the file happens to be called.
        url: an http(s) URL, ``job.get_output(...)``, or the `DendroJobOutputFile` of a submitted
            job.
        path: a file of this machine.
    """

    name: str
    fileBaseName: str | None = None
    url: "str | DendroJobOutput | DendroJobOutputFile | None" = None
    path: str | os.PathLike[str] | None = None


class DendroJobParameter(_Written, kw_only=True):
    """A parameter: a string, number, boolean, list of one of these, or None."""

    name: str
    value: Any


class DendroJobRequiredResources(_Written, kw_only=True):
    """What a job needs: whole CPUs and GPUs, memory in GB, and at most how many seconds."""

    numCpus: int
    numGpus: int
    memoryGb: float
    timeSec: float


class DendroJobDefinition(_Written, kw_only=True):
    """What is to be computed: a processor of an app, its inputs, outputs and parameters."""

    appName: str
    processorName: str
    inputFiles: list[DendroJobInputFile]
    outputFiles: list[DendroJobOutputFile]
    parameters: list[DendroJobParameter]
    cacheBust: str | None = None


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A definition as a hub takes it, with what its inputs are besides URLs."""

    definition: JobDefinition
    dependencies: list[JobId]
    local_paths: dict[str, str]


def resolve(definition: object, hub: Hub) -> Resolved:
    """The record of a definition: outputs of jobs and local files become URLs.

    Raises:
        InvalidDefinition: a field cannot be what it is; names it.
        InputUnavailable: a local file is not there.
    """
    if not isinstance(definition, DendroJobDefinition):
        raise InvalidDefinition(
            f"job_definition is a DendroJobDefinition, not {type(definition).__name__}."
        )
    _check_list("inputFiles", definition.inputFiles, DendroJobInputFile)
    _check_list("outputFiles", definition.outputFiles, DendroJobOutputFile)
    _check_list("parameters", definition.parameters, DendroJobParameter)
    dependencies: list[JobId] = []
    local_paths: dict[str, str] = {}
    inputs = [
        _resolve_input(file, hub, dependencies, local_paths) for file in definition.inputFiles
    ]
    record = JobDefinition(
        appName=definition.appName,
        processorName=definition.processorName,
        inputFiles=inputs,
        outputFiles=[
            JobOutputFile(
                name=file.name,
                fileBaseName=file.fileBaseName,
                urlDeterminedAtRuntime=(
                    msgspec.UNSET
                    if file.urlDeterminedAtRuntime is None
                    else file.urlDeterminedAtRuntime
                ),
            )
            for file in definition.outputFiles
        ],
        parameters=[
            JobParameter(name=parameter.name, value=parameter.value)
            for parameter in definition.parameters
        ],
        cacheBust=msgspec.UNSET if definition.cacheBust is None else definition.cacheBust,
    )
    return Resolved(definition=record, dependencies=dependencies, local_paths=local_paths)


def _check_list(field: str, given: object, kind: type[_Written]) -> None:
    if not isinstance(given, list | tuple):
        raise InvalidDefinition(
            f"{field} is of type {type(given).__name__}. Give a list of {kind.__name__}."
        )
    for index, entry in enumerate(cast("Sequence[object]", given)):
        if not isinstance(entry, kind):
            raise InvalidDefinition(
                f"{field}[{index}] is of type {type(entry).__name__}. Give {kind.__name__}(...)."
            )


def _resolve_input(
    file: DendroJobInputFile, hub: Hub, dependencies: list[JobId], local_paths: dict[str, str]
) -> JobInputFile:
    path = _path_of(file)
    if path is not None:
        url = hub.file_url(path, file_progress())
        local_paths[url] = str(path)
        name = file.fileBaseName or base_name_like(file.name, path.name)
        return JobInputFile(name=file.name, fileBaseName=name, url=url)
    given = file.url
    if isinstance(given, DendroJobOutputFile):
        given = getattr(given, "_output", None)
        if given is None:
            raise InvalidDefinition(
                f"Input {file.name!r} is the output of a job that has not been submitted. Submit "
                "that job first."
            )
    if isinstance(given, str) or given is None:
        url = given or ""
    elif hasattr(given, "jobId") and hasattr(given, "url"):
        url = given.url
        if given.jobId not in dependencies:
            dependencies.append(given.jobId)
    else:
        raise InvalidDefinition(
            f"The url of input {file.name!r} is a {type(given).__name__}. It may be a string, "
            "`job.get_output(...)`, or the DendroJobOutputFile of a submitted job; a file of this "
            "machine is given as path=."
        )
    if not url:
        raise InvalidDefinition(
            f"Input {file.name!r} has neither a url nor a path. Give one of them."
        )
    if ":" not in url:
        raise InvalidDefinition(
            f"The url of input {file.name!r} is {url!r}, which is no URL. A file of this machine "
            "is given as path=."
        )
    in_url = unquote(_split(file.name, url).path).rpartition("/")[2]
    return JobInputFile(
        name=file.name, fileBaseName=file.fileBaseName or in_url or file.name, url=url
    )


def _split(name: str, url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise InvalidDefinition(f"Input {name!r}: {url!r} is no URL: {error}.") from error


def _path_of(file: DendroJobInputFile) -> Path | None:
    """The local file that an input names, if it names one."""
    if file.path is not None:
        if file.url is not None:
            raise InvalidDefinition(f"Input {file.name!r} has both a url and a path; give one.")
        try:
            return Path(file.path).expanduser().absolute()
        except (TypeError, RuntimeError) as error:  # no path; or ~ of a user whom nobody knows
            raise InvalidDefinition(
                f"The path of input {file.name!r} is {file.path!r}: {error}. Give the path of a "
                "file of this machine."
            ) from error
    if isinstance(file.url, str) and file.url.startswith("file:"):
        parts = _split(file.name, file.url)
        if parts.netloc not in ("", "localhost"):
            raise InvalidDefinition(
                f"Input {file.name!r}: {file.url} names a file of another machine."
            )
        return Path(unquote(parts.path))
    return None


_DOUBLE_ENDINGS = (".nwb.lindi.json", ".nwb.lindi.tar", ".lindi.json", ".lindi.tar", ".tar.gz")


def base_name_like(name: str, file_name: str) -> str:
    """A file name from an input's name and the ending of a file: ``input.nwb``."""
    lower = file_name.lower()
    double = next((end for end in _DOUBLE_ENDINGS if lower.endswith(end)), None)
    ending = file_name[-len(double) :] if double else Path(file_name).suffix
    return f"{name}{ending}"
