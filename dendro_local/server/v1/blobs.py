"""``/v1/blobs``: files that clients send, as inputs of the jobs that they will submit."""

import re
from typing import Annotated

from litestar import Controller, get, patch
from litestar.params import FromPath, HeaderParameter

from dendro_local.errors import InvalidRequest, NotAllowed
from dendro_local.model import Digest
from dendro_local.server.v1.asking import AnyRequest, Asked
from dendro_local.server.v1.incoming import incoming_of, size_of
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.v1 import Received

__all__ = ["Blobs", "check_may_send_blobs"]

_is_digest = re.compile("[0-9a-f]{64}").fullmatch


class Blobs(Controller):
    """Files by the SHA-256 of their bytes."""

    path = "/blobs"
    tags = ("blobs",)
    security = KEY_NEEDED

    @get("/{digest:str}", operation_id="getBlobReceived", responses=refusals(400, 401, 403))
    async def received(self, asked: Asked, digest: FromPath[str]) -> Received:
        """How much of a file is there.

        The number of bytes that are there, or have come so far. Who sends what somebody else sends
        at this moment is refused, and had better ask first, and wait.
        """
        named = _checked(asked, digest)
        size = asked.hub.blob_size(named)
        if size is not None:
            return Received(offset=size, is_whole=True)
        return await incoming_of(asked).received(asked.hub.incoming_blob(named))

    @patch(
        "/{digest:str}",
        status_code=200,
        operation_id="putBlob",
        responses=refusals(400, 401, 403, 409, 413, 429, 503, 507),
        request_max_body_size=None,
    )
    async def put(
        self,
        asked: Asked,
        request: AnyRequest,
        digest: FromPath[str],
        upload_length: Annotated[
            int,
            HeaderParameter(
                name="Upload-Length", description="How many bytes the whole file has.", ge=0
            ),
        ],
    ) -> Received:
        """Send a file, or what follows of it.

        The bytes from `Upload-Offset` on. When all have come, they are checked against the digest,
        and the input is `dendro:sha256/DIGEST` in definitions. A file that no job has as an input
        is removed after a day, and so is one of which nothing comes for so long.
        """
        named = _checked(asked, digest)
        whole = Received(offset=upload_length, is_whole=True)
        if asked.hub.blob_size(named) is not None:
            return whole
        user_id = asked.user_id()
        asked.hub.check_may_send(user_id, upload_length, 0)

        def check_may_come(size: int, more: int) -> None:
            asked.hub.check_may_send(user_id, max(size, upload_length), more)

        incoming, file = incoming_of(asked), asked.hub.incoming_blob(named)
        await incoming.receive(request, file, check_may_come)
        size = size_of(file)
        if size < upload_length:
            return Received(offset=size)
        # Nothing more comes from here on: it would come to the blob, which is the same file.
        async with incoming.closed(file):
            if asked.hub.blob_size(named) is not None:
                return whole  # another request has had it kept
            # Of more, the digest says that it is something else.
            found = await incoming.digests([file])
            incoming.forget(file)
            await asked.in_thread(asked.hub.keep_incoming_blob, named, found[file])
        return whole


def _checked(asked: Asked, digest: str) -> Digest:
    """The digest, if who asks may send files."""
    check_may_send_blobs(asked)
    if not _is_digest(digest):
        raise InvalidRequest("A digest is 64 hexadecimal digits in lower case.")
    return Digest(digest)


def check_may_send_blobs(asked: Asked) -> str:
    """The user who asks, if they may create jobs somewhere, or bring those that they ran.

    Raises:
        NotAllowed: they may not.
    """
    user_id = asked.user_id()
    hub = asked.hub
    if not any(
        hub.may_create_jobs(user_id, each) or hub.may_process_jobs(user_id, each)
        for each in hub.services()
    ):
        raise NotAllowed(f"{user_id} may create or process jobs on no service of this hub.")
    return user_id
