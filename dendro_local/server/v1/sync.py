"""``/v1/sync``: jobs as they are exchanged between stores, in signed batches of lines."""

import re
from collections.abc import AsyncGenerator, Iterable
from typing import Annotated, Any

import zstandard
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from dendro_local import __version__
from dendro_local.errors import InvalidRequest, NotAllowed
from dendro_local.model import Digest
from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.v1.asking import AnyRequest, Asked, HubRequest, caller
from dendro_local.server.v1.lists import moment
from dendro_local.server.v1.pushing import put_entries
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.server.v1.streams import Pieces
from dendro_local.signed_records import MOST_IN_BATCH, JobEntry, batch_lines, encode_entry
from dendro_local.v1 import (
    BlobSizes,
    LackingBlobs,
    LackingJobs,
    PutEntries,
    SyncFacts,
    WantedBlobs,
    WantedJobs,
    WhichBlobs,
    WhichJobs,
)

__all__ = ["MAX_ASK_BYTES", "Sync", "check_digests"]

LINES = "application/x-ndjson"

MAX_PUT_BYTES = 64 << 20

MAX_ASK_BYTES = 4 << 20

LEVEL = 3
"""Of zstd: what is slower makes hardly less of it."""


_is_digest = re.compile("[0-9a-f]{64}").fullmatch

_is_number = re.compile("[0-9]{1,18}").fullmatch


class Sync(Controller):
    """The exchange of jobs with other stores. `docs/sync.md` says what the lines are."""

    path = "/sync"
    tags = ("sync",)

    @get("/", operation_id="getSync", responses=refusals(401))
    async def facts(
        self, asked: Asked, figures: NamedDependency[StoreFigures], request: AnyRequest
    ) -> SyncFacts:
        """What the hub is."""
        counts = await asked.in_thread(figures.jobs_by_status)
        user_id = caller(request)
        can_write = user_id is not None and any(
            asked.hub.may_process_jobs(user_id, service)
            for service in await asked.in_thread(asked.hub.services)
        )
        return SyncFacts(
            version=__version__,
            store_id=asked.hub.store.get_meta("store_id") or "",
            jobs=counts.get("completed", 0) + counts.get("failed", 0),
            public_key=asked.hub.shared.signing_key.public.text(),
            user_id=user_id,
            can_write=can_write,
            moves_many=True,
        )

    @get(
        "/changes",
        operation_id="getSyncChanges",
        responses=refusals(400),
        media_type=LINES,
    )
    async def changes(
        self,
        asked: Asked,
        request: AnyRequest,
        cursor: Annotated[
            str, QueryParameter(description="Where to go on: that of the last batch; or nothing.")
        ] = "",
        service: Annotated[str | None, QueryParameter(description="Only of this service.")] = None,
        app: Annotated[str | None, QueryParameter(description="Only of this app.")] = None,
        processor: Annotated[
            str | None, QueryParameter(description="Only of this processor.")
        ] = None,
        tag: Annotated[
            list[str] | None,
            QueryParameter(description="Only with this tag; several: with all.", max_items=50),
        ] = None,
        since: Annotated[
            str | None, QueryParameter(description="Only what ended at this moment or later.")
        ] = None,
    ) -> Pieces:
        """What changed after a cursor.

        Lines of JSON, compressed by zstd if that is accepted. Jobs that are not finished are not
        among them.
        """
        conditions = {
            "service": service,
            "app": app,
            "processor": processor,
            "tags": tag,
            "since": moment("since", since),
        }
        pages = _Pages(asked, cursor, conditions)
        return _lines(request, pages.all())

    @post(
        "/entries-of",
        status_code=200,
        operation_id="getSyncEntries",
        media_type=LINES,
        responses=refusals(400),
        request_max_body_size=MAX_ASK_BYTES,
    )
    async def entries_of(
        self, asked: Asked, request: AnyRequest, data: JSONBody[WantedJobs]
    ) -> Pieces:
        """Finished jobs by id, as lines; those that are not here are left out."""

        async def pieces() -> AsyncGenerator[bytes]:
            for first in range(0, len(data.jobs), MOST_IN_BATCH):
                some = data.jobs[first : first + MOST_IN_BATCH]
                yield await asked.in_thread(_batch, asked, asked.hub.shared.shared_entries(some))

        return _lines(request, pieces())

    @get("/find", operation_id="findSyncEntries", responses=refusals(400), media_type=LINES)
    async def find(
        self,
        asked: Asked,
        service: Annotated[str, QueryParameter(description="Only of this service.")],
        hash: Annotated[
            str, QueryParameter(description="The definition hash: 40 hexadecimal digits.")
        ],
        content_key: Annotated[
            str | None,
            QueryParameter(description="The content key: 64 hexadecimal digits; or nothing."),
        ] = None,
    ) -> Response[bytes]:
        """The newest finished jobs of a definition hash; without any, of a content key."""
        if content_key is not None and not _is_digest(content_key):
            raise InvalidRequest("A content key is 64 hexadecimal digits in lower case.")
        found = await asked.in_thread(asked.hub.shared.shared_find, service, hash, content_key)
        body = await asked.in_thread(_batch, asked, found)
        return Response(body, media_type=LINES)

    @post(
        "/blob-sizes",
        status_code=200,
        operation_id="getSyncBlobSizes",
        responses=refusals(400),
        request_max_body_size=MAX_ASK_BYTES,
    )
    async def blob_sizes(self, asked: Asked, data: JSONBody[WantedBlobs]) -> BlobSizes:
        """Which of these files jobs have, as outputs or inputs, and their sizes.

        `/v1/sync/blobs/DIGEST` gives them.
        """
        check_digests(data.blobs)
        digests = list(map(Digest, data.blobs))
        sizes = await asked.in_thread(asked.hub.served_blob_sizes, digests)
        return BlobSizes(blobs={str(digest): size for digest, size in sizes.items()})

    @post(
        "/lacking",
        status_code=200,
        operation_id="getSyncLacking",
        responses=refusals(400, 401, 403),
        request_max_body_size=MAX_ASK_BYTES,
        security=KEY_NEEDED,
    )
    async def lacking(self, asked: Asked, data: JSONBody[WhichJobs]) -> LackingJobs:
        """Which of these jobs are not here, or have another record."""
        _check_may_push(asked)
        known = await asked.in_thread(asked.hub.arriving.known_digests, list(data.jobs))
        lacking = [job_id for job_id, digest in data.jobs.items() if known.get(job_id) != digest]
        return LackingJobs(jobs=lacking)

    @post(
        "/lacking-blobs",
        status_code=200,
        operation_id="getSyncLackingBlobs",
        responses=refusals(400, 401, 403),
        request_max_body_size=MAX_ASK_BYTES,
        security=KEY_NEEDED,
    )
    async def lacking_blobs(self, asked: Asked, data: JSONBody[WhichBlobs]) -> LackingBlobs:
        """Which of these blobs are not here. `/v1/blobs` takes them."""
        _check_may_push(asked)
        check_digests(data.blobs)
        blobs = asked.hub.store.blobs

        def find() -> list[str]:
            return [digest for digest in data.blobs if not blobs.has(Digest(digest))]

        return LackingBlobs(blobs=await asked.in_thread(find))

    @post(
        "/entries",
        status_code=200,
        operation_id="putSyncEntries",
        responses=refusals(400, 401, 403, 413, 507),
        request_max_body_size=MAX_PUT_BYTES,
        security=KEY_NEEDED,
    )
    async def put(
        self,
        asked: Asked,
        request: AnyRequest,
        without_files: Annotated[
            bool, QueryParameter(description="Whether blobs are left out on purpose.")
        ] = False,
    ) -> PutEntries:
        """Take the entries of a batch: those that are not refused, together.

        The body is a batch of lines. Blobs have been sent before, to `/v1/blobs`.
        """
        user_id = _check_may_push(asked)
        body = await request.body()
        return await asked.in_thread(
            put_entries, asked.hub, user_id, body, without_files=without_files
        )


