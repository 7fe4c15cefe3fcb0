"""An original hub as a `dendro_sync.remotes.remote.Remote`."""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from dendro_local.contract import FindJobByDefinitionRequest, GetPubsubSubscriptionRequest
from dendro_local.errors import InvalidRequest, NotAuthenticated, NotFound
from dendro_local.local_hub.trust import Refused
from dendro_local.model import Digest, JobDefinition, JobId
from dendro_local.remote_hub.transport import PATIENCE_SEC
from dendro_local.signed_records import (
    Entry,
    GoneEntry,
    JobEntry,
    ReadBatch,
    read_deletion,
    read_job,
    statement_digest,
)
from dendro_sync.remotes.dendro.arriving import Arriving, OwnUrls
from dendro_sync.remotes.dendro.calls import Calls
from dendro_sync.remotes.dendro.hub_files import HubFiles
from dendro_sync.remotes.dendro.hub_keys import HubKeys
from dendro_sync.remotes.dendro.listing import Listing
from dendro_sync.remotes.dendro.probe import check_is_hub
from dendro_sync.remotes.dendro.pulling import Pulling
from dendro_sync.remotes.dendro.pushed_jobs import PushedJobs
from dendro_sync.remotes.dendro.pushing import Pushing
from dendro_sync.remotes.dendro.uploads import OutgoingFile
from dendro_sync.remotes.dendro.wire import Wire
from dendro_sync.remotes.remote import OnBytes, Refusal, RemoteFacts
from dendro_sync.selection import Selection

__all__ = ["DendroRemote"]

ASKED_AT_ONCE = 8
LOOK_SEC = 0.5
"""How often to see whether a wait is over."""


