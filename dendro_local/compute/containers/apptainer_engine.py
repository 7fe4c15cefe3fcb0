"""Apptainer and Singularity."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from dendro_local.compute.app_process import AppProcess
from dendro_local.compute.containers.apptainer_commands import ApptainerCommands
from dendro_local.compute.containers.calling import call, call_and_tell, check_installed, words_of
from dendro_local.compute.containers.container import Container, Image, of_process
from dendro_local.compute.job_folder import JobFolder
from dendro_local.errors import ContainerFailed
from dendro_local.random_ids import random_id

__all__ = ["ApptainerEngine"]


class ApptainerEngine:
    """An engine with the command lines of Apptainer.

    Args:
        commands: those of the program.
        images_folder: where to keep images that were pulled, each as a file.
    """

    numbers_gpus_anew = False

    def __init__(self, commands: ApptainerCommands, images_folder: Path) -> None:
        self.name = commands.program
        self._commands = commands
        self._images_folder = images_folder
        self._pulling = threading.Lock()

    def check(self) -> None:
        """See whether the engine answers.

        Raises:
            ContainerFailed: it does not.
        """
        check_installed(self.name)
        answer = call(self._commands.version())
        if answer.exit_code != 0:
            words = words_of(answer.stderr.decode(errors="replace"))
            raise ContainerFailed(f"{self.name} does not work here: {words}")

    def image(
        self, image: str, tell: Callable[[str], None], should_stop: Callable[[], bool]
    ) -> Image | None:
        """An image of this name, which is pulled if it is not here; None if that was stopped.

        Raises:
            ContainerFailed: it cannot be pulled, or is a file that is not there.
        """
        source = self._commands.source(image)
        if source.startswith("/"):
            if not Path(source).exists():
                raise ContainerFailed(f"There is no image {source} on this machine.")
            return Image(name=source, uri=image)
        file = self._images_folder / self._commands.file_name(source)
        if not file.exists():
            tell(f"pulling image {image}")
            while not self._pulling.acquire(timeout=0.2):
                if should_stop():
                    return None
            try:
                if not file.exists() and not self._pull(source, file, tell, should_stop):
                    return None
            finally:
                self._pulling.release()
        return Image(name=str(file), uri=image)

    def _pull(
        self,
        source: str,
        file: Path,
        tell: Callable[[str], None],
        should_stop: Callable[[], bool],
    ) -> bool:
        """Pull an image into a file, which appears whole or not at all; False if stopped."""
        self._images_folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{random_id(8)}.{file.name}")
        try:
            ended = call_and_tell(
                self._commands.pull(source, partial),
                lambda line: tell(f"pulling image {source}: {line}"),
                should_stop,
            )
            if ended is None:
                return False
            exit_code, words = ended
            if exit_code != 0 or not partial.exists():
                raise ContainerFailed(f"{self.name} could not pull image {source!r}: {words}")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
        return True

    def start(
        self, container: Container, folder: JobFolder, environment: Mapping[str, str]
    ) -> "ApptainerProcess":
        """Start a container: a process of this user like any other, so that nothing else is said.

        It is found, measured, kept within its memory and ended as an app without a container is.
        """
        return ApptainerProcess(
            self._commands.run(container),
            {**environment, **self._commands.environment(container)},
            folder.work,
            folder.console,
        )


class ApptainerProcess(AppProcess):
    """A container, which is the process group of the engine's process."""

    def wait(self) -> int:
        """Wait for it to end, then end what it left running.

        Returns:
            The app's exit code; minus the signal's number if a signal ended it.
        """
        return of_process(super().wait())
