"""Docker and Podman."""

import os
import threading
from collections.abc import Callable, Mapping

from dendro_local.compute.app_process import AppProcess
from dendro_local.compute.containers.calling import call, call_and_tell, check_installed, words_of
from dendro_local.compute.containers.container import Container, Image
from dendro_local.compute.containers.container_process import ContainerProcess
from dendro_local.compute.containers.docker_commands import DockerCommands, DockerFacts
from dendro_local.compute.containers.left import note_container
from dendro_local.compute.job_folder import JobFolder
from dendro_local.errors import ContainerFailed

__all__ = ["DockerEngine"]


_NO_ENGINE = "it tells nothing of itself. If it is Podman by another name, choose podman."


class DockerEngine:
    """An engine with the command lines of Docker."""

    numbers_gpus_anew = True

    def __init__(self, commands: DockerCommands) -> None:
        self.name = commands.program
        self._commands = commands
        self._facts: DockerFacts | None = None
        self._pulling = threading.Lock()

    def check(self) -> None:
        """See whether the engine answers, and how it is set up.

        Raises:
            ContainerFailed: it does not answer.
        """
        self._facts = None
        check_installed(self.name)
        answer = call(self._commands.info())
        try:
            self._facts = self._commands.facts(answer.stdout)
        except ValueError:
            pass  # its words say more
        if self._facts is None:
            said = answer.stderr.decode(errors="replace")
            words = words_of(said) if said else _NO_ENGINE
            raise ContainerFailed(f"{self.name} does not work here: {words}")

    def image(
        self, image: str, tell: Callable[[str], None], should_stop: Callable[[], bool]
    ) -> Image | None:
        """An image of this name, which is pulled if it is not here; None if that was stopped.

        Raises:
            ContainerFailed: it cannot be pulled.
        """
        found = self._present(image)
        if found is not None:
            return found
        tell(f"pulling image {image}")
        while not self._pulling.acquire(timeout=0.2):  # one at a time: they share their layers
            if should_stop():
                return None
        try:
            return self._present(image) or self._pull(image, tell, should_stop)
        finally:
            self._pulling.release()

    def _pull(
        self, image: str, tell: Callable[[str], None], should_stop: Callable[[], bool]
    ) -> Image | None:
        name = self._commands.image_names(image)[-1]
        ended = call_and_tell(
            self._commands.pull(name),
            lambda line: tell(f"pulling image {image}: {line}"),
            should_stop,
        )
        if ended is None:
            return None
        exit_code, words = ended
        found = self._present(image) if exit_code == 0 else None
        if found is None:
            raise ContainerFailed(f"{self.name} could not pull image {image!r}: {words}")
        return found

    def _present(self, image: str) -> Image | None:
        for name in self._commands.image_names(image):
            answer = call(self._commands.inspect_image(name))
            if answer.exit_code == 0:
                return self._commands.image(name, answer.stdout)
        return None

    def start(
        self, container: Container, folder: JobFolder, environment: Mapping[str, str]
    ) -> ContainerProcess:
        """Start a container."""
        if self._facts is None:
            self.check()
        facts = self._facts or DockerFacts()
        command = self._commands.run(container, facts, machine_cpus=os.cpu_count() or 1)
        limit = container.memory_bytes if facts.limits_memory else None
        # Before it is there: whoever finds the folder is to find the container too.
        note_container(folder.root, self.name, limit)
        client = AppProcess(
            command, {**environment, **container.secrets}, folder.work, folder.console
        )
        return ContainerProcess(self._commands, container.name, client, folder, limit=limit)
