"""Files that go to a hub, from any byte on: what has arrived need not be sent again."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from dendro_local.errors import HubUnreachable, IncompleteUpload, InputUnavailable
from dendro_local.remote_hub.transport import Transport
from dendro_local.v1 import Received

__all__ = ["send_piece", "upload"]

PIECE_BYTES = 256 << 10
FIRST_BYTES = PIECE_BYTES


def upload(
    transport: Transport,
    file: Path,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    on_sent: Callable[[int, int], None] | None = None,
) -> None:
    """Send a file to a path of a hub that says how much of it is there.

    It is tried again for as long as the transport has patience, counted from when the hub last got
    more of it, be it from here or from somebody else who sends the same.

    Args:
        transport: asks the hub.
        file: what to send. It must not change meanwhile; it may become longer.
        path: answers GET with `Received`, and takes what follows by PATCH.
        query: of each request.
        headers: of each request.
        on_sent: told now and then how many bytes of how many are sent.

    Raises:
        InputUnavailable: the file became shorter.
        DendroError: as the hub has it.
        HubUnreachable: it did not answer for too long; what has arrived stays there.
    """
    size = file.stat().st_size
    patience = transport.patience()
    furthest = -1
    while True:
        try:
            there = transport.get_once(path, Received, params=query, headers=headers)
            if there.is_whole:
                return
            if there.offset > furthest:
                furthest = there.offset
                patience.renew()
            if there.is_coming:
                raise IncompleteUpload(f"{file} is just being sent by somebody else.")
            # More than there is of it here: it was begun anew.
            offset = 0 if there.offset > size else there.offset
            # Of many who begin at once, only one is to send it all.
            ends = [FIRST_BYTES, size] if offset == 0 and size > FIRST_BYTES else [size]
            with file.open("rb") as stream:
                stream.seek(offset)
                for end in ends:
                    body = _pieces(stream, offset, end, size, on_sent)
                    named = {**(headers or {}), "upload-length": str(size)}
                    there = _patch(transport, path, body, offset, end - offset, query, named)
                    if there.is_whole:
                        return
                    offset = end
            return
        except (HubUnreachable, IncompleteUpload) as error:
            patience.pause(error)


def send_piece(
    transport: Transport,
    piece: bytes,
    offset: int,
    path: str,
    *,
    query: Mapping[str, str],
    headers: Mapping[str, str],
) -> None:
    """Send some bytes of a file, once.

    Raises:
        IncompleteUpload: they do not go on where what has come ends.
        DendroError: as the hub has it.
        HubUnreachable: it did not answer.
    """
    _patch(transport, path, iter((piece,)), offset, len(piece), query, headers)


def _patch(
    transport: Transport,
    path: str,
    body: Iterator[bytes],
    offset: int,
    length: int,
    query: Mapping[str, str] | None,
    headers: Mapping[str, str],
) -> Received:
    sent = {
        **headers,
        "upload-offset": str(offset),
        "content-length": str(length),
        "content-type": "application/offset+octet-stream",
    }
    return transport.patch_once(path, Received, content=body, params=query, headers=sent)


def _pieces(
    stream: BinaryIO,
    offset: int,
    end: int,
    size: int,
    on_sent: Callable[[int, int], None] | None,
) -> Iterator[bytes]:
    while offset < end:
        piece = stream.read(min(PIECE_BYTES, end - offset))
        if not piece:
            raise InputUnavailable(f"{stream.name} became shorter while it was sent.")
        yield piece
        offset += len(piece)
        if on_sent is not None:
            on_sent(offset, size)
