"""Running a processor of an app once without recording anything, for the app's author."""

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from dendro_local.app_python import app_python
from dendro_local.app_source import (
    AppFolder,
    imported_sdk,
    python_path_with_sdk,
    specification_of_folder,
)
from dendro_local.compatibility import check_compatible
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.process_runtime import ProcessRuntime
from dendro_local.compute.runner import fault
from dendro_local.config import store_folder
from dendro_local.definition import normal_form
from dendro_local.definition_check import check_definition
from dendro_local.hub import ClaimedApp, FetchedInput
from dendro_local.model import Job, JobDefinition, JobId, RequiredResources

__all__ = ["Trial", "try_processor"]


TRIAL = "trial"
"""What the job and its service are called: neither exists."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How a trial ended: the error if there was one, what was printed, the outputs by name.

    An output is a file, the URL that the app set, or None where its file was not to be kept.
    """

    error: str | None
    console: str
    outputs: Mapping[str, Path | str | None]


def try_processor(
    app_folder: Path,
    definition: JobDefinition,
    inputs: Mapping[str, FetchedInput],
    output_folder: Path,
    kept: Collection[str] | None = None,
) -> Trial:
    """Run a processor of the app in a folder once.

    Args:
        app_folder: the app's folder, with ``main.py``.
        definition: what to run; the URLs of its inputs are not looked at.
        inputs: where each input is.
        output_folder: where the outputs are put, under their file names.
        kept: names of the outputs that are put there; None for all.

    Raises:
        InvalidApp: the folder is no app's, or does not give its spec.
        InvalidRequest: the definition does not fit the processor.
    """
    app_folder = app_folder.absolute()
    state = AppFolder(app_folder)
    with tempfile.TemporaryDirectory(prefix="dendro-trial-") as temporary:
        sdk_folder = Path(temporary) / "sdk"
        sdk_folder.mkdir()
        environments = store_folder() / "envs"
        python = app_python(app_folder, environments, _tell)
        assert python is not None  # noqa: S101 - nobody stops it
        specification = specification_of_folder(app_folder, sdk_folder, python)
        check_definition(definition)
        definition = normal_form(definition)
        check_compatible(definition, specification)
        folder = JobFolder(Path(temporary) / "job")
        folder.make()
        folder.write_job(TRIAL, TRIAL, definition, inputs)
        app = ClaimedApp(
            folder=app_folder,
            python_path=python_path_with_sdk(sdk_folder),
            state="",
            environments=environments,
            python=python,
            sdk=imported_sdk(state),
        )
        with contextlib.closing(ProcessRuntime(is_eager=False)) as runtime:
            process = runtime.prepare_cold(app, 1, None)(folder, _trial_job(definition), inputs)
            try:
                exit_code = process.wait()
            except BaseException:
                process.stop()
                process.wait()
                raise
        result = folder.result()
        error = fault(definition, folder, result, exit_code)
        outputs: dict[str, Path | str | None] = {}
        if error is None and result is not None:
            base_names = {file.name: file.fileBaseName for file in definition.outputFiles}
            for name, left in folder.left(result).outputs.items():
                if isinstance(left, str):
                    outputs[name] = left
                elif kept is not None and name not in kept:
                    outputs[name] = None
                else:
                    output_folder.mkdir(parents=True, exist_ok=True)
                    outputs[name] = Path(shutil.move(left, output_folder / base_names[name]))
        console = folder.console.read_bytes().decode(errors="replace")
        return Trial(error=error, console=console, outputs=outputs)


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _trial_job(definition: JobDefinition) -> Job:
    """The record for an app that asks for one."""
    return Job(
        jobId=JobId(TRIAL),
        serviceName=TRIAL,
        userId="",
        batchId="",
        tags=[],
        jobDefinition=definition,
        jobDefinitionHash="",
        jobDependencies=[],
        requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=0, timeSec=0),
        inputFileUrlList=[file.url for file in definition.inputFiles],
        outputFileUrlList=[],
        outputFileResults=[],
        consoleOutputUrl="",
        resourceUtilizationLogUrl="",
        timestampCreatedSec=time.time(),
        isRunnable=True,
    )
