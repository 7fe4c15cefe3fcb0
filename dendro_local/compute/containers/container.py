"""What is asked of a container engine, whichever it is."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

__all__ = ["Container", "Image", "Mount", "container_name", "mount_options", "of_process"]


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder of this machine that a container sees."""

    source: Path
    destination: Path
    is_writable: bool = False


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A container for one run of a job."""

    name: str
    job_id: str
    image: str
    """As the engine knows it."""
    command: Sequence[str]
    mounts: Sequence[Mount]
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = {}
    """More of the environment, which must not stand in a command line."""
    work: Path
    """The current directory of the command."""
    temporary: Path
    """For temporary files and as the home directory."""
    user_id: int
    group_id: int
    has_network: bool
    num_cpus: int
    memory_bytes: int | None
    gpu_ids: Sequence[str]


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image that the engine has."""

    name: str
    """As the engine knows it."""
    uri: str
    """What to record as having run."""
    python_path: str = ""
    """PYTHONPATH in it."""


def container_name(folder: Path) -> str:
    """What the container is called that runs the job of a folder.

    Never read from the folder, which the app may write to: it could name anybody's container.
    """
    return f"dendro-{folder.name}"


def mount_options(mounts: Iterable[Mount]) -> list[str]:
    """The options of a command line for mounts, outer folders first.

    One line of CSV each, as all engines read it: any path will do, whatever characters it has.
    """
    options: list[str] = []
    for mount in sorted(mounts, key=lambda each: each.destination.parts):
        fields = ["type=bind", f"src={mount.source}", f"dst={mount.destination}"]
        if not mount.is_writable:
            fields.append("ro")
        options += ["--mount", ",".join(map(_csv_field, fields))]
    return options


def _csv_field(text: str) -> str:
    if not any(character in text for character in ',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def of_process(exit_code: int) -> int:
    """The exit code of a process, given the one by which an engine or a shell tells it.

    They give 128 and the signal's number where a signal ended it.
    """
    return 128 - exit_code if 128 < exit_code <= 192 else exit_code
