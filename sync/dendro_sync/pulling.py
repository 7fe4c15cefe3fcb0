"""Taking in what a remote has: batch by batch, each job verified and with its files, or refused.

A batch is in the store, as a whole, before the cursor goes beyond it, and files are kept however
far they came. So whatever ends a pull, the next goes on where it was.
"""

import time
from collections.abc import Iterable, Sequence

from dendro_local.errors import InvalidRequest
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.arriving_jobs import Judged, JudgedDeletion, JudgedJob, Taken, conflict
from dendro_local.local_hub.trust import Refused, TrustPolicy
from dendro_local.model import Digest, JobId
from dendro_local.signed_records import (
    MOST_IN_BATCH,
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
from dendro_sync.agreement import Agreement
from dendro_sync.ledger import Ledger
from dendro_sync.options import PullOptions
from dendro_sync.plan import id_in, is_selected, parents_first, parents_of, portions
from dendro_sync.progress import Tracker
from dendro_sync.remotes.remote import Refusal, Remote, TellsRefusals
from dendro_sync.report import Report
from dendro_sync.transfers import Fetched, Transfers

__all__ = ["Pull"]

TRIED_AGAIN = frozenset({"signature", "digest", "size", "structure", "agreement", "missing"})
"""What may be right the next time, as what is not signed at all: somebody may have taken the
signature away. What a stranger signed is looked at again when the trust list has changed."""


class Pull:
    """One pull.

    Args:
        hub: into whose store.
        remote: from where.
        origin: what jobs that came are said to be from.
        awaited_from: the name under which the remote can be asked for files later; None for never.
        policy: what is believed.
        options: what is pulled.
        ledger: how far it has come.
        agreement: looks for other producers.
        tracker: is told how far it comes; its report is filled.
        selects_there: whether the remote gives jobs by each part of a selection, with what they
            came of; the others do not by id or input.
    """

    def __init__(
        self,
        hub: LocalHub,
        remote: Remote,
        *,
        origin: str,
        awaited_from: str | None,
        policy: TrustPolicy,
        options: PullOptions,
        ledger: Ledger,
        agreement: Agreement,
        tracker: Tracker,
        selects_there: bool = False,
    ) -> None:
        self._hub = hub
        self._remote = remote
        self._origin = origin
        self._awaited_from = awaited_from
        self._policy = policy
        self._options = options
        self._ledger = ledger
        self._agreement = agreement
        self._tracker = tracker
        self._selects_there = selects_there
        self._report = tracker.report
        self._transfers = Transfers(hub, tracker)
        self._asked_for: set[JobId] = set()
        self._unsigned: set[JobId | None] = set()

    def run(self) -> Report:
        """Pull, and tell what was done.

        Raises:
            DendroError: the remote cannot be asked, or the store not written. What was taken
                before stays.
        """
        began = time.monotonic()
        self._hub.clear_fetched()
        try:
            self._try_again()
            if self._options.selection.job_ids and not self._selects_there:
                self._take_named(self._options.selection.job_ids)
            else:
                self._take_changes()
        finally:
            self._transfers.close()
            self._report.seconds += time.monotonic() - began
        return self._report

    # What is looked at

    def _try_again(self) -> None:
        """Ask for what was refused before."""
        for some in portions(self._ledger.to_try_again().items(), MOST_IN_BATCH):
            refused: list[Refused] = []
            judged = self._judged(self._remote.entries_of(dict(some)), None, refused)
            self._take(judged, refused, asked_for={job_id for job_id, _ in some})

    def _take_named(self, job_ids: Sequence[JobId]) -> None:
        self._tracker.expect_jobs(len(job_ids))
        for some in portions(job_ids, MOST_IN_BATCH):
            refused: list[Refused] = []
            judged = self._judged(self._remote.entries_of(dict.fromkeys(some, "")), None, refused)
            self._take(judged, refused, asked_for=some)
            self._tracker.add_jobs(len(some))

    def _take_changes(self) -> None:
        cursor = "" if self._options.full else self._ledger.cursor()
        for batch in self._remote.changes(cursor, self._options.selection):
            self._tracker.expect_jobs(batch.end.total)
            self._take_batch(batch)
            self._tracker.add_jobs(len(batch.lines))

    def _take_batch(self, batch: ReadBatch) -> None:
        refused: list[Refused] = []
        entries: list[Entry] = []
        has_nameless = False
        for line in batch.lines:
            try:
                entry = decode_entry(line)
                if isinstance(entry, BatchEnd):
                    raise InvalidRequest("A batch ends in the middle of another.")
                entries.append(entry)
            except InvalidRequest as error:
                refused.append(Refused("structure", str(error), id_in(line)))
                has_nameless = has_nameless or refused[-1].job_id is None
        sender = batch.signed_by(self._policy.keys.values())
        judged = self._judged(entries, sender, refused)
        self._take(judged, refused, cursor=batch.end.cursor, may_advance=not has_nameless)

    def _judged(
        self, entries: Iterable[Entry], sender: PublicKey | None, refused: list[Refused]
    ) -> list[Judged]:
        """What may be taken; adds to what is refused."""
        judged: list[Judged] = []
        for entry in entries:
            try:
                judged.append(self._hub.arriving.judge(entry, self._policy, sender))
            except Refused as error:
                if not self._is_of_no_matter(entry):
                    refused.append(self._named(entry, error))
                    if not entry.signatures and not self._selects_there:
                        self._unsigned.add(refused[-1].job_id)
        return judged

    def _is_of_no_matter(self, entry: Entry) -> bool:
        """Whether it is the deletion of a job that is not here, or an app that would not be taken.

        Everybody has the apps that come with the package, and tells of them.
        """
        if isinstance(entry, GoneEntry):
            job_id = id_in(bytes(entry.statement))
            return job_id is None or not self._are_here([job_id])
        app = _app_in(entry)
        if app is None:
            return False
        with self._hub.store.reading():
            there = self._hub.store.services.app(app.serviceName, app.appName)
        return there is not None and there.source is not None

    def _named(self, entry: Entry, refused: Refused) -> Refused:
        """The refusal with what it is of."""
        app = _app_in(entry)
        if app is not None:
            name = f"App {app.appName} of service {app.serviceName}"
            return Refused(refused.code, f"{name}: {refused.reason}")
        if refused.job_id is not None or isinstance(entry, AppEntry):
            return refused
        return Refused(refused.code, refused.reason, id_in(bytes(entry.statement)))

    # What is taken

    def _take(
        self,
        judged: Sequence[Judged],
        refused: list[Refused],
        *,
        cursor: str | None = None,
        may_advance: bool = True,
        asked_for: Iterable[JobId] = (),
    ) -> None:
        """Take entries, with what they need, and note how far it has come."""
        refused += self._refused_there()
        others = [each for each in judged if not isinstance(each, JudgedJob)]
        jobs = {
            each.record.jobId: each
            for each in judged
            if isinstance(each, JudgedJob) and self._is_selected(each)
        }
        here = self._are_here(jobs)
        new = self._wanted(jobs, here, asked_for=set(asked_for))
        new = self._agreed(new, refused)
        if self._options.ancestors:
            new = self._with_ancestors(new, refused)
        known = {job_id: jobs[job_id] for job_id in here}
        for some in portions(self._in_order({**known, **new}), MOST_IN_BATCH):
            self._take_jobs(some, refused)
        self._take_others(others, refused)
        again = self._tell_refused(jobs, refused)
        if not self._options.is_dry_run:
            done = [job_id for job_id in asked_for if job_id not in again]
            self._ledger.note(cursor, refused=again, done=done, may_advance=may_advance)

    def _refused_there(self) -> list[Refused]:
        """What the remote itself could not tell of."""
        told = self._remote.refused() if isinstance(self._remote, TellsRefusals) else []
        return [Refused(each.code, each.reason, each.job_id) for each in told]

    def _is_selected(self, judged: JudgedJob) -> bool:
        selection = self._options.selection
        # What was selected there has what it came of with it.
        return self._selects_there or (
            selection.input_url is None or is_selected(judged.record, judged.tags, selection)
        )

    def _are_here(self, job_ids: Iterable[JobId]) -> set[JobId]:
        with self._hub.store.reading():
            return set(self._hub.store.sharing.arrivals.numbers(list(job_ids)))

    def _wanted(
        self, jobs: dict[JobId, JudgedJob], here: set[JobId], *, asked_for: set[JobId]
    ) -> dict[JobId, JudgedJob]:
        """Those that are not here, and were not deleted here."""
        new = [job_id for job_id in jobs if job_id not in here]
        with self._hub.store.reading():
            origins = self._hub.store.sharing.origins
            deleted = origins.was_deleted_here(new)
            if not self._options.full:
                deleted |= origins.had_come_and_went(new) - asked_for
        self._report.kept_deleted += len(deleted)
        return {job_id: jobs[job_id] for job_id in new if job_id not in deleted}

    def _agreed(
        self, new: dict[JobId, JudgedJob], refused: list[Refused]
    ) -> dict[JobId, JudgedJob]:
        """Those on which as many producers agree as must."""
        if not self._agreement.is_needed():
            return new
        beside = self._agreement.by_definition(new.values())
        agreed: dict[JobId, JudgedJob] = {}
        for job_id, each in new.items():
            if each.record.status != "completed":
                self._report.leave_out(job_id, "It failed, and nobody can agree on no outputs.")
                continue
            try:
                self._agreement.check(each, beside[each.record.jobDefinitionHash])
                agreed[job_id] = each
            except Refused as error:
                refused.append(error)
        return agreed

    def _with_ancestors(
        self, new: dict[JobId, JudgedJob], refused: list[Refused]
    ) -> dict[JobId, JudgedJob]:
        """The jobs, with those that they depend on and that are lacking here."""
        found = dict(new)
        newest = new
        while newest:
            parents = {parent for each in newest.values() for parent in parents_of(each.record)}
            lacking = parents - self._asked_for - found.keys()
            lacking -= self._are_here(lacking)
            self._asked_for |= lacking
            judged: list[Judged] = []
            for some in portions(sorted(lacking), MOST_IN_BATCH):
                entries = self._remote.entries_of(dict.fromkeys(some, ""))
                judged += self._judged(entries, None, refused)
            jobs = {each.record.jobId: each for each in judged if isinstance(each, JudgedJob)}
            newest = self._agreed(self._wanted(jobs, set(), asked_for=lacking), refused)
            found.update(newest)
        return found

    def _in_order(self, jobs: dict[JobId, JudgedJob]) -> list[JudgedJob]:
        order = parents_first({job_id: each.record for job_id, each in jobs.items()})
        return [jobs[job_id] for job_id in order]

    def _take_jobs(self, jobs: list[JudgedJob], refused: list[Refused]) -> None:
        if self._options.outputs != "eager":
            self._record(jobs, Fetched(), refused)
            return
        wanted = self._lacking_files(jobs)
        if self._options.is_dry_run:
            self._report.files += len(wanted)
            self._report.bytes += sum(wanted.values())
            self._record(jobs, Fetched(), refused)
            return
        with self._transfers.fetched(self._remote, wanted) as fetched:
            whole = [each for each in jobs if not self._has_failed(each, fetched, refused)]
            taken = self._record(whole, fetched, refused)
        if fetched.files and (fetched.failed or taken.refused):
            self._hub.remove_blobs(list(fetched.files))

    def _lacking_files(self, jobs: Sequence[JudgedJob]) -> dict[Digest, int]:
        """The files of jobs that are not here, and are not too large."""
        limit = self._options.max_size
        has = self._hub.store.blobs.has
        return {
            digest: size
            for each in jobs
            for digest, size in each.blobs().items()
            if not has(digest) and (limit is None or size <= limit)
        }

    def _has_failed(self, job: JudgedJob, fetched: Fetched, refused: list[Refused]) -> bool:
        faults = [fetched.failed[digest] for digest in job.blobs() if digest in fetched.failed]
        if faults:
            refused.append(Refused(faults[0].code, faults[0].reason, job.record.jobId))
        return bool(faults)

    def _record(self, jobs: Sequence[JudgedJob], fetched: Fetched, refused: list[Refused]) -> Taken:
        """Have jobs in the store."""
        awaits = self._options.outputs == "lazy" or self._options.max_size is not None
        self._count_awaited(jobs if awaits and self._awaited_from is not None else ())
        if self._options.is_dry_run:
            return self._count(self._would_take(jobs), refused)
        if not jobs:
            return Taken()
        taken = self._hub.arriving.take(
            jobs,
            origin=self._origin,
            awaited_from=self._awaited_from if awaits else None,
            adopted=fetched.files,
        )
        return self._count(taken, refused)

    def _count_awaited(self, jobs: Sequence[JudgedJob]) -> None:
        has = self._hub.store.blobs.has
        limit = self._options.max_size
        for each in jobs:
            sizes = [size for digest, size in each.blobs().items() if not has(digest)]
            if self._options.outputs == "eager":
                sizes = [size for size in sizes if limit is not None and size > limit]
            self._report.awaited_files += len(sizes)
            self._report.awaited_bytes += sum(sizes)

    def _would_take(self, jobs: Sequence[JudgedJob]) -> Taken:
        known = self._hub.arriving.known_digests([each.record.jobId for each in jobs])
        taken = Taken()
        for each in jobs:
            job_id = each.record.jobId
            if job_id not in known:
                taken.new.append(job_id)
            elif known[job_id] == each.digest:
                taken.known.append(job_id)
            else:
                taken.refused.append(conflict(job_id, known[job_id], each.digest))
        return taken

    def _take_others(self, others: Sequence[Judged], refused: list[Refused]) -> None:
        """Take apps and deletions."""
        if self._options.is_dry_run:
            gone = [each.deleted.jobId for each in others if isinstance(each, JudgedDeletion)]
            self._report.deleted += len(self._are_here(gone))
        elif others:
            self._count(self._hub.arriving.take(others, origin=self._origin), refused)

    def _count(self, taken: Taken, refused: list[Refused]) -> Taken:
        report = self._report
        report.new += len(taken.new)
        report.known += len(taken.known)
        report.tagged += len(taken.tagged)
        report.deleted += len(taken.deleted)
        report.kept_deleted += len(taken.kept_deleted)
        report.apps += len(taken.apps)
        refused += taken.refused
        return taken

    def _tell_refused(
        self, jobs: dict[JobId, JudgedJob], refused: Sequence[Refused]
    ) -> dict[JobId, str]:
        """Tell what was refused; of what is to be asked for again, the definition hashes by id."""
        again: dict[JobId, str] = {}
        for each in refused:
            self._report.refuse(
                Refusal(
                    job_id=each.job_id, code=each.code, reason=each.reason, digests=each.digests
                )
            )
            is_of_now = each.code in TRIED_AGAIN or each.job_id in self._unsigned
            if each.job_id is not None and is_of_now:
                job = jobs.get(each.job_id)
                again[each.job_id] = "" if job is None else job.record.jobDefinitionHash
        return again


def _app_in(entry: Entry) -> SharedApp | None:
    try:
        return read_app(bytes(entry.statement)) if isinstance(entry, AppEntry) else None
    except InvalidRequest:
        return None
