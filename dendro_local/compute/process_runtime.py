"""Starting apps as processes of this machine: from a warm host where possible, else cold."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from dendro_local.app_python import app_python
from dendro_local.compute.app_host import AppHost, HostedProcess
from dendro_local.compute.app_process import AppProcess
from dendro_local.compute.gpus import gpu_environment
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.original_sdk import OriginalApps
from dendro_local.compute.runtime import RunningApp, Starter, thread_environment
from dendro_local.errors import InvalidApp
from dendro_local.hub import ClaimedApp, FetchedInput
from dendro_local.model import Job

__all__ = ["ProcessRuntime", "environment_for_apps"]

HOST_IDLE_SEC = 300.0
"""How long a warm host stays without a job."""

_KEPT_FROM_APPS = (
    "DENDRO_API_KEY",
    "DENDRO_API_URL",
    "DENDRO_COMPUTE_CLIENT_FILE",
    "DENDRO_GITHUB_CLIENT_SECRET",
    "SPEC_OUTPUT_FILE",
    "JOB_PRIVATE_KEY",
    "JOB_INTERNAL",
    "MPLBACKEND",
)
"""Keys of a hub, and words by which another SDK would take the process for something else. And
what a notebook draws with: matplotlib in an app's own environment does not know it, and fails."""

HostKey = tuple[Path, str, int]
"""What a host depends on: folder and state of the app, and CPUs, which some imports count."""


class ProcessRuntime:
    """Starts apps as processes. Safe for use by many threads.

    Args:
        is_eager: whether an app gets a host for its first job already. A script that runs a
            single job is faster without.
    """

    name = "process"

    def __init__(self, *, is_eager: bool) -> None:
        self._is_eager = is_eager
        self._lock = threading.Lock()
        self._hosts: dict[HostKey, AppHost] = {}
        self._seen: set[HostKey] = set()
        self._states: dict[Path, str] = {}
        self._distrusted: set[tuple[Path, str]] = set()
        self._original_apps = OriginalApps()

    def unable(self) -> str | None:
        """None: processes can always be started."""
        return None

    def make_ready(
        self, app: ClaimedApp, tell: Callable[[str], None], should_stop: Callable[[], bool]
    ) -> ClaimedApp | None:
        """The app with the Python of its environment, built if need be; None if stopped.

        Raises:
            InvalidApp: its code is not here, or does not say well what it needs.
            EnvironmentFailed: what it needs cannot be installed.
        """
        python = app_python(_folder(app), app.environments, tell, should_stop)
        return None if python is None else msgspec.structs.replace(app, python=python)

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
        app_folder = _folder(app)
        key = (app_folder, app.state, num_cpus)
        with self._lock:
            is_first = key not in self._seen
            self._seen.add(key)
            self._states[app_folder] = app.state
            is_cold = not app.may_be_warm or (app_folder, app.state) in self._distrusted
            # What an import learns of GPUs would be wrong for the job, and cannot be forked.
            if is_cold or gpu_ids or (is_first and not self._is_eager):
                return self.prepare_cold(app, num_cpus, gpu_ids)
            host = self._host(key, app)

            def start(folder: JobFolder, job: Job, _: Mapping[str, FetchedInput]) -> HostedProcess:
                environment = _environment(app, folder, job.jobId, num_cpus, gpu_ids)
                return host.start(folder.root, environment)

            host.keep_for(start)
        host.wait_until_ready(is_wanted)
        return start

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
                return self._original_apps.start(
                    command, environment, folder, job, inputs, app.secrets
                )
            return AppProcess(command, environment, folder.work, folder.console)

        return start

    def distrust(self, app: ClaimedApp) -> None:
        """Start this app cold until its code changes: something went wrong with its host."""
        with self._lock:
            self._distrusted.add((_folder(app), app.state))

    def keep_only(self, folder: Path, state: str) -> None:
        """End the hosts of an app that imported another state of its folder.

        One in which a job runs ends when `close_idle` is called after that.
        """
        with self._lock:
            self._states[folder] = state
        self.close_idle()

    def close_idle(self) -> None:
        """End hosts that have had nothing to do for a while, or whose app has changed."""
        now = time.monotonic()
        with self._lock:
            idle = [
                key
                for key, host in self._hosts.items()
                if not host.is_busy
                and (self._states[key[0]] != key[1] or now - host.idle_since > HOST_IDLE_SEC)
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
        host = self._hosts[key] = AppHost(
            _command(app), {**environment_for_apps(), **_of_app(app, key[2], gpu_ids=())}, key[0]
        )
        return host


def _command(app: ClaimedApp) -> list[str]:
    return [str(app.python), str(_folder(app) / "main.py")]


def _folder(app: ClaimedApp) -> Path:
    if app.folder is None:
        raise InvalidApp(
            "The code of the app is not on this machine: it was registered by its spec alone."
        )
    return app.folder


def environment_for_apps() -> dict[str, str]:
    """The environment of this process without what is not for apps."""
    return {key: value for key, value in os.environ.items() if key not in _KEPT_FROM_APPS}


def _of_app(app: ClaimedApp, num_cpus: int, gpu_ids: Sequence[str] | None) -> dict[str, str]:
    gpus = {} if gpu_ids is None else gpu_environment(gpu_ids)
    return {**thread_environment(num_cpus), **gpus, "PYTHONPATH": app.python_path}


def _environment(
    app: ClaimedApp,
    folder: JobFolder,
    job_id: str,
    num_cpus: int,
    gpu_ids: Sequence[str] | None,
) -> Mapping[str, str]:
    """The environment variables of a job's process."""
    return {
        **environment_for_apps(),
        **_of_app(app, num_cpus, gpu_ids),
        "JOB_ID": job_id,
        "DENDRO_JOB_FOLDER": str(folder.root),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(folder.temporary),
    }
