"""Running one job from claim to end."""

import contextlib
import errno
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dendro_local.compute.app_host import HostedProcess, HostUnusable
from dendro_local.compute.error_places import without_places
from dendro_local.compute.gpus import note_gpus
from dendro_local.compute.job_folder import AppResult, JobFolder
from dendro_local.compute.job_watch import JobWatch
from dendro_local.compute.original_sdk import OriginalApp
from dendro_local.compute.runtime import RunningApp, Runtime, RuntimeUnable, Starter
from dendro_local.errors import ClaimLost, DendroError, HubUnreachable
from dendro_local.hub import Claim, ClaimedApp, FetchStopped, Hub
from dendro_local.model import JobDefinition
from dendro_local.reasons import reason_of

__all__ = ["JobRun", "fault"]

BRIEF_SEC = 0.05
"""An app that ends within this time is recorded as started when its end is."""


class JobRun:
    """One run of a claimed job. `run` in a thread of its own; `stop` from any other."""

    def __init__(
        self,
        hub: Hub,
        claim: Claim,
        runtime: Runtime,
        adopted: RunningApp | None = None,
        *,
        gpu_ids: Sequence[str] = (),
        on_app_end: Callable[["JobRun"], None] = lambda _: None,
    ) -> None:
        """Run a claimed job, or watch one to its end that runs already and was adopted.

        Args:
            hub: whose job it is.
            claim: the job.
            runtime: starts its app.
            adopted: its app, if that runs already.
            gpu_ids: the GPUs that it has.
            on_app_end: called once, when the job uses the machine no more. What it left is still
                to be recorded then, if anything is.
        """
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
        self._on_app_end = on_app_end
        self._started_at: float | None = None
        self._is_recorded_running = adopted is not None
        self._image_uri: str | None = None
        self._app_folder: Path | None = None
        self.is_app_over = False
        """Whether it uses the machine no more."""
        self.outcome = ""
        """How the run ended, in words for a log."""

    @property
    def deadline(self) -> float | None:
        """When the job's time is up, by `time.monotonic`; None unless its app runs unstopped."""
        is_over = self.is_app_over or self._stopped_because is not None
        return None if is_over else self._deadline

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
        is_left = False
        try:
            error = self._error_of_run()
            self.outcome = "completed" if error is None else f"failed: {error.splitlines()[0]}"
            return None if error is None else self._record(error)
        except ClaimLost:
            self.outcome = "canceled, deleted or taken over"
            return None  # there is nothing to record
        except HubUnreachable:
            # It was waited for until this process ended: whoever comes next finds what was left.
            self.outcome = "left to the next compute client"
            is_left = True
            return None
        finally:
            self._leave_machine()
            if self._released and not is_left:
                self.outcome = "pending again"
            self._end_watch(None)
            if not is_left:
                self._folder.remove()

    def _error_of_run(self) -> str | None:
        """As `_run_app`; what others are told of the job names no places of this machine."""
        error = self._run_app()
        if error is None:
            return None
        folders = [self._folder.root, *([] if self._app_folder is None else [self._app_folder])]
        return without_places(error, folders)

    def _run_app(self) -> str | None:
        """Run the app and record that the job is completed; or why it is not, in words."""
        try:
            exit_code = self._start_and_wait()
            self._leave_machine()
            if exit_code is None:
                return self._stopped_because
            result = self._folder.result()
            error = self._stopped_because or fault(
                self.claim.job.jobDefinition, self._folder, result, exit_code
            )
            if error is None and result is not None:
                self._hub.complete(self.claim, self._folder.left(result, self._started_at))
        except (ClaimLost, HubUnreachable):
            raise
        except RuntimeUnable:
            self.stop_and_release()
            return self._stopped_because
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
        app = self._make_ready(self._hub.app_of(claim))
        if app is None:
            return None
        self._image_uri = app.image_uri
        self._app_folder = app.folder
        num_cpus = claim.job.requiredResources.numCpus
        latest = time.monotonic() + claim.job.requiredResources.timeSec

        def is_wanted() -> bool:
            return self._stopped_because is None and time.monotonic() < latest

        try:
            starter = self._runtime.prepare(app, num_cpus, self.gpu_ids, is_wanted=is_wanted)
            process = self._start(starter, app)
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
        starter = self._runtime.prepare_cold(app, num_cpus, self.gpu_ids)
        process = self._start(starter, app)
        return None if process is None else self._wait_for(process)

    def _make_ready(self, app: ClaimedApp) -> ClaimedApp | None:
        """The app with its environment or image, made or fetched if need be; None if stopped."""
        note = self._folder.preparation

        def tell(line: str) -> None:
            # For `why`, and for whoever looks at the folder; it is gone when the app starts.
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(line, encoding="utf-8")

        return self._runtime.make_ready(app, tell, lambda: self._stopped_because is not None)

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
                is_contained=process.is_contained,
            )

    def _end_watch(self, exit_code: int | None) -> None:
        """Watch the app no more; if it was ended for its memory, that is why the job fails."""
        watch, self.watch = self.watch, None
        reason = None if watch is None else watch.close(exit_code)
        if reason is not None:
            with self._lock:
                self._stopped_because = self._stopped_because or reason

    def _wait_for_adopted(self, process: RunningApp) -> int:
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

    def _start(self, starter: Starter, app: ClaimedApp) -> RunningApp | None:
        """Start the app in an empty folder; None if the run was stopped before that."""
        claim = self.claim
        definition = claim.job.jobDefinition
        try:
            inputs = {
                file.name: self._hub.fetch_input(claim, file, self._is_stopped)
                for file in definition.inputFiles
            }
        except FetchStopped:
            return None
        self._folder.make()
        self._folder.write_job(claim.job.jobId, claim.job.serviceName, definition, inputs)
        note_gpus(self._folder.root, self.gpu_ids)
        if app.sdk != "dendro":  # which asks for them by HTTP
            self._folder.write_secrets(app.secrets)
        with self._lock:
            if self._stopped_because is not None:
                return None
            process = self._process = starter(self._folder, claim.job, inputs)
            self._started_at = self._started_at or time.time()
            self._deadline = time.monotonic() + claim.job.requiredResources.timeSec
            self._begin_watch(process, is_new=True)
        try:
            with contextlib.suppress(FileNotFoundError):  # the app has removed it, as its end tells
                self._folder.write_process(process.facts())
            if not (isinstance(process, HostedProcess) and process.ends_within(BRIEF_SEC)):
                self._record_running()
        except BaseException:
            process.stop()
            self._wait_for(process)
            raise
        return process

    def _is_stopped(self) -> bool:
        return self._stopped_because is not None

    def _record_running(self) -> None:
        if not self._is_recorded_running:
            self._hub.set_running(self.claim, self._image_uri, started_at=self._started_at)
            self._is_recorded_running = True

    def _leave_machine(self) -> None:
        """Say that the job uses the machine no more."""
        if not self.is_app_over:
            self.is_app_over = True
            self._on_app_end(self)

    def _record(self, error: str) -> Exception | None:
        """Record that the job failed, or give it back; why that could not be done."""
        failure: Exception | None = None
        # If nothing else helps, without what it printed: without an end it would hang for ever.
        for console in (self._folder.console, self._folder.console, None):
            try:
                if self._released:
                    self._hub.release(self.claim)
                else:
                    if self._started_at is not None:
                        with contextlib.suppress(ClaimLost):  # canceled, as `fail` knows
                            self._record_running()
                    self._hub.fail(self.claim, error, console, self._folder.usage)
            except ClaimLost:
                if not self._released:
                    raise
                self._released = False  # canceled just before: what it printed is still wanted
            except HubUnreachable:
                raise
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
        headline = result.error or "The app failed without saying why."
        # The last line of a traceback is what the headline says.
        where = (result.traceback or "").rstrip("\n").removesuffix(f"\n{headline}")
        return f"{headline}\n{where}" if where else headline
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
    at = "" if error.filename is None else f": {error.filename}"
    return f"The compute client could not run the job: {reason_of(error)}{at}."
