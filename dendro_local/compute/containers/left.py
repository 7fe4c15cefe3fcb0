"""Containers that a compute client left running: noted in the job's folder, found by the next."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dendro_local.compute.containers.calling import call
from dendro_local.compute.containers.container import container_name
from dendro_local.compute.containers.docker_commands import DockerCommands, PodmanCommands
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.runtime import RunningApp
from dendro_local.errors import ContainerFailed

if TYPE_CHECKING:
    from dendro_local.compute.containers.container_process import ContainerProcess

__all__ = ["adopted_container", "note_container", "remove_left_container"]

NOTE = "container.json"


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    engine: str
    memory_bytes: int | None


def note_container(folder: Path, engine: str, memory_bytes: int | None) -> None:
    """Note in a job's folder that it runs in a container, for whoever goes on with the job.

    Args:
        folder: the job's.
        engine: ``docker`` or ``podman``.
        memory_bytes: within which the engine keeps it, if it does.
    """
    note = _Note(engine=engine, memory_bytes=memory_bytes)
    (folder / NOTE).write_bytes(msgspec.json.encode(note))


def adopted_container(folder: JobFolder, client: RunningApp) -> "ContainerProcess | None":
    """The container that runs the job of a folder; None if the job runs in none.

    Args:
        folder: the job's.
        client: the engine's process that speaks for it.
    """
    from dendro_local.compute.containers.container_process import ContainerProcess

    note = _noted(folder.root)
    if note is None:
        return None
    return ContainerProcess(
        _commands(note.engine),
        container_name(folder.root),
        client,
        folder,
        limit=note.memory_bytes,
        tells_exit_code=False,
    )


def remove_left_container(folder: Path) -> None:
    """End and remove the container that ran the job of a folder, if there is any."""
    note = _noted(folder)
    if note is not None:
        commands = _commands(note.engine)
        try:
            call(commands.kill(container_name(folder)))
            call(commands.remove(container_name(folder)))
        except ContainerFailed:
            pass  # what runs in it is found by its environment


def _noted(folder: Path) -> _Note | None:
    try:
        return msgspec.json.decode((folder / NOTE).read_bytes(), type=_Note)
    except (OSError, ValueError):
        return None


def _commands(engine: str) -> DockerCommands:
    return PodmanCommands() if engine == PodmanCommands.program else DockerCommands()