class _Pages:
    """The changes after a cursor, batch by batch."""

    def __init__(self, asked: HubRequest, cursor: str, conditions: dict[str, Any]) -> None:
        self._asked = asked
        self._hub = asked.hub
        self._conditions = conditions
        self._store_id = self._hub.store.get_meta("store_id") or ""
        store_id, _, rest = cursor.partition(".")
        number, _, self._apps = rest.partition(".")
        is_own = store_id == self._store_id and _is_number(number) is not None
        self._after = int(number) if is_own else 0

    async def all(self) -> AsyncGenerator[bytes]:
        """Every batch."""
        total = await self._asked.in_thread(self._total)
        while True:
            batch, is_last = await self._asked.in_thread(self._next, total)
            yield batch
            if is_last:
                return

    def _total(self) -> int:
        """About how many entries there will be; what does not match the filters counts too."""
        return max(0, self._hub.store.feed.last() - self._after)

    def _next(self, total: int) -> tuple[bytes, bool]:
        settled = self._hub.store.feed.last_settled()
        found = self._hub.shared.shared_changes(self._after, self._conditions, MOST_IN_BATCH)
        lines = [encode_entry(change.entry) for change in found]
        is_last = len(found) < MOST_IN_BATCH
        # What is filtered away is not to be looked at again.
        self._after = max([self._after, *(change.feed_number for change in found[-1:])])
        if is_last:
            self._after = max(self._after, settled)
        service = self._conditions["service"]
        apps = self._hub.shared.apps_state(service)
        if apps != self._apps and is_last:
            self._apps = apps
            lines += [encode_entry(app) for app in self._hub.shared.shared_apps(service)]
        cursor = f"{self._store_id}.{self._after}.{self._apps}"
        return batch_lines(lines, cursor, self._hub.shared.signing_key, total), is_last


def _batch(asked: HubRequest, entries: list[JobEntry]) -> bytes:
    lines = [encode_entry(entry) for entry in entries]
    return batch_lines(lines, "", asked.hub.shared.signing_key)


def _check_may_push(asked: HubRequest) -> str:
    """The user who asks, if they may process jobs somewhere.

    Raises:
        NotAllowed: they may not.
    """
    user_id = asked.user_id()
    if not any(asked.hub.may_process_jobs(user_id, each) for each in asked.hub.services()):
        raise NotAllowed(
            f"{user_id} may process jobs on no service of this hub, and so cannot push any. The "
            "owner of a service can let them: `dendro-local services users`."
        )
    return user_id


def check_digests(texts: Iterable[str]) -> None:
    """Refuse what is no digest.

    Raises:
        InvalidRequest: one of them is none.
    """
    if not all(map(_is_digest, texts)):
        raise InvalidRequest("A digest is 64 hexadecimal digits in lower case.")


def _lines(request: AnyRequest, pieces: AsyncGenerator[bytes]) -> Pieces:
    """A reply of lines, compressed where that is understood."""
    if "zstd" not in request.headers.get("accept-encoding", ""):
        return Pieces(pieces, media_type=LINES, headers={"cache-control": "no-store"})
    return Pieces(
        _compressed(pieces),
        media_type=LINES,
        headers={"cache-control": "no-store", "content-encoding": "zstd"},
    )


async def _compressed(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    packer = zstandard.ZstdCompressor(level=LEVEL).compressobj()
    async for piece in pieces:
        # Each batch can be unpacked, and is dealt with, before the next has come.
        yield packer.compress(piece) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    yield packer.flush()
