"""Apps written with the original's SDK: how they are started, and how their run is told from it.

The original starts an app twice: a process that reports on the job to the hub, watches its time
and whether it was canceled, and uploads what it prints; and a second one, with ``JOB_INTERNAL=1``,
that runs the processor. All that the first one does the runner does for every app, with the
store at hand. So it starts the second alone, which asks for its job, uploads its outputs, and
ends with an exit code that says how it went. What it asks goes to a loopback port of this
process, and what it uploads into the job's folder, from which the runner takes it as usual.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dendro_local.compute.app_process import AppProcess
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.runtime import RunningApp
from dendro_local.hub import FetchedInput
from dendro_local.model import Job, Secret

if TYPE_CHECKING:
    from dendro_local.compute.loopback_hub import LoopbackHub, ServedJob
    from dendro_local.contract import UploadLimits

__all__ = ["OriginalApp", "OriginalApps"]


class OriginalApps:
    """Starts apps written with the original's SDK. Safe for use by many threads.

    Args:
        limits: how large uploaded files may be; None for the original's.
    """

    def __init__(self, *, limits: "UploadLimits | None" = None) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._hub: LoopbackHub | None = None

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: JobFolder,
        job: Job,
        inputs: Mapping[str, FetchedInput],
        secrets: Sequence[Secret] = (),
    ) -> "OriginalApp":
        """Start an app for a job, in the job's folder.

        Args:
            command: starts the app's main file.
            environment: as any app has it.
            folder: the job's, made and empty.
            job: what to run.
            inputs: where its inputs are.
            secrets: those that it may ask for.
        """
        return self.start_by(
            lambda hub: AppProcess(command, {**environment, **hub}, folder.work, folder.console),
            executable=command[-1],
            folder=folder,
            job=job,
            inputs=inputs,
            secrets=secrets,
        )

    def start_by(
        self,
        launch: Callable[[Mapping[str, str]], RunningApp],
        *,
        executable: str,
        folder: JobFolder,
        job: Job,
        inputs: Mapping[str, FetchedInput],
        secrets: Sequence[Secret],
    ) -> "OriginalApp":
        """Start an app for a job, however its process is started.

        Args:
            launch: starts it, with these environment variables added to those that any app has.
            executable: the app's main file.
            folder: the job's, made and empty.
            job: what to run.
            inputs: where its inputs are.
            secrets: those that it may ask for.
        """
        (folder.work / "_dendro").mkdir()  # where the SDK notes the sizes of outputs
        (folder.root / "outputs").mkdir()  # what is uploaded goes there
        hub = self._started_hub()
        served = hub.serve(job, folder, inputs, secrets)
        try:
            process = launch(_environment(executable, folder, job, served))
        except BaseException:
            hub.withdraw(served)
            raise
        return OriginalApp(process, hub, served)

    def close(self) -> None:
        """Serve no app any more."""
        with self._lock:
            hub, self._hub = self._hub, None
        if hub is not None:
            hub.close()

    def _started_hub(self) -> "LoopbackHub":
        # Importing an HTTP server takes 50 ms, and most compute clients need none.
        from dendro_local.compute.loopback_hub import LoopbackHub

        with self._lock:
            if self._hub is None:
                self._hub = LoopbackHub(limits=self._limits)
            return self._hub


class OriginalApp:
    """A job's process that is served by this one."""

    def __init__(self, process: RunningApp, hub: "LoopbackHub", served: "ServedJob") -> None:
        self._process = process
        self._hub = hub
        self._served = served
        self.pid = process.pid
        self.is_contained = process.is_contained

    def facts(self) -> dict[str, Any]:
        """What tells this process from a later one with the same number, and who serves it.

        No other compute client takes it for one that it can go on with: whoever asks it for its
        job has nobody left to ask when this process has ended.
        """
        return {**self._process.facts(), "servedBy": os.getpid()}

    def wait(self) -> int:
        """Wait for the app's process to end, then end what it left running, and note its outputs.

        Returns:
            Its exit code; minus the signal's number if a signal ended it.

        Raises:
            ContainerFailed: see `RunningApp`.
        """
        try:
            exit_code = self._process.wait()
        finally:
            self._hub.withdraw(self._served)
        self._served.end(exit_code=exit_code)
        return exit_code

    def stop(self) -> None:
        """Ask the process group to end, and make it end if it does not. Returns at once."""
        self._process.stop()


def _environment(
    executable: str, folder: JobFolder, job: Job, served: "ServedJob"
) -> dict[str, str]:
    """What the original tells an app by its environment."""
    # A proxy that the machine is set to use cannot reach a port of ours.
    direct = ",".join(filter(None, (os.environ.get("no_proxy"), os.environ.get("NO_PROXY"))))
    direct = f"{direct},127.0.0.1" if direct else "127.0.0.1"
    return {
        "JOB_ID": job.jobId,
        "JOB_PRIVATE_KEY": served.private_key,
        "JOB_INTERNAL": "1",
        "JOB_TIMEOUT_SEC": str(int(job.requiredResources.timeSec)),
        "COMPUTE_CLIENT_ID": job.computeClientId or "",
        "PROCESSOR_EXECUTABLE": executable,
        "DENDRO_API_URL": served.base_url,
        "DENDRO_JOB_WORKING_DIR": str(folder.work),
        "NO_PROXY": direct,
        "no_proxy": direct,
    }
