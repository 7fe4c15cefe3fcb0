"""How an app's process is contained: what all ways have in common.

`dendro_local.compute.process_runtime` runs apps as they are, `dendro_local.compute.containers` in
containers.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from dendro_local.compute.job_folder import JobFolder
from dendro_local.hub import ClaimedApp, FetchedInput
from dendro_local.model import Job

__all__ = ["RunningApp", "Runtime", "RuntimeUnable", "Starter", "thread_environment"]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Without these, numerical libraries take every core of the machine, whatever the job asked for."""


class RuntimeUnable(Exception):
    """The runtime turns out to be able to start nothing now: the job is to be given back."""


class RunningApp(Protocol):
    """A job's process, with all that it starts."""

    pid: int

    @property
    def is_contained(self) -> bool:
        """Whether the process is an engine's, and the app's are found by their environment."""
        ...

    def facts(self) -> dict[str, Any]:
        """What tells this process from a later one with the same number."""
        ...

    def wait(self) -> int:
        """Wait for its end, with all that it started.

        Returns:
            Its exit code; minus the signal's number if a signal ended it.

        Raises:
            HostUnusable: it was lost with its host.
            ContainerFailed: its container could not be started, or was ended for its memory.
        """
        ...

    def stop(self) -> None:
        """Ask it to end, and make it end if it does not. Returns at once."""
        ...


Starter = Callable[[JobFolder, Job, Mapping[str, FetchedInput]], RunningApp]
"""Starts the app for a job, from the job's folder, its record and where its inputs are."""


class Runtime(Protocol):
    """Starts apps. Safe for use by many threads."""

    @property
    def name(self) -> str:
        """What it is called in settings and messages: ``process``, or a container engine."""
        ...

    def unable(self) -> str | None:
        """Why it can start nothing now, in words that say what to do; None if it can."""
        ...

    def make_ready(
        self, app: ClaimedApp, tell: Callable[[str], None], should_stop: Callable[[], bool]
    ) -> ClaimedApp | None:
        """Make or fetch what the app needs to be there: its environment, or its image.

        Args:
            app: what is to be started.
            tell: is told what goes on, line by line, if it takes long.
            should_stop: asked now and then.

        Returns:
            The app with what was found; None if it was stopped.

        Raises:
            DendroError: it cannot be had; the message says why.
            RuntimeUnable: nothing can be had now, whatever the app.
        """
        ...

    def prepare(
        self,
        app: ClaimedApp,
        num_cpus: int,
        gpu_ids: Sequence[str],
        *,
        is_wanted: Callable[[], bool],
    ) -> Starter:
        """Get ready to start an app that is ready; may take as long as importing it.

        Raises:
            HostUnusable: it can only be started by what `prepare_cold` gives.
        """
        ...

    def prepare_cold(
        self, app: ClaimedApp, num_cpus: int, gpu_ids: Sequence[str] | None
    ) -> Starter:
        """Get ready to start an app as a process of its own.

        Args:
            app: what to start.
            num_cpus: how many CPUs it may use.
            gpu_ids: the GPUs that it sees; all that this process sees if None.
        """
        ...

    def distrust(self, app: ClaimedApp) -> None:
        """Start this app cold until its code changes."""
        ...

    def keep_only(self, folder: Path, state: str) -> None:
        """Let go of what is kept for other states of an app's folder."""
        ...

    def close_idle(self) -> None:
        """Let go of what has not been used for a while."""
        ...

    def close(self) -> None:
        """Let go of everything; jobs that need nothing of this process go on."""
        ...


def thread_environment(num_cpus: int) -> dict[str, str]:
    """The environment variables that keep numerical libraries within a job's CPUs."""
    return dict.fromkeys(_THREADS, str(max(1, num_cpus)))
