"""A job's container, by way of the engine's process that speaks for it.

That process prints what the app prints and ends when the container has ended. It outlives this
process as an app's own does, so that the next compute client goes on with it.
"""

import signal
import threading
import time
from typing import Any

from dendro_local.compute.containers.calling import call, words_of
from dendro_local.compute.containers.container import of_process
from dendro_local.compute.containers.docker_commands import ContainerState, DockerCommands
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.memory_limit import ended_by_kernel, ended_in_container
from dendro_local.compute.runtime import RunningApp
from dendro_local.errors import ContainerFailed

__all__ = ["ContainerProcess"]

STOP_SEC = 20.0
"""How long a container may take to be stopped until its engine is given up."""

LOOK_SEC = 0.5
"""How long to wait for the end of a container that was stopped until it is stopped again."""


class ContainerProcess:
    """A container that runs a job.

    Args:
        commands: those of its engine.
        name: the container's.
        client: the engine's process.
        folder: the job's.
        limit: the memory in bytes within which the engine keeps it, if it does.
        tells_exit_code: whether the engine's process gives the app's exit code.
    """

    is_contained = True

    def __init__(
        self,
        commands: DockerCommands,
        name: str,
        client: RunningApp,
        folder: JobFolder,
        *,
        limit: int | None,
        tells_exit_code: bool = True,
    ) -> None:
        self.pid = client.pid
        self._commands = commands
        self._name = name
        self._client = client
        self._folder = folder
        self._limit = limit
        self._tells_exit_code = tells_exit_code
        self._stopping = threading.Event()
        self._ended = threading.Event()

    def facts(self) -> dict[str, Any]:
        """What tells the engine's process from a later one with the same number."""
        return self._client.facts()

    def wait(self) -> int:
        """Wait for the container to end, then remove it.

        Returns:
            The app's exit code; minus the signal's number if a signal ended it.

        Raises:
            ContainerFailed: it could not be started, or was ended for its memory.
        """
        try:
            exit_code = of_process(self._client.wait())
            self._ended.set()
            if exit_code == 0 and self._tells_exit_code:
                return 0
            state = self._state()
            if state is not None and state.running:  # it is the engine's process that has ended
                _try(self._commands.kill(self._name))
            return self._exit_code(exit_code, state)
        finally:
            self._ended.set()
            _try(self._commands.remove(self._name))

    def stop(self) -> None:
        """Ask what runs in it to end, and make it end if it does not. Returns at once."""
        if self._stopping.is_set() or self._ended.is_set():
            return
        self._stopping.set()
        stopper = threading.Thread(target=self._stop, name="dendro-container-stopper", daemon=True)
        try:
            stopper.start()
        except RuntimeError:  # from Python 3.12 on, no thread starts while the process ends
            self._stop()

    def _stop(self) -> None:
        deadline = time.monotonic() + STOP_SEC
        while time.monotonic() < deadline:
            _try(self._commands.stop(self._name))
            # Again if need be: it may not have been there yet, and be started after that.
            if self._ended.wait(LOOK_SEC):
                return
        self._client.stop()

    def _exit_code(self, told: int, state: ContainerState | None) -> int:
        if self._stopping.is_set():
            return told
        if state is None or not state.was_started:
            if not self._tells_exit_code:
                return told
            words = words_of(self._folder.console_end())
            raise ContainerFailed(f"{self._commands.program} could not start the app: {words}")
        exit_code = told if state.running else of_process(state.exit_code)
        if self._limit is not None and exit_code != 0:
            if state.was_out_of_memory:
                raise ContainerFailed(ended_by_kernel(self._limit))
            # Not all engines notice that the system has ended what ran in a container.
            if exit_code == -signal.SIGKILL:
                raise ContainerFailed(ended_in_container(self._limit))
        return exit_code

    def _state(self) -> ContainerState | None:
        """What became of it, as the engine says; None if the engine knows of no such container."""
        answer = _try(self._commands.inspect(self._name))
        try:
            return None if answer is None else self._commands.state(answer)
        except ValueError:
            return None


def _try(command: list[str]) -> bytes | None:
    """What an engine answers; None if it cannot do what is asked."""
    try:
        answer = call(command)
    except ContainerFailed:
        return None
    return answer.stdout if answer.exit_code == 0 else None
