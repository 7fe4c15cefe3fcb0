"""Who this machine is to a hub: the key of its user, and that of its compute client.

The compute client's is in ``dendro-compute-client.yaml``, as the original Dendro has it: three
lines of a name and a text each.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from dendro_local.errors import Conflict, NotAuthenticated, StoreError
from dendro_local.reasons import reason_of
from dendro_local.store.locks import FileLock

__all__ = ["CLIENT_FILE_NAME", "ComputeClientKey", "key_in_use", "read_client_key", "user_key"]

CLIENT_FILE_NAME = "dendro-compute-client.yaml"


class ComputeClientKey(msgspec.Struct, frozen=True, kw_only=True):
    """A registered compute client, its private key, and the file that they are in."""

    compute_client_id: str
    private_key: str
    file: Path

    @property
    def described(self) -> str:
        """What people know the key by."""
        return f"the key of compute client {self.compute_client_id} in {self.file}"


def user_key() -> str | None:
    """The API key of the user, from ``DENDRO_API_KEY``; None if it is not set."""
    return os.environ.get("DENDRO_API_KEY", "").strip() or None


def read_client_key(folder: Path) -> ComputeClientKey:
    """The compute client as which this machine is registered with a hub.

    From ``DENDRO_COMPUTE_CLIENT_FILE``, by default ``dendro-compute-client.yaml`` in the current
    folder, where the original Dendro looks for it, or in the given one.

    Raises:
        NotAuthenticated: it is not registered; says how.
        StoreError: the file cannot be read.
    """
    chosen = os.environ.get("DENDRO_COMPUTE_CLIENT_FILE")
    near = Path(CLIENT_FILE_NAME).absolute()
    if chosen:
        file = Path(chosen).expanduser().absolute()
    else:
        file = near if near.exists() else folder / CLIENT_FILE_NAME
    try:
        fields = _fields(file.read_text(encoding="utf-8"))
        return ComputeClientKey(
            compute_client_id=fields["compute_client_id"],
            private_key=fields["compute_client_private_key"],
            file=file,
        )
    except FileNotFoundError as error:
        raise NotAuthenticated(
            f"This machine is not registered as a compute client of the hub: there is no {file}, "
            f"and no {CLIENT_FILE_NAME} in the current folder. `dendro-local clients register NAME "
            "--to FOLDER` on the hub's machine writes it; copy it here, or name it by "
            "DENDRO_COMPUTE_CLIENT_FILE."
        ) from error
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise StoreError(
            f"{file} is not the file of a registered compute client "
            f"({reason_of(error)}). Copy it again from where it was written."
        ) from error


def key_in_use(key: ComputeClientKey) -> FileLock:
    """Hold the lock by which one process at a time works with a key.

    Raises:
        Conflict: another process does.
        StoreError: the lock cannot be made.
    """
    file = key.file.with_name(f".{key.file.name}.lock")
    try:
        return FileLock(file)
    except BlockingIOError as error:
        raise Conflict(
            f"Another process of this machine works as the compute client of {key.file}. End it, "
            "or register another: `dendro-local clients register NAME` on the hub's machine."
        ) from error
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}.") from error


def _fields(text: str) -> Mapping[str, str]:
    """The lines of a YAML file that has only texts in it."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        value = value.strip()
        if not colon or not value or name.startswith(("#", " ")):
            continue
        found[name] = str(json.loads(value)) if value.startswith('"') else value.strip("'")
    return found
