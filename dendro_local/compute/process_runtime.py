"""Starting apps as processes of this machine: from a warm host where possible, else cold."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from dendro_local.compute.app_host import AppHost
from dendro_local.compute.app_process import AppProcess
from dendro_local.compute.gpus import gpu_environment
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.original_sdk import OriginalApps
from dendro_local.hub import ClaimedApp, FetchedInput
from dendro_local.model import Job

__all__ = ["ProcessRuntime", "RunningApp", "Starter"]

HOST_IDLE_SEC = 300.0
"""How long a warm host stays without a job."""

_KEPT_FROM_APPS = (
    "DENDRO_API_KEY",
    "DENDRO_API_URL",
    "SPEC_OUTPUT_FILE",
    "JOB_PRIVATE_KEY",
    "JOB_INTERNAL",
)
"""Keys of a hub, and words by which another SDK would take the process for something else."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Without these, numerical libraries take every core of the machine, whatever the job asked for."""


class RunningApp(Protocol):
    """A job's process, with all that it starts."""

    pid: int

    def facts(self) -> dict[str, Any]:
        """What tells this process from a later one with the same number."""
        ...

    def wait(self) -> int:
        """Wait for its end, with all that it started.

        Returns:
            Its exit code; minus the signal's number if a signal ended it.

        Raises:
            HostUnusable: it was lost with its host.
        """
        ...

    def stop(self) -> None:
        """Ask it to end, and make it end if it does not. Returns at once."""
        ...


Starter = Callable[[JobFolder, Job, Mapping[str, FetchedInput]], RunningApp]
"""Starts the app for a job, from the job's folder, its record and where its inputs are."""

HostKey = tuple[Path, str, int]
"""What a host depends on: folder and state of the app, and CPUs, which some imports count."""


class ProcessRuntime:
    """Starts apps as processes. Safe for use by many threads.

    Args:
        is_eager: whether an app gets a host for its first job already. A script that runs a
            single job is faster without.
    """

    def __init__(self, *, is_eager: bool) -> None:
        self._is_eager = is_eager
        self._lock = threading.Lock()
        self._hosts: dict[HostKey, AppHost] = {}
        self._seen: set[HostKey] = set()
        self._distrusted: set[Path] = set()
        self._original_apps = OriginalApps()

    def prepare(
        self,
        app: ClaimedApp,
        num_cpus: int,
        gpu_ids: Sequence[str],
        *,
        is_wanted: Callable[[], bool],
    ) -> Starter:
        """Get ready to start an app; may take as long as importing it, while it is wanted.

        Raises:
            HostUnusable: there is no host for it; `prepare_cold` is left.
        """
        key = (app.folder, app.state, num_cpus)
        with self._lock:
            is_first = key not in self._seen
            self._seen.add(key)
            is_cold = not app.may_be_warm or app.folder in self._distrusted
            # What an import learns of GPUs would be wrong for the job, and cannot be forked.
            if is_cold or gpu_ids or (is_first and not self._is_eager):
                return self.prepare_cold(app, num_cpus, gpu_ids)
            host = self._host(key, app)
        host.wait_until_ready(is_wanted)
        return lambda folder, job, inputs: host.start(
            folder.root, _environment(app, folder, job.jobId, num_cpus, gpu_ids)
        )

    def prepare_cold(
        self, app: ClaimedApp, num_cpus: int, gpu_ids: Sequence[str] | None
    ) -> Starter:
        """Get ready to start an app as a process of its own.

        Args:
            app: what to start.
            num_cpus: how many CPUs it may use.
            gpu_ids: the GPUs that it sees; all that this process sees if None.
        """

        def start(folder: JobFolder, job: Job, inputs: Mapping[str, FetchedInput]) -> RunningApp:
            command = _command(app)
            environment = _environment(app, folder, job.jobId, num_cpus, gpu_ids)
            if app.sdk == "dendro":
                return self._original_apps.start(command, environment, folder, job, inputs)
            return AppProcess(command, environment, folder.work, folder.console)

        return start

    def distrust(self, app: ClaimedApp) -> None:
        """Start this app cold from now on: something went wrong with its host."""
        with self._lock:
            self._distrusted.add(app.folder)

    def close_idle(self) -> None:
        """End hosts that have had nothing to do for a while."""
        now = time.monotonic()
        with self._lock:
            idle = [
                key
                for key, host in self._hosts.items()
                if not host.is_busy and now - host.idle_since > HOST_IDLE_SEC
            ]
            closing = [self._hosts.pop(key) for key in idle]
        for host in closing:
            host.close()

    def close(self) -> None:
        """End every host, whose jobs go on, and serve no app that asks for its job."""
        with self._lock:
            closing = list(self._hosts.values())
            self._hosts.clear()
        for host in closing:
            host.close()
        self._original_apps.close()

    def _host(self, key: HostKey, app: ClaimedApp) -> AppHost:
        host = self._hosts.get(key)
        if host is not None and host.is_usable:
            return host
        self._close_outdated(key)
        host = self._hosts[key] = AppHost(
            _command(app), {**_base(), **_of_app(app, key[2], gpu_ids=())}, app.folder
        )
        return host

    def _close_outdated(self, key: HostKey) -> None:
        """End idle hosts of earlier states of the same app."""
        for other in list(self._hosts):
            if other[0] == key[0] and other[1] != key[1] and not self._hosts[other].is_busy:
                with contextlib.suppress(OSError):
                    self._hosts.pop(other).close()


def _command(app: ClaimedApp) -> list[str]:
    return [str(app.python), str(app.folder / "main.py")]


def _base() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in _KEPT_FROM_APPS}


def _of_app(app: ClaimedApp, num_cpus: int, gpu_ids: Sequence[str] | None) -> dict[str, str]:
    threads = dict.fromkeys(_THREADS, str(max(1, num_cpus)))
    gpus = {} if gpu_ids is None else gpu_environment(gpu_ids)
    return {**threads, **gpus, "PYTHONPATH": app.python_path}


def _environment(
    app: ClaimedApp,
    folder: JobFolder,
    job_id: str,
    num_cpus: int,
    gpu_ids: Sequence[str] | None,
) -> Mapping[str, str]:
    """The environment variables of a job's process."""
    return {
        **_base(),
        **_of_app(app, num_cpus, gpu_ids),
        "JOB_ID": job_id,
        "DENDRO_JOB_FOLDER": str(folder.root),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(folder.temporary),
    }
