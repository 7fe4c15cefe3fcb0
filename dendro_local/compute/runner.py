"""Running one job from claim to end."""

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping

from dendro_local.compute.app_process import AppProcess
from dendro_local.compute.job_folder import AppResult, JobFolder
from dendro_local.errors import ClaimLost, DendroError
from dendro_local.hub import Claim, ClaimedApp, Hub
from dendro_local.model import JobDefinition

__all__ = ["JobRun", "app_environment", "fault"]

_KEPT_FROM_APPS = (
    "DENDRO_API_KEY",
    "DENDRO_API_URL",
    "SPEC_OUTPUT_FILE",
    "JOB_PRIVATE_KEY",
    "JOB_INTERNAL",
)
"""Keys of a hub, and words by which another SDK would take the process for something else."""


class JobRun:
    """One run of a claimed job. `run` in a thread of its own; `stop` from any other."""

    def __init__(self, hub: Hub, claim: Claim) -> None:
        self.claim = claim
        self._hub = hub
        self._folder = JobFolder(claim.folder)
        self._lock = threading.Lock()
        self._process: AppProcess | None = None
        self._stopped_because: str | None = None
        self._released = False
        self._deadline: float | None = None

    @property
    def deadline(self) -> float | None:
        """When the job's time is up, by `time.monotonic`; None before its app was started."""
        return self._deadline

    def stop(self, reason: str) -> None:
        """End the app; the job fails for this reason."""
        with self._lock:
            self._stopped_because = self._stopped_because or reason
            process = self._process
        if process is not None:
            process.stop()

    def stop_and_release(self) -> None:
        """End the app; the job is pending again."""
        self._released = True
        self.stop("released")

    def run(self) -> None:
        """Run the job to its end and record it. Raises nothing."""
        try:
            self._run()
        except ClaimLost:
            pass  # canceled, deleted or another's: there is nothing to record
        except DendroError as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(_system_error(error))
        except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, the job says so
            self._fail(f"The compute client could not run the job: {error!r}. Please report this.")
        finally:
            self._folder.remove()

    def _run(self) -> None:
        claim = self.claim
        app = self._hub.app_of(claim)
        definition = claim.job.jobDefinition
        inputs = {file.name: self._hub.fetch_input(claim, file) for file in definition.inputFiles}
        self._folder.make()
        self._folder.write_job(claim.job.jobId, claim.job.serviceName, definition, inputs)
        process = self._start(app)
        try:
            self._folder.write_process(process.facts())
            self._hub.set_running(claim)
        except BaseException:
            process.stop()
            process.wait()
            raise
        self._record_end(process.wait())

    def _start(self, app: ClaimedApp) -> AppProcess:
        with self._lock:
            if self._stopped_because is not None:
                raise ClaimLost("stopped before it began")
            self._process = AppProcess(
                [sys.executable, str(app.folder / "main.py")],
                app_environment(os.environ, app, self._folder, self.claim.job.jobId),
                self._folder.work,
                self._folder.console,
            )
            self._deadline = time.monotonic() + self.claim.job.requiredResources.timeSec
            return self._process

    def _record_end(self, exit_code: int) -> None:
        if self._released:
            self._hub.release(self.claim)
            return
        result = self._folder.result()
        definition = self.claim.job.jobDefinition
        error = self._stopped_because or fault(definition, self._folder, result, exit_code)
        if error is None and result is not None:
            try:
                left = self._folder.left(result)
            except FileNotFoundError as missing:
                error = f"The app said that it was done, but {missing}."
            else:
                self._hub.complete(self.claim, left)
                return
        self._hub.fail(self.claim, error or "", self._folder.console)

    def _fail(self, error: str) -> None:
        try:
            if self._released:
                self._hub.release(self.claim)
            else:
                self._hub.fail(self.claim, error, self._folder.console)
        except DendroError:
            pass  # the claim is lost, or the store is full: it is taken up again when that ends


def fault(
    definition: JobDefinition, folder: JobFolder, result: AppResult | None, exit_code: int
) -> str | None:
    """What went wrong with an app's run of a processor, in words; None if nothing did."""
    if result is not None and result.status == "failed":
        parts = [result.error or "The app failed without saying why.", result.traceback or ""]
        return "\n\n".join(part for part in parts if part)
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = " (often for want of memory)" if name == "SIGKILL" else ""
        return _with_console(f"The app was ended by {name}{hint}.", folder)
    if exit_code > 0:
        return _with_console(f"The app ended with exit code {exit_code}.", folder)
    if result is None:
        return _with_console(
            "The app ended without running the job. Does its main.py end with `app.run()`?", folder
        )
    missing = [
        output.name for output in definition.outputFiles if output.name not in result.outputs
    ]
    return f"The app gave no output {missing[0]!r}." if missing else None


def _with_console(summary: str, folder: JobFolder) -> str:
    end = folder.console_end()
    return f"{summary} The end of what it printed:\n{end}" if end else summary


def app_environment(
    base: Mapping[str, str], app: ClaimedApp, folder: JobFolder, job_id: str
) -> dict[str, str]:
    """The environment variables of an app's process."""
    environment = {key: value for key, value in base.items() if key not in _KEPT_FROM_APPS}
    environment.update(
        JOB_ID=job_id,
        DENDRO_JOB_FOLDER=str(folder.root),
        PYTHONPATH=app.python_path,
        PYTHONUNBUFFERED="1",
        TMPDIR=str(folder.temporary),
    )
    return environment


def _system_error(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            "No room is left on the disk of the store. Free some, then submit the job again with "
            "rerun_failing."
        )
    return f"The compute client could not run the job: {error}."
