"""Taking in what a remote has: batch by batch, each job verified and with its files, or refused.

A batch is in the store, as a whole, before the cursor goes beyond it, and files are kept however
far they came. So whatever ends a pull, the next goes on where it was.
"""

import time
from collections.abc import Iterable, Sequence

from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.arriving_jobs import Judged, JudgedJob
from dendro_local.local_hub.trust import Refused, TrustPolicy, with_key
from dendro_local.model import JobId
from dendro_local.signed_records import MOST_IN_BATCH, ReadBatch
from dendro_sync.agreement import Agreement
from dendro_sync.incoming import Incoming
from dendro_sync.judging import Judging
from dendro_sync.ledger import Ledger
from dendro_sync.options import PullOptions
from dendro_sync.plan import is_selected, parents_first, parents_of, portions
from dendro_sync.progress import Tracker
from dendro_sync.remotes.remote import Refusal, Remote, TellsRefusals
from dendro_sync.report import Report
from dendro_sync.selection import Selection
from dendro_sync.trust.awaiting import AwaitingTrust

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
        self._options = options
        self._ledger = ledger
        self._agreement = agreement
        self._tracker = tracker
        self._selects_there = selects_there
        self._report = tracker.report
        self._judging = Judging(hub, policy)
        self._incoming = Incoming(
            hub,
            remote,
            origin=origin,
            awaited_from=awaited_from,
            options=options,
            tracker=tracker,
        )
        self._asked_for: set[JobId] = set()
        self._waiting = AwaitingTrust(hub.store, awaited_from)
        self._refused: set[JobId] = set()
        """Of these it was told. They are asked for again by the next pull, not by this one."""
        self._left_out: set[JobId] = set()
        """Jobs that are not taken as this pull asks for; another may take them."""

    def run(self) -> Report:
        """Pull, and tell what was done.

        Raises:
            DendroError: the remote cannot be asked, or the store not written. What was taken
                before stays.
        """
        began = time.monotonic()
        self._hub.clear_fetched()
        try:
            if self._begins_again() and not self._options.is_dry_run:
                self._waiting.clear()
            self._try_again()
            if self._options.selection.job_ids and not self._selects_there:
                self._take_named(self._options.selection.job_ids)
            else:
                self._take_changes()
            self._incoming.take_inputs()
            self._incoming.tell_unknown_apps()
            come = self._incoming.are_here(self._waiting.job_ids())
            self._report.awaiting_trust = self._waiting.left(come, self._refused)
        finally:
            self._incoming.close()
            self._report.seconds += time.monotonic() - began
        return self._report

    def _begins_again(self) -> bool:
        """Whether all that the remote has is looked at."""
        is_from_start = self._options.full or not self._ledger.cursor()
        return is_from_start and self._options.selection == Selection()

    # What is looked at

    def _try_again(self) -> None:
        """Ask for what was refused before."""
        for some in portions(self._ledger.to_try_again().items(), MOST_IN_BATCH):
            refused: list[Refused] = []
            judged = self._judging.judged(self._remote.entries_of(dict(some)), None, refused)
            self._take(judged, refused, asked_for={job_id for job_id, _ in some})

    def _take_named(self, job_ids: Sequence[JobId]) -> None:
        self._tracker.expect_jobs(len(job_ids))
        for some in portions(job_ids, MOST_IN_BATCH):
            refused: list[Refused] = []
            judged = self._judging.judged(
                self._remote.entries_of(dict.fromkeys(some, "")), None, refused
            )
            self._take(self._selected(judged), refused, asked_for=some)
            self._tracker.add_jobs(len(some))

    def _take_changes(self) -> None:
        cursor = "" if self._options.full else self._ledger.cursor()
        for batch in self._remote.changes(cursor, self._options.selection):
            self._tracker.expect_jobs(batch.end.total)
            self._take_batch(batch)
            self._tracker.add_jobs(len(batch.lines))

    def _take_batch(self, batch: ReadBatch) -> None:
        refused: list[Refused] = []
        entries = self._judging.read(batch, refused)
        has_nameless = any(each.job_id is None for each in refused)
        judged = self._judging.judged(entries, self._judging.sender(batch), refused)
        selected = self._selected(judged)
        self._take(selected, refused, cursor=batch.end.cursor, may_advance=not has_nameless)

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
        jobs = {each.record.jobId: each for each in judged if isinstance(each, JudgedJob)}
        here = self._incoming.are_here(jobs)
        new = self._wanted(jobs, here, asked_for=set(asked_for))
        new = self._agreed(new, refused)
        if self._options.ancestors:
            new = self._with_ancestors(new, refused)
        known = {job_id: jobs[job_id] for job_id in here}
        for some in portions(self._in_order({**known, **new}), MOST_IN_BATCH):
            self._incoming.take_jobs(some, refused)
        self._incoming.take_others(others, refused)
        again = self._tell_refused(jobs, refused)
        if not self._options.is_dry_run:
            stay = again.keys() | self._left_out
            done = [job_id for job_id in asked_for if job_id not in stay]
            self._ledger.note(cursor, refused=again, done=done, may_advance=may_advance)

    def _refused_there(self) -> list[Refused]:
        """What the remote itself could not tell of."""
        told = self._remote.refused() if isinstance(self._remote, TellsRefusals) else []
        return [Refused(each.code, each.reason, each.job_id) for each in told]

    def _selected(self, judged: list[Judged]) -> list[Judged]:
        """What is selected, where the remote does not choose by inputs."""
        selection = self._options.selection
        # What was selected there has what it came of with it.
        if self._selects_there or selection.input_url is None:
            return judged
        return [
            each
            for each in judged
            if not isinstance(each, JudgedJob) or is_selected(each.record, each.tags, selection)
        ]

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
                self._left_out.add(job_id)
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
            lacking = parents - self._asked_for - found.keys() - self._refused
            lacking -= {each.job_id for each in refused if each.job_id is not None}
            lacking -= self._incoming.are_here(lacking)
            self._asked_for |= lacking
            judged: list[Judged] = []
            for some in portions(sorted(lacking), MOST_IN_BATCH):
                entries = self._remote.entries_of(dict.fromkeys(some, ""))
                judged += self._judging.judged(entries, None, refused)
            jobs = {each.record.jobId: each for each in judged if isinstance(each, JudgedJob)}
            newest = self._agreed(self._wanted(jobs, set(), asked_for=lacking), refused)
            found.update(newest)
        return found

    def _in_order(self, jobs: dict[JobId, JudgedJob]) -> list[JudgedJob]:
        order = parents_first({job_id: each.record for job_id, each in jobs.items()})
        return [jobs[job_id] for job_id in order]

    def _tell_refused(
        self, jobs: dict[JobId, JudgedJob], refused: Sequence[Refused]
    ) -> dict[JobId, str]:
        """Tell what was refused; of what is to be asked for again, the definition hashes by id."""
        again: dict[JobId, str] = {}
        for each in refused:
            if each.job_id not in self._refused:
                self._report.refuse(self._told(each))
            if each.job_id is not None:
                self._refused.add(each.job_id)
            is_unsigned = not self._selects_there and each.job_id in self._judging.unsigned
            is_of_now = each.code in TRIED_AGAIN or is_unsigned
            if each.job_id is not None and is_of_now:
                job = jobs.get(each.job_id)
                again[each.job_id] = "" if job is None else job.record.jobDefinitionHash
        waiting = {
            each.job_id: each.key_id
            for each in refused
            if each.job_id is not None and each.key_id is not None and each.job_id not in again
        }
        if waiting and not self._options.is_dry_run:
            self._waiting.add(waiting, self._judging.public_keys)
        return again

    def _told(self, refused: Refused) -> Refusal:
        public_key = self._judging.public_keys.get(refused.key_id or "")
        reason = refused.reason
        if public_key is not None:
            reason = with_key(reason, public_key)
        return Refusal(
            job_id=refused.job_id,
            code=refused.code,
            reason=reason,
            digests=refused.digests,
            app=refused.app,
            key_id=refused.key_id,
            public_key=public_key,
        )