class DendroRemote:
    """A hub that speaks the Dendro contract and nothing else. Safe for use by many threads.

    Such a hub tells nothing of deletions, and takes none. It gives no digests: each file of a job
    is downloaded once when the job is first told of. What it takes over of a pushed job are
    definition, tags, resources, files and how it ended; times, user and id are its own.

    Args:
        url: where the hub is.
        folder: of this machine, for this remote alone: what was pushed and seen is kept here.
        keys: who asks; without, nothing can be pushed.
        keeps_files: whether the bytes of files are kept that come while jobs are told of, since
            they will be fetched next.
        with_ancestors: whether jobs bring those that they came of.
        own_urls: how definitions call files of the hub: ``kept``, as it does itself, so that
            hashes are those that it has; ``stable``, as stores call them that have the jobs.
        how_to_key: what to do for another key: a sentence.
        patience_sec: for how long a hub that does not answer is asked again.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        keys: HubKeys | None = None,
        *,
        keeps_files: bool = True,
        with_ancestors: bool = True,
        own_urls: OwnUrls = "kept",
        how_to_key: str = "--key-file FILE names a file with a key.",
        patience_sec: float = PATIENCE_SEC,
    ) -> None:
        self._url = url.rstrip("/")
        self._keys = keys or HubKeys()
        self._wire = Wire(self._url, patience_sec=patience_sec)
        self._how_to_key = how_to_key
        self._calls = Calls(self._wire, how_to_key)
        self._listing = Listing(self._calls)
        self._files = HubFiles(self._wire, folder, keeps=keeps_files)
        self._pulling = Pulling(
            self._calls, Arriving(self._files, own_urls), with_ancestors=with_ancestors
        )
        self._pushed = PushedJobs(folder)
        self._outgoing: dict[Digest, OutgoingFile] = {}
        self._pushing = Pushing(self._calls, self._keys, self._pushed, self._outgoing)
        self._lock = threading.Lock()
        self._is_known_client = False
        self._was_put = False

    @property
    def url(self) -> str:
        """Where it is."""
        return self._url

    @property
    def requests(self) -> int:
        """How many requests it has been asked so far, and whoever keeps its files."""
        return self._wire.requests

    def facts(self) -> RemoteFacts:
        """What it is; one request."""
        check_is_hub(self._calls)
        return RemoteFacts(kind="dendro", url=self._url, can_write=self._keys.api_key is not None)

    # What it has

    def changes(self, cursor: str, selection: Selection) -> Iterator[ReadBatch]:
        """What changed there after a cursor, see `Remote.changes`; jobs that changed first first.

        A job that is not as the hub says is left out, and told by `refused`.

        Raises:
            InvalidRequest: the selection names neither service, processor, tag, input nor job.
        """
        for batch in self._pulling.changes(cursor, selection):
            yield batch
            self._files.clear()  # whoever wants files of it has fetched them

    def entries_of(self, jobs: Mapping[JobId, str]) -> Iterator[Entry]:
        """Those of the jobs that are there and have ended."""
        return self._pulling.entries(jobs)

    def find(
        self,
        service: str,
        definition_hash: str,
        content_key: str | None,
        *,
        definition: JobDefinition | None = None,
    ) -> Iterator[Entry]:
        """The newest job of a definition, if it has ended; without the definition, nothing.

        Its files are downloaded, unless they were seen before: the hub does not tell digests.
        """
        if definition is None:
            return
        try:
            theirs = self._pushing.their_definition(definition)
        except Refused:
            return  # it reads what the hub does not have
        job = self._listing.find(
            FindJobByDefinitionRequest(serviceName=service, jobDefinition=theirs)
        )
        if job is not None:
            yield from self._pulling.entries([job.jobId])

    def blob_sizes(self, digests: Collection[Digest]) -> dict[Digest, int]:
        """Nothing: a hub has no file without the job that left it."""
        return {}

    def refused(self) -> list[Refusal]:
        """The jobs that could not be told of since this was asked before, and why."""
        refused, self._pulling.refused = self._pulling.refused, []
        return refused

    def fetch(self, digest: Digest, size: int, file: Path, on_bytes: OnBytes) -> None:
        """Write a file that was told of to another, going on after what of it is there already.

        Raises:
            OutputNotFound: it was not told of, or is not there any more.
        """
        self._files.copy(digest, file, on_bytes)

    # What it is to have

    def lacking(self, jobs: Mapping[JobId, str]) -> set[JobId]:
        """Those of the jobs, by id with `statement_digest`, that are not there."""
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            answers = pool.map(self._is_there, jobs.keys(), jobs.values())
            return {job_id for job_id, is_there in zip(jobs, answers, strict=True) if not is_there}

    def lacking_blobs(self, blobs: Mapping[Digest, int]) -> set[Digest]:
        """Those of the blobs that have not been sent: a hub has no file without its job.

        What was sent before is forgotten, once jobs were put: other jobs are about to be.
        """
        if self._was_put:
            self._was_put = False
            self._outgoing.clear()
        return {digest for digest in blobs if digest not in self._outgoing}

    def send(self, digest: Digest, file: Path, on_bytes: OnBytes) -> None:
        """Let a file go along with jobs that are put, until `lacking_blobs` is asked after that."""
        self._outgoing[digest] = OutgoingFile(file, on_bytes)

    def put(self, entries: Sequence[Entry], *, without_files: bool = False) -> list[Refusal]:
        """Have jobs there, one after the other: all but those that are refused.

        Apps are not taken: their service's owner registers them. Of a deletion no more becomes
        than that a job fails there which was begun and not ended.

        Raises:
            NotAuthenticated: the user, or the compute client, is not known there.
            HubUnreachable: the hub does not answer; another `put` goes on from there.
        """
        refusals: list[Refusal] = []
        with self._lock:
            self._check_keys()
            for entry in entries:
                try:
                    self._put(entry)
                except Refused as refused:
                    refusals.append(
                        Refusal(job_id=refused.job_id, code=refused.code, reason=refused.reason)
                    )
            self._was_put = True
        return refusals

    def wait(self, timeout_sec: float, is_over: Callable[[], bool]) -> bool:
        """Wait that long, for nothing is told by itself; true, since something may have changed."""
        deadline = time.monotonic() + timeout_sec
        while (left := deadline - time.monotonic()) > 0:
            if is_over() or self._wire.rest(min(left, LOOK_SEC)):
                return False
        return True

    def close(self) -> None:
        """Let go of connections, and of files that nobody fetched."""
        self._wire.close()
        self._files.clear()

    def _is_there(self, job_id: JobId, digest: str) -> bool:
        pushed = self._pushed.find(job_id)
        if pushed is not None and pushed.digest != digest:
            return False
        return self._listing.job(job_id if pushed is None else pushed.there) is not None

    def _put(self, entry: Entry) -> None:
        statement = bytes(entry.statement)
        try:
            if isinstance(entry, JobEntry):
                record = read_job(statement)
            elif isinstance(entry, GoneEntry):
                here = read_deletion(statement).jobId
                self._pushing.give_up(here, "It was deleted where it came from.")
                return
            else:
                return
        except InvalidRequest as error:
            raise Refused("structure", str(error)) from error
        try:
            self._pushing.push(record, statement_digest(statement), entry.tags)
        except Refused as refused:
            raise Refused(refused.code, refused.reason, record.jobId) from refused

    def _check_keys(self) -> None:
        """Find out before anything is begun whether it could be ended."""
        client_id = self._keys.compute_client_id
        if self._keys.api_key is None:
            raise NotAuthenticated(
                f"The hub at {self._url} takes jobs from its users alone, by their API keys. "
                f"{self._how_to_key}"
            )
        if client_id is None or self._is_known_client:
            return
        try:
            self._calls.ask(
                GetPubsubSubscriptionRequest(computeClientId=client_id),
                msgspec.Raw,
                self._keys.compute_client_private_key,
            )
        except NotFound as error:
            raise NotAuthenticated(
                f"The hub at {self._url} has no compute client {client_id}. Register it there, or "
                "take it from the remote's key file."
            ) from error
        self._is_known_client = True
