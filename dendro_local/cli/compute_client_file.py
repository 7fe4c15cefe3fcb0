"""The file in which a machine keeps the key of its compute client, as the original Dendro has it.

``dendro-compute-client.yaml`` in a folder, for this user's eyes only.
"""

import contextlib
import json
import os
from collections.abc import Generator
from pathlib import Path

import click

from dendro_local.model import ComputeClient

__all__ = ["FILE_NAME", "NewComputeClientFile", "new_compute_client_file"]

FILE_NAME = "dendro-compute-client.yaml"


class NewComputeClientFile:
    """A file that is there, and still empty."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def write(self, client: ComputeClient, key: str) -> None:
        """Write who the compute client is, and its key."""
        fields = {
            "compute_client_name": client.computeClientName,
            "compute_client_id": client.computeClientId,
            "compute_client_private_key": key,
        }
        # A JSON string is one of YAML too.
        text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in fields.items())
        os.write(self._descriptor, text.encode())
        os.fsync(self._descriptor)


@contextlib.contextmanager
def new_compute_client_file(folder: Path) -> Generator[NewComputeClientFile]:
    """A new file in a folder, to write a key to that is told only once; gone again on an error.

    Raises:
        click.FileError: there is one, or it cannot be made.
    """
    path = folder / FILE_NAME
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise click.FileError(
            str(path), "the folder is of a compute client already; give another folder"
        ) from error
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from error
    try:
        yield NewComputeClientFile(path, descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
