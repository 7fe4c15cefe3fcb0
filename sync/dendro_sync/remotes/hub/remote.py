"""What is asked of another hub."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from dendro_local.errors import HubUnreachable, NotAHub
from dendro_local.model import Digest, JobDefinition, JobId
from dendro_local.remote_hub.events import RemoteChanges
from dendro_local.remote_hub.transport import PATIENCE_SEC, Timeouts, Transport
from dendro_local.signed_records import Entry, ReadBatch, SigningKey, batch_lines
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
from dendro_local.v1.many_blobs import MOST_SMALL_BYTES
from dendro_sync.remotes.growing_file import GrowingFile
from dendro_sync.remotes.hub.blobs import HubBlobs
from dendro_sync.remotes.hub.lines import line_portions, read_batches, read_entries
from dendro_sync.remotes.remote import OnBytes, Refusal, RemoteFacts
from dendro_sync.selection import Selection

__all__ = ["HubRemote"]

T = TypeVar("T")

MOST_ASKED = 5000

WAIT_STEP_SEC = 0.5


class HubRemote:
    """A hub at a URL. Safe for use by many threads.

    Args:
        url: where it is, such as ``https://hub.example.org``.
        key: the API key of a user there; None for a guest.
        signing_key: with which what is pushed is signed as a whole; None if nothing will be.
        what_key: how people know the key.
        how_to_key: what to do for another one: a sentence; None for nothing.
        patience_sec: for how long a hub that does not answer is asked again.
        timeouts: for how long an answer is waited for.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        signing_key: SigningKey | None = None,
        *,
        what_key: str = "the key of the remote",
        how_to_key: str | None = None,
        patience_sec: float = PATIENCE_SEC,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._transport = Transport(
            url,
            key,
            what_key=what_key,
            what_url="the URL of the remote",
            how_to_key=how_to_key,
            patience_sec=patience_sec,
            timeouts=timeouts,
        )
        self._signing_key = signing_key
        self._lock = threading.Lock()
        self._requests = 0
        self._changes: RemoteChanges | None = None
        self._facts: SyncFacts | None = None
        self._blobs = HubBlobs(self._transport, self._count)
        self.most_small_bytes = MOST_SMALL_BYTES

    @property
    def url(self) -> str:
        """Where it is."""
        return self._transport.base_url

    @property
    def requests(self) -> int:
        """How many requests it has been asked so far."""
        return self._requests

    def facts(self) -> RemoteFacts:
        """What it is."""
        self._count()
        self._facts = found = self._transport.get("/v1/sync", SyncFacts)
        return RemoteFacts(
            kind="hub",
            url=self.url,
            store_id=found.store_id,
            version=found.version,
            jobs=found.jobs,
            public_key=found.public_key,
            can_write=found.can_write,
            user_id=found.user_id,
        )

    def changes(self, cursor: str, selection: Selection) -> Iterator[ReadBatch]:
        """What changed there after a cursor; goes on where a connection broke."""
        patience = self._transport.patience()
        while True:
            self._count()
            is_whole = False
            try:
                with self._transport.stream(
                    "/v1/sync/changes",
                    headers={"accept-encoding": "zstd"},
                    query=_query(cursor, selection),
                ) as reply:
                    for batch in read_batches(reply):
                        yield batch
                        cursor = batch.end.cursor
                        patience.renew()
                    is_whole = True
            except HubUnreachable as error:
                patience.pause(error)
            if is_whole:
                return

    def entries_of(self, jobs: Mapping[JobId, str]) -> Iterator[Entry]:
        """These jobs, by id."""
        for some in _portions(jobs):
            self._count()
            asked = WantedJobs(jobs=some)
            reply = self._transport.ask("POST", "/v1/sync/entries-of", **_json(asked))
            yield from read_entries(reply.content)

    def find(
        self,
        service: str,
        definition_hash: str,
        content_key: str | None,
        *,
        definition: JobDefinition | None = None,
    ) -> Iterator[Entry]:
        """Jobs of a definition; where there is none, of a content key. One request."""
        self._count()
        query = {"service": service, "hash": definition_hash}
        if content_key is not None:
            query["content_key"] = content_key
        yield from read_entries(self._transport.ask("GET", "/v1/sync/find", params=query).content)

    def blob_sizes(self, digests: Collection[Digest]) -> dict[Digest, int]:
        """Those of the blobs that are there, with their sizes in bytes."""
        found: dict[Digest, int] = {}
        for some in _portions(digests):
            self._count()
            asked = WantedBlobs(blobs=list(map(str, some)))
            reply = self._transport.post("/v1/sync/blob-sizes", asked, BlobSizes)
            found.update((Digest(digest), size) for digest, size in reply.blobs.items())
        return {digest: found[digest] for digest in digests if digest in found}

    def fetch(self, digest: Digest, size: int, file: Path, on_bytes: OnBytes) -> None:
        """Write a blob to a file, going on after what of it is there already."""
        with GrowingFile(file, size) as growing:
            self._blobs.fetch_into(digest, size, growing, on_bytes)

    def fetch_into(
        self, digest: Digest, size: int, growing: GrowingFile, on_bytes: OnBytes
    ) -> None:
        """As `fetch`."""
        self._blobs.fetch_into(digest, size, growing, on_bytes)

    def fetch_many(self, digests: Collection[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Those of the blobs that can be had together; none, from a hub that is too old."""
        if self._moves_many():
            yield from self._blobs.fetch_many(digests)

    # What it is to have

    def lacking(self, jobs: Mapping[JobId, str]) -> set[JobId]:
        """Those of the jobs that are not there, or with another record."""
        found: set[JobId] = set()
        for some in _portions(jobs.items()):
            self._count()
            asked = WhichJobs(jobs=dict(some))
            reply = self._transport.post("/v1/sync/lacking", asked, LackingJobs)
            found.update(reply.jobs)
        return found

    def lacking_blobs(self, blobs: Mapping[Digest, int]) -> set[Digest]:
        """Those of the blobs that are not there."""
        found: set[Digest] = set()
        for some in _portions(blobs.items()):
            self._count()
            asked = WhichBlobs(blobs={str(digest): size for digest, size in some})
            reply = self._transport.post("/v1/sync/lacking-blobs", asked, LackingBlobs)
            found.update(map(Digest, reply.blobs))
        return found & blobs.keys()

    def send(self, digest: Digest, file: Path, on_bytes: OnBytes) -> None:
        """Have a blob there, going on after what of it is there already."""
        self._blobs.send(digest, file, on_bytes)

    def send_many(self, files: Mapping[Digest, Path]) -> set[Digest]:
        """Have small blobs there; those of them that are then."""
        if not self._moves_many():
            return set()
        return self._blobs.send_many(files, self.lacking_blobs)

    def put(self, entries: Sequence[Entry], *, without_files: bool = False) -> list[Refusal]:
        """Have entries there, a batch at a time."""
        refused: list[Refusal] = []
        for lines in line_portions(entries):
            self._count()
            body = batch_lines(lines, "", self._signing_key)
            headers = {"content-type": "application/x-ndjson"}
            query = {"without_files": "true"} if without_files else {}
            reply = self._transport.ask(
                "POST", "/v1/sync/entries", params=query, content=body, headers=headers
            )
            refused += [
                Refusal(
                    job_id=each.job_id,
                    code=each.code,  # type: ignore[arg-type]  # a later hub may have others
                    reason=each.reason,
                    digests=each.digests,
                )
                for each in _put_entries(reply).refused
            ]
        return refused

    def wait(self, timeout_sec: float, is_over: Callable[[], bool]) -> bool:
        """Wait until something changes there."""
        with self._lock:
            if self._changes is None:
                self._changes = RemoteChanges(self._transport)
        left = timeout_sec
        while left > 0 and not is_over():
            if self._changes.wait(min(left, WAIT_STEP_SEC)) and self._changes.is_listening:
                return True
            left -= WAIT_STEP_SEC
        return not self._changes.is_listening

    def close(self) -> None:
        """Let go of connections."""
        if self._changes is not None:
            self._changes.close()
        self._transport.close()

    def _moves_many(self) -> bool:
        """Whether the hub gives and takes many blobs at once, by what it tells of itself."""
        if self._facts is None:
            self.facts()
        return self._facts is not None and self._facts.moves_many

    def _count(self) -> None:
        with self._lock:
            self._requests += 1


def _query(cursor: str, selection: Selection) -> dict[str, list[str]]:
    query = {
        "cursor": cursor,
        "service": selection.service,
        "app": selection.app,
        "processor": selection.processor,
        "since": None if selection.since is None else repr(selection.since),
    }
    return {name: [value] for name, value in query.items() if value} | {"tag": [*selection.tags]}


def _portions(asked: Iterable[T]) -> Iterator[list[T]]:
    """So much at a time as a hub is asked."""
    rest = iter(asked)
    while some := list(islice(rest, MOST_ASKED)):
        yield some


def _json(record: object) -> dict[str, Any]:
    return {
        "content": msgspec.json.encode(record),
        "headers": {"content-type": "application/json"},
    }


def _put_entries(reply: httpx.Response) -> PutEntries:
    try:
        return msgspec.json.decode(reply.content, type=PutEntries)
    except msgspec.MsgspecError as error:
        raise NotAHub(f"What the hub answered cannot be read: {error}") from error
