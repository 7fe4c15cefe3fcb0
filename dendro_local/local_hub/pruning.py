"""Pruning: which finished jobs go, and their removal, record and bytes together.

Never touched are pinned jobs and what they depend on, and what a job that is not finished depends
on or takes. A job whose outputs were dropped because it can run again also keeps what it would
need for that, unless it goes itself. Other than that a job may go before those that took its
outputs: what they computed stays.

Records go first, in transactions of some hundred jobs each, and after each of them the blobs that
nobody holds any more. A process that is killed in between leaves at the worst blobs that no record
names, which the doctor finds.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import msgspec

from dendro_local.lifecycle import TERMINAL
from dendro_local.local_hub.prune_choice import Candidate, Choice, choose
from dendro_local.local_hub.recomputing import RunsAgain
from dendro_local.local_hub.submitting import Submitting
from dendro_local.model import Digest, JobId, JobStatus
from dendro_local.store import JobFiles, StoredJob
from dendro_local.store.prune_search import FinishedJob

__all__ = ["PrunePlan", "PruneRules", "PrunedJob", "Pruner"]

BATCH = 500
"""How many jobs one transaction removes: nobody else can write in the meantime."""


class PruneRules(msgspec.Struct, frozen=True, kw_only=True):
    """What to prune: the finished jobs to which everything that is given applies."""

    older_than_sec: float | None = None
    """They finished longer ago than this."""
    larger_than_bytes: int | None = None
    """The files that they keep are together larger than this."""
    tags: tuple[str, ...] = ()
    status: JobStatus | None = None
    recomputable: bool = False
    """Drop the bytes of outputs whose jobs can run again, and keep the records."""
    to_size_bytes: int | None = None
    """Of those, first finished first, only as many as it takes until all blobs fit into this."""


class PrunedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is pruned. ``freed_bytes`` counts blobs with the last job that holds them."""

    job_id: JobId
    app: str
    processor: str
    status: JobStatus
    finished_at: float
    size_bytes: int
    freed_bytes: int


class PrunePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What pruning removes, or has removed."""

    rules: PruneRules
    jobs: list[PrunedJob]
    freed_bytes: int
    kept: int
    """How many jobs would go by the rules but stay, because they are pinned or needed."""
    not_recomputable: int
    """How many stay because they could not run again."""
    children: int
    """How many jobs stay that took an output of one that goes."""


class _Selection(msgspec.Struct, frozen=True, kw_only=True):
    choices: list[Choice]
    kept: int
    not_recomputable: int


class Pruner:
    """Prunes the store of a hub.

    Args:
        hub: whose store.
        remove_record: removes a job's record inside a transaction; the digests of its files.
        remove_blobs: removes those of the blobs that nobody holds, in a transaction of its own.
    """

    def __init__(
        self,
        hub: Submitting,
        *,
        remove_record: Callable[[StoredJob], list[Digest]],
        remove_blobs: Callable[[Sequence[Digest]], None],
    ) -> None:
        self._hub = hub
        self._store = hub.store
        self._upkeep = hub.store.upkeep
        self._remove_record = remove_record
        self._remove_blobs = remove_blobs

    def plan(self, rules: PruneRules) -> PrunePlan:
        """What would be removed now. Nothing is."""
        with self._store.reading():
            selection = self._select(rules)
            children = 0 if rules.recomputable else self._children(selection.choices)
            return _plan(rules, selection, selection.choices, children)

    def prune(self, plan: PrunePlan) -> PrunePlan:
        """Remove what a plan names, as far as its rules still have it; what was removed."""
        shown = {job.job_id for job in plan.jobs}
        with self._store.reading(), self._upkeep.alone():
            selection = self._select(plan.rules)
            going = [each for each in selection.choices if each.candidate.job.job_id in shown]
            children = 0 if plan.rules.recomputable else self._children(going)
            removed: list[Choice] = []
            for start in range(0, len(going), BATCH):
                removed += self._remove(going[start : start + BATCH], going, plan.rules)
            return _plan(plan.rules, selection, removed, children)

    # Choosing

    def _select(self, rules: PruneRules) -> _Selection:
        found = list(self._candidates(rules))
        # Which of them go is not known yet where a size decides.
        surely = found if rules.to_size_bytes is None else []
        kept = self._kept({each.job.number for each in surely}, rules)
        free = [each for each in found if each.job.number not in kept]
        droppable = self._droppable(free) if rules.recomputable else free
        blobs = {digest for each in droppable for digest in each.blobs}
        choices = choose(
            droppable,
            holders={digest: self._upkeep.holders.count(digest) for digest in blobs},
            sizes={digest: self._size(digest) for digest in blobs},
            surplus_bytes=self._surplus(rules),
            must_free=rules.recomputable,
        )
        return _Selection(
            choices=choices,
            kept=len(found) - len(free),
            not_recomputable=len(free) - len(droppable),
        )

    def _candidates(self, rules: PruneRules) -> Iterator[Candidate]:
        """The jobs to which the rules apply, each with the blobs that it would hold no more."""
        for job, files in self._search(rules):
            held = self._upkeep.holders.held_by(job.number)
            least = rules.larger_than_bytes
            if least is not None and _size(files, held) <= least:
                continue
            blobs = _only_outputs(files) & held if rules.recomputable else held
            if blobs or not rules.recomputable:
                yield Candidate(job, frozenset(blobs), _size(files, blobs))

    def _search(self, rules: PruneRules) -> Iterable[tuple[FinishedJob, JobFiles]]:
        before = None if rules.older_than_sec is None else time.time() - rules.older_than_sec
        status: JobStatus | None = "completed" if rules.recomputable else rules.status
        if rules.recomputable and rules.status not in (None, "completed"):
            return []
        return self._upkeep.search.finished_jobs(before=before, status=status, tags=rules.tags)

    def _kept(self, going: set[int], rules: PruneRules) -> set[int]:
        """The jobs that must stay as they are, if no others than these go."""
        search = self._upkeep.search
        unfinished = search.unfinished()
        gave_up_some = self._upkeep.holders.jobs_that_gave_up_some()
        while True:
            # What was dropped can be had again only by running its job on what it took, whose
            # own bytes may be dropped in their turn.
            lacking = gave_up_some - going
            needing = unfinished if rules.recomputable else unfinished | lacking
            takers = unfinished | lacking
            kept = search.with_ancestors(
                search.pinned() | needing | search.holders_of_file_inputs(takers)
            )
            if not going & kept:
                return kept
            going = going - kept

    def _droppable(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those that can run again without any of the others' bytes that they alone have."""
        again = RunsAgain(self._store, self._hub.app)
        found = [each for each in candidates if again.can(each.job.job_id)]
        return [each for each in found if not each.blobs & again.relied_on]

    def _surplus(self, rules: PruneRules) -> int | None:
        if rules.to_size_bytes is None:
            return None
        total = sum(self._size(digest) for digest in self._upkeep.holders.all_held())
        return max(0, total - rules.to_size_bytes)

    def _size(self, digest: Digest) -> int:
        try:
            return self._store.blobs.path(digest).stat().st_size
        except FileNotFoundError:
            return 0

    # Removing

    def _remove(
        self, batch: Sequence[Choice], going: Sequence[Choice], rules: PruneRules
    ) -> list[Choice]:
        """Remove some of what goes; what was removed."""
        removed: list[Choice] = []
        digests: list[Digest] = []
        with self._store.transaction():
            # Asked again, now that nobody else can write: one may be needed since a moment.
            kept = self._kept({each.candidate.job.number for each in going}, rules)
            for choice in batch:
                job = choice.candidate.job
                stored = self._store.jobs.by_id(job.job_id)
                if stored is None or job.number in kept or stored.record.status not in TERMINAL:
                    continue
                removed.append(choice)
                if rules.recomputable:
                    self._upkeep.holders.give_up(job.number, choice.candidate.blobs)
                    self._hub.remove_output_links(job.job_id)
                    digests += choice.candidate.blobs
                else:
                    digests += self._remove_record(stored)
        self._remove_blobs(digests)
        return removed

    def _children(self, choices: Sequence[Choice]) -> int:
        numbers = [choice.candidate.job.number for choice in choices]
        return self._upkeep.search.count_children_beside(numbers)


def _plan(
    rules: PruneRules, selection: _Selection, choices: Sequence[Choice], children: int
) -> PrunePlan:
    return PrunePlan(
        rules=rules,
        jobs=[_pruned_job(choice) for choice in choices],
        freed_bytes=sum(choice.freed_bytes for choice in choices),
        kept=selection.kept,
        not_recomputable=selection.not_recomputable,
        children=children,
    )


def _pruned_job(choice: Choice) -> PrunedJob:
    job = choice.candidate.job
    return PrunedJob(
        job_id=job.job_id,
        app=job.app_name,
        processor=job.processor_name,
        status=job.status,
        finished_at=job.finished_at,
        size_bytes=choice.candidate.size_bytes,
        freed_bytes=choice.freed_bytes,
    )


def _size(files: JobFiles, digests: Collection[Digest]) -> int:
    """The size of these of a job's files together, equal ones counted once, in bytes."""
    sizes = {file.digest: file.size or 0 for file in files.all() if file.digest in digests}
    return sum(sizes.values())


def _only_outputs(files: JobFiles) -> set[Digest]:
    """The blobs that a job names as outputs and as nothing else."""
    outputs = {file.digest for file in files.outputs.values() if file.digest is not None}
    logs = [file for file in (files.console, files.usage) if file is not None]
    return outputs - {file.digest for file in [*files.others.values(), *logs]}
