"""Running one job from claim to end."""

import errno
import signal
import threading
import time
from collections.abc import Sequence

import msgspec

from dendro_local.app_python import app_python
from dendro_local.compute.adopted_process import AdoptedProcess
from dendro_local.compute.app_host import HostedProcess, HostUnusable
from dendro_local.compute.gpus import note_gpus
from dendro_local.compute.job_folder import AppResult, JobFolder
from dendro_local.compute.job_watch import JobWatch
from dendro_local.compute.original_sdk import OriginalApp
from dendro_local.compute.process_runtime import ProcessRuntime, RunningApp, Starter
from dendro_local.errors import ClaimLost, DendroError
from dendro_local.hub import Claim, ClaimedApp, Hub
from dendro_local.model import JobDefinition

__all__ = ["JobRun", "fault"]


class JobRun:
    """One run of a claimed job. `run` in a thread of its own; `stop` from any other."""

    def __init__(
        self,
        hub: Hub,
        claim: Claim,
        runtime: ProcessRuntime,
        adopted: AdoptedProcess | None = None,
        *,
        gpu_ids: Sequence[str] = (),
    ) -> None:
        """Run a claimed job, or watch one to its end that runs already and was adopted."""
        self.claim = claim
        self.gpu_ids = gpu_ids
        self.watch: JobWatch | None = None
        self._hub = hub
        self._runtime = runtime
        self._adopted = adopted
        self._folder = JobFolder(claim.folder)
        self._lock = threading.Lock()
        self._process: RunningApp | None = None
        self._stopped_because: str | None = None
        self._released = False
        self._deadline: float | None = None
        self._is_recorded_running = False
        self.outcome = ""
        """How the run ended, in words for a log."""

    @property
    def deadline(self) -> float | None:
        """When the job's time is up, by `time.monotonic`; None before it starts or once stopped."""
        return None if self._stopped_because is not None else self._deadline

    @property
    def can_go_on_alone(self) -> bool:
        """Whether its app needs nothing of this process until it has ended."""
        return not isinstance(self._process, OriginalApp)

    def stop(self, reason: str) -> None:
        """End the app; the job fails for this reason. Does nothing the second time."""
        with self._lock:
            if self._stopped_because is not None:
                return
            self._stopped_because = reason
            process = self._process
        if process is not None:
            process.stop()

    def stop_and_release(self) -> None:
        """End the app; the job is pending again."""
        self._released = self._stopped_because is None
        self.stop("released")

    def run(self) -> Exception | None:
        """Run the job to its end and record it. Raises nothing.

        Returns:
            Why the end could not be recorded; None if it was, or if nobody waits for it any more.
        """
        try:
            error = self._run_app()
            self.outcome = "completed" if error is None else f"failed: {error.splitlines()[0]}"
            return None if error is None else self._record(error)
        except ClaimLost:
            self.outcome = "canceled, deleted or taken over"
            return None  # there is nothing to record
        finally:
            if self._released:
                self.outcome = "pending again"
            self._end_watch(None)
            self._folder.remove()

    def _run_app(self) -> str | None:
        """Run the app and record that the job is completed; or why it is not, in words."""
        try:
            exit_code = self._start_and_wait()
            if exit_code is None:
                return self._stopped_because
            result = self._folder.result()
            error = self._stopped_because or fault(
                self.claim.job.jobDefinition, self._folder, result, exit_code
            )
            if error is None and result is not None:
                self._hub.complete(self.claim, self._folder.left(result))
        except ClaimLost:
            raise
        except DendroError as caught:
            return str(caught)
        except OSError as caught:
            return _system_error(caught)
        except Exception as caught:  # noqa: BLE001 - the boundary: whatever it is, the job says so
            return f"The compute client could not run the job: {caught!r}. Please report this."
        return error

    def _start_and_wait(self) -> int | None:
        """Run the app to its end; its exit code, or None if it was stopped before it began."""
        if self._adopted is not None:
            return self._wait_for_adopted(self._adopted)
        claim = self.claim
        app = self._with_its_python(self._hub.app_of(claim))
        if app is None:
            return None
        num_cpus = claim.job.requiredResources.numCpus
        latest = time.monotonic() + claim.job.requiredResources.timeSec

        def is_wanted() -> bool:
            return self._stopped_because is None and time.monotonic() < latest

        try:
            starter = self._runtime.prepare(app, num_cpus, self.gpu_ids, is_wanted=is_wanted)
            process = self._start(starter)
            exit_code = None if process is None else self._wait_for(process)
        except HostUnusable:
            exit_code = -signal.SIGKILL  # whatever became of it, nothing is known to have ended
        else:
            # A child that dies of a signal may have died of being forked.
            if exit_code is None or exit_code >= 0 or not isinstance(process, HostedProcess):
                return exit_code
        if self._stopped_because is not None:
            return exit_code
        self._runtime.distrust(app)
        process = self._start(self._runtime.prepare_cold(app, num_cpus, self.gpu_ids))
        return None if process is None else self._wait_for(process)

    def _with_its_python(self, app: ClaimedApp) -> ClaimedApp | None:
        """The app with the Python of its environment, built if need be; None if stopped."""
        note = self._folder.preparation

        def tell(line: str) -> None:
            # For `why`, and for whoever looks at the folder; it is gone when the app starts.
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(line, encoding="utf-8")

        python = app_python(
            app.folder, app.environments, tell, lambda: self._stopped_because is not None
        )
        return None if python is None else msgspec.structs.replace(app, python=python)

    def _wait_for(self, process: RunningApp) -> int:
        """Wait for the app's end; its exit code."""
        try:
            exit_code = process.wait()
        except BaseException:
            self._end_watch(None)
            raise
        self._end_watch(exit_code)
        return exit_code

    def _begin_watch(self, process: RunningApp, *, is_new: bool) -> None:
        if process.pid != 0:  # else it is lost with its host already
            self.watch = JobWatch(
                process.pid,
                self._folder.root,
                self._folder.usage,
                self.claim.job.requiredResources,
                gpu_ids=self.gpu_ids,
                stop=self.stop,
                is_new=is_new,
            )

    def _end_watch(self, exit_code: int | None) -> None:
        """Watch the app no more; if it was ended for its memory, that is why the job fails."""
        watch, self.watch = self.watch, None
        reason = None if watch is None else watch.close(exit_code)
        if reason is not None:
            with self._lock:
                self._stopped_because = self._stopped_because or reason

    def _wait_for_adopted(self, process: AdoptedProcess) -> int:
        job = self.claim.job
        begun = job.timestampStartedSec or job.timestampStartingSec or time.time()
        with self._lock:
            self._process = process
            self._deadline = time.monotonic() + job.requiredResources.timeSec
            self._deadline -= max(0.0, time.time() - begun)
            self._begin_watch(process, is_new=False)
        if job.status == "starting":
            self._hub.set_running(self.claim)
        if self._stopped_because is not None:
            process.stop()
        return self._wait_for(process)

    def _start(self, starter: Starter) -> RunningApp | None:
        """Start the app in an empty folder; None if the run was stopped before that."""
        claim = self.claim
        definition = claim.job.jobDefinition
        inputs = {file.name: self._hub.fetch_input(claim, file) for file in definition.inputFiles}
        self._folder.make()
        self._folder.write_job(claim.job.jobId, claim.job.serviceName, definition, inputs)
        note_gpus(self._folder.root, self.gpu_ids)
        with self._lock:
            if self._stopped_because is not None:
                return None
            process = self._process = starter(self._folder, claim.job, inputs)
            self._deadline = time.monotonic() + claim.job.requiredResources.timeSec
            self._begin_watch(process, is_new=True)
        try:
            self._folder.write_process(process.facts())
            if not self._is_recorded_running:
                self._hub.set_running(claim)
                self._is_recorded_running = True
        except BaseException:
            process.stop()
            self._wait_for(process)
            raise
        return process

    def _record(self, error: str) -> Exception | None:
        """Record that the job failed, or give it back; why that could not be done."""
        failure: Exception | None = None
        # If nothing else helps, without what it printed: without an end it would hang for ever.
        for console in (self._folder.console, self._folder.console, None):
            try:
                if self._released:
                    self._hub.release(self.claim)
                else:
                    self._hub.fail(self.claim, error, console, self._folder.usage)
            except ClaimLost:
                if not self._released:
                    raise
                self._released = False  # canceled just before: what it printed is still wanted
            except Exception as caught:  # noqa: BLE001 - given to whoever runs the jobs
                failure = caught
                self._folder.make_room()  # it may be the job's own files that fill the disk
            else:
                return None
        return failure


