"""Looking at what a remote tells: entry by entry, what may be taken, and what is refused."""

from collections.abc import Iterable
from contextlib import suppress

from dendro_local.errors import InvalidRequest
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.arriving_jobs import Judged
from dendro_local.local_hub.trust import Refused, TrustPolicy
from dendro_local.model import JobId
from dendro_local.signed_records import (
    AppEntry,
    BatchEnd,
    Entry,
    GoneEntry,
    PublicKey,
    ReadBatch,
    SharedApp,
    decode_entry,
    read_app,
)
from dendro_sync.plan import id_in, unreadable_in

__all__ = ["Judging"]


class Judging:
    """Judges the entries of one pull.

    Args:
        hub: to whose store they come.
        policy: what is believed.
    """

    def __init__(self, hub: LocalHub, policy: TrustPolicy) -> None:
        self._hub = hub
        self._policy = policy
        self.unsigned: set[JobId | None] = set()
        """The jobs that were refused and that nobody has signed."""
        self.public_keys: dict[str, str] = {}
        """The keys of those who sent batches, by their ids; not trusted for being told."""

    def read(self, batch: ReadBatch, refused: list[Refused]) -> list[Entry]:
        """The entries of a batch; adds to what is refused those lines that are none."""
        entries: list[Entry] = []
        for line in batch.lines:
            unreadable = unreadable_in(line)
            if unreadable is not None:
                refused.append(Refused("structure", unreadable))
                continue
            try:
                entry = decode_entry(line)
                if isinstance(entry, BatchEnd):
                    raise InvalidRequest("A batch ends in the middle of another.")
                entries.append(entry)
            except InvalidRequest as error:
                refused.append(Refused("structure", str(error), id_in(line)))
        return entries

    def sender(self, batch: ReadBatch) -> PublicKey | None:
        """The key that is trusted and that signed a whole batch; None if there is none."""
        with suppress(InvalidRequest):
            told = PublicKey.from_text(batch.end.publicKey) if batch.end.publicKey else None
            if told is not None:
                self.public_keys[told.key_id] = told.text()
        return batch.signed_by(self._policy.keys.values())

    def judged(
        self, entries: Iterable[Entry], sender: PublicKey | None, refused: list[Refused]
    ) -> list[Judged]:
        """What may be taken; adds to what is refused."""
        judged: list[Judged] = []
        for entry in entries:
            try:
                judged.append(self._hub.arriving.judge(entry, self._policy, sender))
            except Refused as error:
                if not self._is_of_no_matter(entry):
                    refused.append(_named(entry, error))
                    if not entry.signatures:
                        self.unsigned.add(refused[-1].job_id)
        return judged

    def _is_of_no_matter(self, entry: Entry) -> bool:
        """Whether it is the deletion of a job that is not here, or an app that would not be taken.

        Everybody has the apps that come with the package, and tells of them.
        """
        store = self._hub.store
        if isinstance(entry, GoneEntry):
            job_id = id_in(bytes(entry.statement))
            with store.reading():
                return job_id is None or not store.sharing.arrivals.numbers([job_id])
        app = _app_in(entry)
        if app is None:
            return False
        with store.reading():
            there = store.services.app(app.serviceName, app.appName)
        return there is not None and there.source is not None


def _named(entry: Entry, refused: Refused) -> Refused:
    """The refusal with what it is of."""
    app = _app_in(entry)
    if app is not None:
        name = f"{app.appName} of service {app.serviceName}"
        return Refused(refused.code, refused.reason, key_id=refused.key_id, app=name)
    if refused.job_id is not None or isinstance(entry, AppEntry):
        return refused
    job_id = id_in(bytes(entry.statement))
    return Refused(refused.code, refused.reason, job_id, key_id=refused.key_id)


def _app_in(entry: Entry) -> SharedApp | None:
    try:
        return read_app(bytes(entry.statement)) if isinstance(entry, AppEntry) else None
    except InvalidRequest:
        return None
