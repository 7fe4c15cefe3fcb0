"""The files of an environment's folder."""

import os
from pathlib import Path

__all__ = ["python_in", "size_bytes_of", "write_whole"]


def python_in(folder: Path) -> Path:
    """The Python of the environment in a folder."""
    return folder / "bin" / "python"


def size_bytes_of(folder: Path) -> int:
    """The sum of the sizes of the files in a folder, those of links not counted."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(f"{root}/{name}")
            except FileNotFoundError:
                continue  # being removed
            total += status.st_size
    return total


def write_whole(file: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    near = file.with_name(f".{file.name}.new")
    with near.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    near.replace(file)