def fault(
    definition: JobDefinition, folder: JobFolder, result: AppResult | None, exit_code: int
) -> str | None:
    """What went wrong with an app's run of a processor, in words; None if nothing did."""
    if result is not None and result.status == "failed":
        parts = [result.error or "The app failed without saying why.", result.traceback or ""]
        return "\n\n".join(part for part in parts if part)
    summary = _fault_of_end(folder, result, exit_code)
    if summary is not None:
        end = folder.console_end()
        return f"{summary} The end of what it printed:\n{end}" if end else summary
    return None if result is None else _fault_of_outputs(definition, folder, result)


def _fault_of_end(folder: JobFolder, result: AppResult | None, exit_code: int) -> str | None:
    """What is wrong with how the app's process ended."""
    hint = "" if folder.has_room() else " No room is left on the disk of the store."
    if result is None and not folder.is_whole():
        return "The app removed its job's folder, so that it could not give its outputs."
    if exit_code < 0:
        memory = " (often for want of memory)" if exit_code == -signal.SIGKILL else ""
        return f"The app was ended by {_signal_name(-exit_code)}{memory}.{hint}"
    if exit_code > 0:
        return f"The app ended with exit code {exit_code}.{hint}"
    if result is None:
        return (
            "The app ended without saying how the job went. Its main.py should end with "
            f"`app.run()`, and nothing should end its process before that returns.{hint}"
        )
    if result.status == "unreadable":
        return f"What the app left in result.json is not a result: {result.error}.{hint}"
    return None


def _fault_of_outputs(
    definition: JobDefinition, folder: JobFolder, result: AppResult
) -> str | None:
    """What is wrong with the outputs of an app that says that it is done."""
    names = [output.name for output in definition.outputFiles]
    missing = [name for name in names if name not in result.outputs]
    if missing:
        return f"The app gave no output {missing[0]!r}."
    unknown = [name for name in result.outputs if name not in names]
    if unknown:
        return f"The app gave output {unknown[0]!r}, which the job does not have."
    try:
        folder.left(result)
    except FileNotFoundError as error:
        return f"The app said that it was done, but {error}."
    return None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _system_error(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            "No room is left on the disk of the store. Free some, then submit the job again with "
            "rerun_failing."
        )
    return f"The compute client could not run the job: {error}."
