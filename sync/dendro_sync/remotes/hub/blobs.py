"""Blobs of another hub: one by one from any byte on, and small ones many at a time."""

from collections.abc import Callable, Collection, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path

import msgspec

from dendro_local.errors import (
    HubUnreachable,
    IncompleteUpload,
    InvalidRequest,
    NotAHub,
    NotFound,
    OutputNotFound,
)
from dendro_local.model import Digest
from dendro_local.remote_hub.body import Body
from dendro_local.remote_hub.replies import PastEnd
from dendro_local.remote_hub.transport import Transport
from dendro_local.v1 import PutBlobs, Received, WantedBlobs
from dendro_local.v1.many_blobs import ManyBlobsReader, blob_head
from dendro_sync.remotes.growing_file import GrowingFile
from dendro_sync.remotes.remote import OnBytes

__all__ = ["HubBlobs"]

PIECE_BYTES = 1 << 20


class HubBlobs:
    """The blobs of one hub. Safe for use by many threads.

    Args:
        transport: asks the hub.
        count: is told of each request.
    """

    def __init__(self, transport: Transport, count: Callable[[], None]) -> None:
        self._transport = transport
        self._count = count

    def fetch_into(
        self, digest: Digest, size: int, growing: GrowingFile, on_bytes: OnBytes
    ) -> None:
        """Let a file grow by what is lacking of a blob. Of what is too long, a little more comes.

        What is shorter there than it should be is so here then.

        Raises:
            OutputNotFound: it is not there.
            HubUnreachable: the hub did not answer for too long; what has come stays.
        """
        patience = self._transport.patience()
        while (there := growing.size) < size or there == size == 0:
            self._count()
            try:
                self._fetch_rest(digest, size, growing, on_bytes)
                if growing.size <= there:
                    return
            except NotFound as error:
                raise OutputNotFound(str(error)) from error
            except PastEnd:
                return
            except HubUnreachable as error:
                growing.flush()
                if growing.size > there:
                    patience.renew()
                patience.pause(error)

    def _fetch_rest(
        self, digest: Digest, size: int, growing: GrowingFile, on_bytes: OnBytes
    ) -> None:
        there = growing.size
        headers = {"range": f"bytes={there}-"} if there else {}
        with self._transport.stream(f"/v1/sync/blobs/{digest}", headers=headers) as reply:
            if there and reply.status_code != HTTPStatus.PARTIAL_CONTENT:
                growing.clear()
            body = Body(reply)
            # Of more than there should be, the digest says that it is something else.
            while growing.size <= size and (count := body.readinto(growing.room())):
                growing.grow(count)
                on_bytes(count)

    def fetch_many(self, digests: Collection[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Those of the blobs that the hub gives together, as they come.

        Raises:
            NotAHub: what it sends is no such thing.
            HubUnreachable: it did not answer for too long.
        """
        patience = self._transport.patience()
        wanted = dict.fromkeys(digests)
        while wanted:
            self._count()
            before = len(wanted)
            try:
                for digest, content in self._together(list(wanted)):
                    if digest not in wanted:
                        raise NotAHub(f"The hub sends what it was not asked for: {digest[:12]}...")
                    del wanted[digest]
                    yield digest, content
                return
            except HubUnreachable as error:
                if len(wanted) < before:
                    patience.renew()
                patience.pause(error)

    def _together(self, digests: list[Digest]) -> Iterator[tuple[Digest, bytes]]:
        asked = WantedBlobs(blobs=list(map(str, digests)))
        reader = ManyBlobsReader()
        with self._transport.stream("/v1/sync/get-blobs", record=asked) as reply:
            try:
                for piece in reply.iter_raw():
                    yield from reader.feed(piece)
            except InvalidRequest as error:
                raise NotAHub(f"What the hub sends cannot be read: {error}") from error

    def send(self, digest: Digest, file: Path, on_bytes: OnBytes) -> None:
        """Have a blob there, going on after what of it is there already.

        Raises:
            DendroError: as the hub has it.
            HubUnreachable: it did not answer for too long.
        """
        size = file.stat().st_size
        patience = self._transport.patience()
        furthest = 0

        def on_there(offset: int) -> None:
            nonlocal furthest
            if offset > furthest:  # sent from here, or by another
                furthest = offset
                patience.renew()

        is_again = False
        while True:
            try:
                if self._send_rest(digest, file, size, is_again, on_bytes, on_there):
                    return
                patience.renew()
            except (HubUnreachable, IncompleteUpload) as error:
                # Another may send the same at this moment, or a request of ours hang.
                patience.pause(
                    error if isinstance(error, HubUnreachable) else HubUnreachable(str(error))
                )
            is_again = True

    def _send_rest(
        self,
        digest: Digest,
        file: Path,
        size: int,
        is_again: bool,
        on_bytes: OnBytes,
        on_there: OnBytes,
    ) -> bool:
        """Send what is missing; whether all of it is there now.

        ``on_there`` is told how much was there before.
        """
        offset = 0
        if is_again or size > PIECE_BYTES:
            self._count()
            there = self._transport.get_once(f"/v1/blobs/{digest}", Received)
            if there.is_whole:
                return True
            on_there(there.offset)
            if there.is_coming:
                # More may come of it, and what is sent from the wrong byte on is sent for nothing.
                raise IncompleteUpload(f"File {digest[:12]}... is just being sent by another.")
            offset = there.offset
        self._count()
        headers = {
            "upload-length": str(size),
            "upload-offset": str(offset),
            "content-length": str(size - offset),
            "content-type": "application/octet-stream",
        }
        is_small = size <= PIECE_BYTES
        body = file.read_bytes()[offset:] if is_small else _rest(file, offset, on_bytes)
        received = self._transport.patch_once(
            f"/v1/blobs/{digest}", Received, headers=headers, content=body
        )
        if is_small:
            on_bytes(size - offset)
        return received.is_whole

    def send_many(
        self,
        files: Mapping[Digest, Path],
        lacking: Callable[[Mapping[Digest, int]], set[Digest]],
    ) -> set[Digest]:
        """Have small blobs there, in one body; those of them that are there then.

        Args:
            files: what to send. A file that is gone is left out.
            lacking: tells which of blobs, by digest with their sizes, are not there.

        Raises:
            DendroError: as the hub has it.
            HubUnreachable: it did not answer for too long.
        """
        patience = self._transport.patience()
        contents = _contents(files)
        there: set[Digest] = set()
        while contents:
            self._count()
            try:
                return there | self._put_together(contents)
            except HubUnreachable as error:
                patience.pause(error)
            sizes = {digest: len(content) for digest, content in contents.items()}
            there |= contents.keys() - lacking(sizes)
            contents = {each: contents[each] for each in contents if each not in there}
        return there

    def _put_together(self, contents: Mapping[Digest, bytes]) -> set[Digest]:
        body = b"".join(
            part
            for digest, content in contents.items()
            for part in (blob_head(digest, len(content)), content)
        )
        reply = self._transport.ask_once(
            "POST",
            "/v1/sync/put-blobs",
            content=body,
            headers={"content-type": "application/octet-stream"},
        )
        try:
            kept = msgspec.json.decode(reply.content, type=PutBlobs)
        except msgspec.MsgspecError as error:
            raise NotAHub(f"What the hub answered cannot be read: {error}") from error
        return set(map(Digest, kept.blobs))


def _contents(files: Mapping[Digest, Path]) -> dict[Digest, bytes]:
    found: dict[Digest, bytes] = {}
    for digest, file in files.items():
        try:
            found[digest] = file.read_bytes()
        except FileNotFoundError:
            continue
    return found


def _rest(file: Path, offset: int, on_bytes: OnBytes) -> Iterator[bytes]:
    with file.open("rb") as stream:
        stream.seek(offset)
        while piece := stream.read(PIECE_BYTES):
            yield piece
            on_bytes(len(piece))
