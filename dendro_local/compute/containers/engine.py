"""What a container engine does for the runtime."""

from collections.abc import Callable, Mapping
from typing import Protocol

from dendro_local.compute.containers.container import Container, Image
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.runtime import RunningApp

__all__ = ["Engine"]


class Engine(Protocol):
    """A container engine. Safe for use by many threads."""

    @property
    def name(self) -> str:
        """What it is called in settings and messages."""
        ...

    @property
    def numbers_gpus_anew(self) -> bool:
        """Whether a container has the job's GPUs alone, counted from 0."""
        ...

    def check(self) -> None:
        """See whether it works.

        Raises:
            ContainerFailed: it does not; the message has its own words.
        """
        ...

    def image(
        self, image: str, tell: Callable[[str], None], should_stop: Callable[[], bool]
    ) -> Image | None:
        """An image of this name, which is fetched if it is not here; None if that was stopped.

        Raises:
            ContainerFailed: it cannot be had; the message has the engine's words.
        """
        ...

    def start(
        self, container: Container, folder: JobFolder, environment: Mapping[str, str]
    ) -> RunningApp:
        """Start a container.

        Args:
            container: what to run.
            folder: the job's.
            environment: that of the engine's own process.
        """
        ...
