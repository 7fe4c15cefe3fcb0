"""Writing a file for the user that appears whole, or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

import click

__all__ = ["write_whole"]


def write_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Make ``target`` what ``write`` writes to the path that it is given, or leave it as it was.

    Raises:
        click.FileError: it cannot be written.
    """
    near = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        try:
            write(near)
            with near.open("rb") as written:
                os.fsync(written.fileno())
            near.replace(target)
        finally:
            near.unlink(missing_ok=True)
    except OSError as error:
        raise click.FileError(str(target), error.strerror) from error
