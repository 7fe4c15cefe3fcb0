"""The remotes of a store, as its hub asks them: for jobs on a miss, and for files that lie there.

A cache that does not answer, is slow or lies costs the time that a cache may take, once. Then it
is left alone for a while, which grows as long as it goes on so.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from dendro_local.config import seconds_setting
from dendro_local.errors import DendroError, HubUnreachable, OutputNotFound
from dendro_local.file_urls import blob_url
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.arriving_jobs import JudgedJob, same_outputs
from dendro_local.local_hub.elsewhere import WantedJob
from dendro_local.local_hub.trust import Refused, TrustPolicy, with_key
from dendro_local.local_hub.untaken import untaken_note
from dendro_local.model import Digest
from dendro_local.signed_records import Entry, JobEntry, PublicKey
from dendro_local.store.sharing import RemoteSettings, SavedRemote
from dendro_sync.incoming_blob import IncomingBlob
from dendro_sync.opening import open_remote
from dendro_sync.remotes.pauses import Pauses
from dendro_sync.remotes.remote import Remote
from dendro_sync.trust.keys import trust_policy

__all__ = ["RemotesOfStore"]

logger = logging.getLogger(__name__)

_Answer = tuple[SavedRemote, WantedJob | None, "list[Entry] | Exception | None"]


class RemotesOfStore:
    """The remotes of one store. Safe for use by many threads.

    Args:
        hub: over the store.
    """

    def __init__(self, hub: LocalHub) -> None:
        self._hub = hub
        self._pauses = Pauses(hub.store)
        self._lock = threading.Lock()
        self._open: dict[str, tuple[SavedRemote, Remote]] = {}
        self._public_keys: dict[str, PublicKey | None] = {}
        """With which remotes sign, where that was asked, by their URLs."""

    def look(
        self,
        wanted: Sequence[WantedJob],
        on_untrusted: Callable[[WantedJob, str], None] = lambda job, words: None,
    ) -> bool:
        """Ask the remotes that are caches for completed jobs; whether any was recorded."""
        caches = [
            saved
            for saved in self._hub.store.sharing.remotes.all()
            if saved.settings.is_cache and not self._pauses.is_left_alone(saved.name)
        ]
        limit_sec = seconds_setting("cache_timeout", self._hub.store.folder.root)
        if not caches or limit_sec <= 0:
            return False
        answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        ends_at = time.monotonic() + limit_sec
        for saved in caches:
            # A daemon: nobody waits for a remote that never answers.
            threading.Thread(
                target=self._ask,
                args=(
                    saved,
                    list(wanted),
                    trust_policy(self._hub, saved.settings),
                    answers,
                    ends_at,
                ),
                name="dendro-cache",
                daemon=True,
            ).start()
        return self._take_answers(caches, answers, ends_at, on_untrusted)

    def fetch(self, digest: Digest) -> None:
        """Have a blob here that is awaited."""
        fault: DendroError | Refused | None = None
        where = ""
        for source in self._hub.store.sharing.awaited_blobs.sources(digest):
            saved = self._hub.store.sharing.remotes.get(source.remote)
            if saved is None:
                continue
            try:
                self._fetch(saved, digest, source.size)
            except Refused as error:
                if error.code != "missing":
                    # It may have been damaged on the way, or be mended there.
                    fault, where = error, saved.name
                    continue
                logger.warning("%s has not got file %s: %s", saved.name, digest, error)
                with self._hub.store.transaction():
                    self._hub.store.sharing.awaited_blobs.drop_source(digest, saved.name)
            except DendroError as error:
                fault, where = error, saved.name
            else:
                return
        if fault is not None:
            raise HubUnreachable(
                f"A file lies on remote {where!r} and cannot be fetched now: {fault}"
            ) from fault
        raise OutputNotFound(f"No remote has the file with digest {digest[:12]}... any more.")

    def fetch_input(self, digest: Digest) -> None:
        """Have a file here that jobs read which came from remotes, if it was pushed there."""
        fault: DendroError | Refused | None = None
        for name in self._hub.store.input_files.remotes(blob_url(digest)):
            saved = self._hub.store.sharing.remotes.get(name)
            if saved is None:
                continue
            try:
                size = self._opened(saved).blob_sizes([digest]).get(digest)
                if size is None:
                    continue
                self._fetch(saved, digest, size)
            except Refused as error:
                logger.warning("%s has not got file %s: %s", name, digest, error)
                if error.code != "missing":
                    fault = error
            except DendroError as error:
                fault = error
            else:
                return
        if fault is not None:
            raise HubUnreachable(
                f"An input may lie on a remote and cannot be fetched now: {fault}"
            ) from fault
        raise OutputNotFound(f"No remote has the input with digest {digest[:12]}...")

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            remotes, self._open = list(self._open.values()), {}
        for _, remote in remotes:
            remote.close()

    def _fetch(self, saved: SavedRemote, digest: Digest, size: int) -> None:
        blob = IncomingBlob(self._hub, digest, size)
        blob.fetch(self._opened(saved), lambda _: None, lambda: False)
        with self._hub.store.transaction(quietly=True):
            self._hub.store.sharing.awaited_blobs.drop([digest])
        blob.done()

    # Answers to misses

    def _ask(
        self,
        saved: SavedRemote,
        wanted: Sequence[WantedJob],
        policy: TrustPolicy,
        answers: "queue.SimpleQueue[_Answer]",
        ends_at: float,
    ) -> None:
        """Ask a remote for one job after the other, as long as there is time."""
        try:
            remote = self._opened(saved, is_cache=True)
            for each in wanted:
                if time.monotonic() >= ends_at:
                    return  # whoever waited has left it alone
                found = self._found(remote, each, policy)
                self._note_key(saved, remote, found)
                answers.put((saved, each, found))
        except Exception as error:  # noqa: BLE001 - whatever a remote does, a submit goes on
            answers.put((saved, None, error))
            return
        answers.put((saved, None, None))

    def _found(self, remote: Remote, job: WantedJob, policy: TrustPolicy) -> list[Entry]:
        """What a remote has of a job; not more than is needed, since some ask for each."""
        found: list[Entry] = []
        for entry in remote.find(
            job.service, job.definition_hash, job.content_key, definition=job.definition
        ):
            found.append(entry)
            if policy.require <= 1 and self._judged(entry, job, policy) is not None:
                break
        return found

    def _note_key(self, saved: SavedRemote, remote: Remote, found: Sequence[Entry]) -> None:
        """Ask for the key of a remote if that, not being trusted, has signed what it has."""
        if not found or saved.url in self._public_keys:
            return
        trusted = trust_policy(self._hub, saved.settings).keys
        if any(signature.keyid in trusted for entry in found for signature in entry.signatures):
            return
        self._public_keys[saved.url] = None
        with contextlib.suppress(DendroError):
            told = remote.facts().public_key
            self._public_keys[saved.url] = None if told is None else PublicKey.from_text(told)

    def _judged(self, entry: Entry, job: WantedJob, policy: TrustPolicy) -> JudgedJob | None:
        """A job that is believed and is the one that is wanted."""
        if not isinstance(entry, JobEntry):
            return None
        try:
            judged = self._hub.arriving.judge(entry, policy)
        except Refused as refused:
            logger.info("A cache has a job that is refused: %s", refused)
            return None
        return judged if isinstance(judged, JudgedJob) and _serves(judged, job) else None

    def _take_answers(
        self,
        caches: Sequence[SavedRemote],
        answers: "queue.SimpleQueue[_Answer]",
        ends_at: float,
        on_untrusted: Callable[[WantedJob, str], None],
    ) -> bool:
        """Record what comes in time; leave alone who does not answer so."""
        asked = {saved.name for saved in caches}
        has_taken = False
        for saved, job, found in _until(answers, ends_at):
            if isinstance(found, Exception):
                self._leave_alone(saved.name, str(found) or type(found).__name__)
                asked.discard(saved.name)
            elif found is None or job is None:
                self._pauses.end(saved.name)
                asked.discard(saved.name)
            elif self._take(saved, job, found):
                has_taken = True
            else:
                words = self._untrusted(saved, job, found)
                if words is not None:
                    on_untrusted(job, words)
            if not asked:
                return has_taken
        for saved in caches:
            if saved.name in asked:
                self._leave_alone(saved.name, "It did not answer within DENDRO_CACHE_TIMEOUT.")
        return has_taken

    def _leave_alone(self, remote: str, why: str) -> None:
        pause = self._pauses.begin(remote, why)
        if pause is not None:
            logger.warning(
                "Remote %s is not asked for jobs until %s, or until `dendro-local remote test %s` "
                "finds that it answers. %s",
                remote,
                time.strftime("%H:%M:%S", time.localtime(pause.until)),
                remote,
                why,
            )

    def _take(self, saved: SavedRemote, job: WantedJob, entries: Sequence[Entry]) -> bool:
        """Record the newest of the jobs that serves; whether one does."""
        policy = trust_policy(self._hub, saved.settings)
        for entry in entries:
            judged = self._judged(entry, job, policy)
            if judged is None:
                continue
            if policy.require > 1 and not self._agree(judged, policy.require, entries):
                continue
            taken = self._hub.arriving.take([judged], origin=saved.name, awaited_from=saved.name)
            return bool(taken.new or taken.known or taken.tagged)
        return False

    def _untrusted(
        self, saved: SavedRemote, job: WantedJob, entries: Sequence[Entry]
    ) -> str | None:
        """That a remote has a job, if all that is wrong with it is whose key signed it."""
        anyone = TrustPolicy(allow_unsigned=True)
        for entry in entries:
            if not isinstance(entry, JobEntry) or self._judged(entry, job, anyone) is None:
                continue
            try:
                self._hub.arriving.judge(entry, trust_policy(self._hub, saved.settings))
            except Refused as refused:
                if refused.code == "untrusted":
                    key = self._public_keys.get(saved.url)
                    if key is not None and key.key_id == refused.key_id:
                        return untaken_note(saved.name, with_key(refused.reason, key.text()))
                    return untaken_note(saved.name, refused.reason)
        return None

    def _agree(self, judged: JudgedJob, require: int, entries: Sequence[Entry]) -> bool:
        """Whether so many producers, of those who are known here and there, gave the same."""
        own = self._hub.shared.signing_key.public.key_id
        signers = {key_id or own for key_id in self._hub.arriving.signers_of_equal(judged.record)}
        for entry in entries:
            if not isinstance(entry, JobEntry):
                continue
            try:
                other = self._hub.arriving.judge(entry, trust_policy(self._hub, RemoteSettings()))
            except Refused:
                continue
            if (
                isinstance(other, JudgedJob)
                and other.key_id is not None
                and same_outputs(other.record, judged.record)
            ):
                signers.add(other.key_id)
        return len(signers) >= require

    # Remotes

    def _opened(self, saved: SavedRemote, *, is_cache: bool = False) -> Remote:
        name = f"{saved.name}\0cache" if is_cache else saved.name
        with self._lock:
            found = self._open.get(name)
            if found is not None and found[0] == saved:
                return found[1]
            if found is not None:
                found[1].close()
            opened = open_remote(self._hub, saved, is_patient=not is_cache)
            self._open[name] = (saved, opened)
            return opened


def _serves(judged: JudgedJob, job: WantedJob) -> bool:
    """Whether a job is what is wanted: completed, by the same code, with its bytes told."""
    record = judged.record
    is_same = record.jobDefinitionHash == job.definition_hash or (
        record.contentKey is not None and record.contentKey == job.content_key
    )
    return (
        is_same
        and record.status == "completed"
        and record.serviceName == job.service
        and record.appVersion == job.app_version
    )


def _until(answers: "queue.SimpleQueue[_Answer]", ends_at: float) -> Iterator[_Answer]:
    """What comes before a time."""
    while True:
        try:
            yield answers.get(timeout=max(0.0, ends_at - time.monotonic()))
        except queue.Empty:
            return
