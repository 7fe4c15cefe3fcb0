"""Two stores that exchange jobs, one of them at a URL; each exchange in a process of its own."""

from pathlib import Path

import msgspec

from dendro_local.local_hub import LocalHub
from dendro_sync import add_remote, own_key
from dendro_sync.remotes.remote import RemoteKind
from dendro_sync.trust.keys import trust_key
from tests.benchmarks.processes import python, run

__all__ = ["REMOTE", "SCRIPTS", "Took", "exchange", "join"]

REMOTE = "there"
"""What the other store is called."""

SCRIPTS = "tests.benchmarks.scripts.sync"


class Took(msgspec.Struct, frozen=True):
    """What a script tells of what it measured."""

    seconds: float
    cpu_sec: float
    peak_mb: float
    new: int = 0
    files: int = 0
    requests: int = 0


def join(folder: Path, url: str, there: Path, kind: RemoteKind | None = None) -> None:
    """Let a store exchange jobs with another that is at a URL, each trusting the other's key.

    Args:
        folder: of the store; it is made if there is none.
        url: of the other's hub, or of a bucket.
        there: the folder of the other.
        kind: of the remote; None for a hub at an HTTP URL, and a bucket elsewhere.
    """
    here, other = LocalHub(folder), LocalHub(there)
    _, key = other.add_api_key(other.user_id, "benchmark")
    for hub, key_of in ((here, own_key(other)), (other, own_key(here))):
        trust_key(hub, key_of.keyId, key_of.publicKey)
    found = kind or ("hub" if url.startswith("http") else "bucket")
    add_remote(here, REMOTE, url, key=key if found == "hub" else None, kind=found)
    here.close()
    other.close()


def exchange(direction: str, folder: Path, outputs: str) -> Took:
    """Pull or push all that there is, in a process of its own.

    Raises:
        ProcessFailed: not all was moved.
    """
    command = python("-m", f"{SCRIPTS}.exchange", direction, folder, REMOTE, outputs)
    return msgspec.json.decode(run(command), type=Took)
