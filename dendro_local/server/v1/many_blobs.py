"""``/v1/sync``: many small blobs in one request, where one request of each would cost too much."""

from collections.abc import AsyncGenerator, Iterator

from litestar import Controller, post
from litestar.exceptions import InternalServerException
from litestar.params import JSONBody

from dendro_local.errors import QuotaExceeded, TooLarge
from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest
from dendro_local.server.v1.asking import AnyRequest, Asked
from dendro_local.server.v1.blobs import check_may_send_blobs
from dendro_local.server.v1.incoming import incoming_of
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.server.v1.streams import Pieces
from dendro_local.server.v1.sync import MAX_ASK_BYTES, check_digests
from dendro_local.v1 import PutBlobs, WantedBlobs
from dendro_local.v1.many_blobs import MOST_SMALL_BYTES, ManyBlobsReader, blob_head

__all__ = ["ManyBlobs"]

BYTES = "application/octet-stream"

PIECE_BYTES = 1 << 20
"""So many bytes are read at once, and are in memory then, however slowly they are taken."""

MAX_PUT_BYTES = 16 << 20


class ManyBlobs(Controller):
    """Small blobs, of each a line of JSON, `{"digest", "size"}`, and then its bytes."""

    path = "/sync"
    tags = ("sync",)

    @post(
        "/get-blobs",
        status_code=200,
        operation_id="getSyncBlobs",
        media_type=BYTES,
        responses=refusals(400),
        request_max_body_size=MAX_ASK_BYTES,
    )
    async def get(self, asked: Asked, data: JSONBody[WantedBlobs]) -> Pieces:
        """Those of these blobs that jobs have, that are here, and that have at most 256 KiB.

        Each as a line of JSON, `{"digest", "size"}`, and then so many bytes. What is left out may
        be had from `/v1/sync/blobs/DIGEST` all the same.
        """
        check_digests(data.blobs)

        asked_for = map(Digest, dict.fromkeys(data.blobs))
        found = asked.hub.served_small_blobs(asked_for, MOST_SMALL_BYTES)

        async def pieces() -> AsyncGenerator[bytes]:
            while piece := await asked.in_thread(_next_piece, found):
                yield piece

        return Pieces(pieces(), media_type=BYTES, headers={"cache-control": "no-store"})

    @post(
        "/put-blobs",
        status_code=200,
        operation_id="putSyncBlobs",
        responses=refusals(400, 401, 403, 413, 429, 507),
        request_max_body_size=MAX_PUT_BYTES,
        security=KEY_NEEDED,
    )
    async def put(self, asked: Asked, request: AnyRequest) -> PutBlobs:
        """Keep blobs of at most 256 KiB each, as `PATCH /v1/blobs/DIGEST` does with one.

        Each is a line of JSON, `{"digest", "size"}`, and then so many bytes. What is not among the
        answer came with other bytes, or is more than one may send; by itself it is told why. Of a
        body that breaks off, what has come whole is kept.
        """
        user_id = check_may_send_blobs(asked)
        reader = ManyBlobsReader()
        come: list[tuple[Digest, bytes]] = []
        try:
            async for piece in request.stream():
                come += reader.feed(piece)
        except InternalServerException:
            pass  # so the framework says that the client has gone
        taken = _within_quota(asked.hub, user_id, come)
        async with incoming_of(asked).together:
            kept = await asked.in_thread(asked.hub.keep_small_blobs, taken)
        return PutBlobs(blobs=list(map(str, kept)))


def _next_piece(found: Iterator[tuple[Digest, bytes]]) -> bytes:
    """The next of the blobs, as they are sent; nothing at the end."""
    piece = bytearray()
    for digest, content in found:
        piece += blob_head(digest, len(content))
        piece += content
        if len(piece) >= PIECE_BYTES:
            break
    return bytes(piece)


def _within_quota(
    hub: LocalHub, user_id: str, blobs: list[tuple[Digest, bytes]]
) -> list[tuple[Digest, bytes]]:
    """The first of the blobs, as far as the user may send them."""
    taken: list[tuple[Digest, bytes]] = []
    for digest, content in blobs:
        try:
            hub.check_may_send(user_id, len(content), len(content))
        except (TooLarge, QuotaExceeded):
            break
        taken.append((digest, content))
    return taken
