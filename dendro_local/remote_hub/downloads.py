"""Files of a hub, fetched once and kept by the SHA-256 of their bytes."""

import os
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from dendro_local.errors import HubUnreachable, InputUnavailable
from dendro_local.hub import FetchStopped
from dendro_local.model import Digest
from dendro_local.remote_hub.transport import Transport
from dendro_local.store import file_digest
from dendro_local.store.locks import exclusive

__all__ = ["Downloads"]

PIECE_BYTES = 1 << 20


class Downloads:
    """Fetched files in a folder. Safe for use by many threads and processes.

    A file that came in part, because the connection broke or the process died, is gone on with.

    Args:
        folder: where the files are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, digest: Digest) -> Path:
        """Where the file of this digest lies, or would lie."""
        return self._folder / digest[:2] / digest

    def fetch(
        self,
        transport: Transport,
        path: str,
        digest: Digest,
        size: int,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Path:
        """A file of this machine with the bytes that a path of a hub gives, checked.

        Args:
            transport: asks the hub, as long as it has patience since the last byte.
            path: of the file.
            digest: SHA-256 of its bytes.
            size: how many they are.
            should_stop: asked now and then.

        Raises:
            NotFound: the hub has no such file any more.
            InputUnavailable: its bytes are not those that the hub says they are.
            HubUnreachable: the hub did not answer for too long.
            FetchStopped: it is not wanted any more. What has come is kept.
        """
        target = self.path(digest)
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{digest}.partial")
        with exclusive(target.with_name(".fetching.lock")):
            if not target.exists():  # another process may have fetched it meanwhile
                self._fetch(transport, path, size, partial, should_stop)
                self._publish(digest, partial, target)
        return target

    def _fetch(
        self,
        transport: Transport,
        path: str,
        size: int,
        partial: Path,
        should_stop: Callable[[], bool],
    ) -> None:
        """Fetch what is missing of a file; what has come stays, whatever happens."""
        patience = transport.patience()
        with partial.open("ab") as file:
            if file.tell() > size:
                file.truncate(0)
            while (there := file.seek(0, os.SEEK_END)) < size:
                try:
                    _add_rest(transport, path, file, there, should_stop)
                except HubUnreachable as error:
                    if file.tell() > there:
                        patience.renew()
                    if should_stop():
                        raise FetchStopped from error
                    patience.pause(error)
            file.flush()
            os.fsync(file.fileno())

    def _publish(self, digest: Digest, partial: Path, target: Path) -> None:
        found, _ = file_digest(partial)
        if found != digest:
            partial.unlink(missing_ok=True)
            raise InputUnavailable(
                f"A file of the hub came with other bytes than it should have: {found[:12]}... "
                f"instead of {digest[:12]}... Nothing of it was kept."
            )
        partial.chmod(0o444)
        partial.rename(target)


def _add_rest(
    transport: Transport,
    path: str,
    file: BinaryIO,
    there: int,
    should_stop: Callable[[], bool],
) -> None:
    """Add to a file what follows of a path's bytes from there on."""
    headers = {"range": f"bytes={there}-"} if there else {}
    with transport.stream(path, headers=headers) as reply:
        if reply.status_code != HTTPStatus.PARTIAL_CONTENT:
            file.truncate(0)
        for piece in reply.iter_raw(PIECE_BYTES):
            if should_stop():
                raise FetchStopped
            file.write(piece)
