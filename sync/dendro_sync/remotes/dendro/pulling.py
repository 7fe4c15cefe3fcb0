"""What a hub has, in batches of entries: what is new, with the jobs that it came of."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dendro_local.local_hub.trust import Refused
from dendro_local.model import Job, JobId
from dendro_local.signed_records import (
    MOST_IN_BATCH,
    BatchReader,
    Entry,
    ReadBatch,
    batch_lines,
    encode_entry,
)
from dendro_sync.remotes.dendro.arriving import Arriving
from dendro_sync.remotes.dendro.arriving_apps import app_entry
from dendro_sync.remotes.dendro.calls import Calls
from dendro_sync.remotes.dendro.cursor import Cursor
from dendro_sync.remotes.dendro.job_urls import stable_urls
from dendro_sync.remotes.dendro.listing import Listing
from dendro_sync.remotes.remote import Refusal
from dendro_sync.selection import Selection

__all__ = ["Pulling"]

BATCH_JOBS = 100
"""Few, for their files are looked at before they are told."""


class Pulling:
    """Reads the jobs of one hub.

    Args:
        calls: asks the hub.
        arriving: makes entries.
        with_ancestors: whether jobs bring those that they came of.
    """

    def __init__(self, calls: Calls, arriving: Arriving, *, with_ancestors: bool) -> None:
        self._calls = calls
        self._listing = Listing(calls)
        self._arriving = arriving
        self._with_ancestors = with_ancestors
        self.refused: list[Refusal] = []
        """Jobs of which no entry could be made, until somebody takes them from here."""

    def changes(self, cursor: str, selection: Selection) -> Iterator[ReadBatch]:
        """See `dendro_sync.remotes.remote.Remote.changes`."""
        at = Cursor.read(cursor, self._calls.wire.base_url)
        found = self._listing.ended(selection, at)
        for job_id in found.unreadable:
            self._refuse(Refused("structure", "It is not understood.", JobId(job_id) or None))
        families = _Families(self._listing, found.jobs)
        apps: set[tuple[str, str]] = set()
        for first in range(0, len(found.jobs), BATCH_JOBS):
            jobs = found.jobs[first : first + BATCH_JOBS]
            wanted = families.add(jobs)
            if not self._with_ancestors:
                wanted = jobs
            lines = self._lines(wanted, families.stable, apps)
            while len(lines) > MOST_IN_BATCH:
                yield _batch(lines[:MOST_IN_BATCH], at, len(found.jobs))
                lines = lines[MOST_IN_BATCH:]
            at = at.after(jobs)
            yield _batch(lines, at, len(found.jobs))
        if not found.jobs:
            yield _batch([], at, 0)

    def entries(self, job_ids: Iterable[JobId]) -> Iterator[Entry]:
        """The entries of those of these jobs that have ended, without those that they came of."""
        found = self._listing.ended(Selection(job_ids=tuple(job_ids)), Cursor(hub="")).jobs
        families = _Families(self._listing, found)
        families.add(found)
        yield from self._entries(found, families.stable)

    def _lines(
        self, jobs: Sequence[Job], stable: Mapping[str, str], apps: set[tuple[str, str]]
    ) -> list[bytes]:
        """Lines of apps that are new, and of these jobs."""
        lines: list[bytes] = []
        for place in dict.fromkeys((job.serviceName, job.jobDefinition.appName) for job in jobs):
            if place not in apps and (app := app_entry(self._calls, *place)) is not None:
                lines.append(encode_entry(app))
            apps.add(place)
        return [*lines, *map(encode_entry, self._entries(jobs, stable))]

    def _entries(self, jobs: Sequence[Job], stable: Mapping[str, str]) -> Iterator[Entry]:
        for entry in self._arriving.jobs(jobs, stable):
            if isinstance(entry, Refused):
                self._refuse(entry)
            else:
                yield entry

    def _refuse(self, refused: Refused) -> None:
        self.refused.append(
            Refusal(job_id=refused.job_id, code=refused.code, reason=refused.reason)
        )


class _Families:
    """Jobs with those that they came of, each once.

    Args:
        listing: asks for those that are not known.
        known: jobs that need not be asked for.
    """

    def __init__(self, listing: Listing, known: Iterable[Job]) -> None:
        self._listing = listing
        self._known: dict[JobId, Job | None] = {job.jobId: job for job in known}
        self._added: set[JobId] = set()
        self.stable: dict[str, str] = {}
        """The stable URLs of the files of all parents so far, by those that the hub has."""

    def add(self, jobs: Iterable[Job]) -> list[Job]:
        """Those of the jobs, and of what they came of, that were not added: parents first."""
        order: list[Job] = []
        waiting = [(job, False) for job in reversed(list(jobs))]
        while waiting:
            job, is_after_parents = waiting.pop()
            if is_after_parents:
                order.append(job)
            if job.jobId in self._added:
                continue
            self._added.add(job.jobId)
            waiting.append((job, True))
            for parent in self._listing.parents(job, self._known):
                self.stable.update(stable_urls(parent))
                waiting.append((parent, False))
        return order


def _batch(lines: Sequence[bytes], at: Cursor, total: int) -> ReadBatch:
    """As a remote that sends batches sends them, though nobody signs these."""
    return next(BatchReader().feed(batch_lines(lines, at.text(), total=total)))
