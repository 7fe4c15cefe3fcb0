"""Running one job in this process: from its folder to its result."""

from __future__ import annotations

import os
import sys

from dendro_local.sdk.files import InputFile, OutputFile
from dendro_local.sdk.job_folder import FOLDER_VARIABLE, JobFolder
from dendro_local.sdk.job_secrets import take_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from dendro_local.sdk.processor import Processor


class Failure:
    """Why a job failed.

    Args:
        error: in one line, for the job's record.
        traceback: where, if an exception says so.
    """

    def __init__(self, error: str, traceback: str | None = None) -> None:
        self.error = error
        self.traceback = traceback


def run_job(processors: Mapping[str, Processor], folder: str | JobFolder) -> bool:
    """Runs the job of a folder and writes its ``result.json``.

    Whatever the processor does short of killing the process, this function returns. The caller
    has set the current directory, TMPDIR and where stdout and stderr go.

    Args:
        processors: those of the app, by name.
        folder: laid out as in `dendro_local.sdk.job_folder`; or what was read of it already.

    Returns:
        Whether the job completed.
    """
    job_folder = JobFolder(folder) if isinstance(folder, str) else folder
    os.environ[FOLDER_VARIABLE] = job_folder.path
    take_secrets(job_folder.path)
    values = _values(job_folder)
    outputs = [value for value in values.values() if isinstance(value, OutputFile)]
    failure = _run_processor(processors, job_folder, values) or _missing_output(outputs)
    if failure is not None:
        sys.stderr.write((failure.traceback or failure.error).rstrip("\n") + "\n")
    sys.stdout.flush()  # the console is whole before there is a result
    sys.stderr.flush()
    job_folder.write_result(
        error=None if failure is None else failure.error,
        traceback=None if failure is None else failure.traceback,
        outputs={output.name: output.location() for output in outputs if output.location()},
    )
    return failure is None


def _values(folder: JobFolder) -> dict[str, Any]:
    """What the definition gives, by the names under which the processor declares it."""
    definition = folder.definition
    values: dict[str, Any] = {}
    lists: dict[str, dict[int, InputFile]] = {}
    for described in definition["inputFiles"]:
        input_file = _input_file(folder, described)
        list_name, index = _place_in_list(input_file.name)
        if index is None:
            values[input_file.name] = input_file
        else:
            lists.setdefault(list_name, {})[index] = input_file
    for list_name, members in lists.items():
        # The definition has them in the order of their names, in which [10] is before [2].
        values[list_name] = [members[index] for index in sorted(members)]
    for described in definition["outputFiles"]:
        values[described["name"]] = OutputFile(
            described["name"],
            file_base_name=described["fileBaseName"],
            url_determined_at_runtime=bool(described.get("urlDeterminedAtRuntime")),
            job_id=folder.job_id,
            folder=folder,
        )
    for parameter in definition["parameters"]:
        values[parameter["name"]] = parameter["value"]
    return values


def _input_file(folder: JobFolder, described: Mapping[str, Any]) -> InputFile:
    path, readable_url = folder.input_location(described["name"])
    return InputFile(
        described["name"],
        url=described["url"],
        file_base_name=described["fileBaseName"],
        local_file_name=path,
        job_id=folder.job_id,
        readable_url=readable_url,
    )


def _place_in_list(name: str) -> tuple[str, int | None]:
    """For ``inputs[3]``, ``inputs`` and 3; for another name, itself and None."""
    list_name, bracket, index = name.rpartition("[")
    if bracket and index.endswith("]") and index[:-1].isdecimal():
        return list_name, int(index[:-1])
    return name, None


def _run_processor(
    processors: Mapping[str, Processor], folder: JobFolder, values: Mapping[str, Any]
) -> Failure | None:
    name = folder.definition["processorName"]
    processor = processors.get(name)
    if processor is None:
        known = ", ".join(map(repr, processors)) or "none"
        return Failure(f"The app has no processor {name!r}. Its processors: {known}.")
    try:
        processor.run(values)
    except SystemExit as request:
        if request.code is None or request.code == 0:
            return None
        return _failure_by(request, f"the app called sys.exit({request.code!r})")
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 (whatever it was, it is recorded)
        return _failure_by(error)
    return None


def _failure_by(error: BaseException, text: str | None = None) -> Failure:
    from dendro_local.sdk.traceback_text import summary, traceback_text

    return Failure(text or summary(error), traceback_text(error))


def _missing_output(outputs: Iterable[OutputFile]) -> Failure | None:
    missing = [(output.name, output.missing_call()) for output in outputs]
    calls = [f"{name!r} ({call} was not called)" for name, call in missing if call is not None]
    if not calls:
        return None
    return Failure(f"The processor ended without its output {', '.join(calls)}.")
