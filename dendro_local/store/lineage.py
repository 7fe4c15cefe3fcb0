"""What jobs were computed from, and what was computed from them: a bounded part of it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from dendro_local.model import JobId, JobStatus
from dendro_local.store.connection import Connections

__all__ = ["Kin", "LineageLimits", "LineageTable", "Relatives"]

Direction = Literal["ancestors", "descendants"]

parents_of = """
select d.parent_job_id, j.app_name, j.processor_name, j.status, j.canceled
from jobs c
join job_dependencies d on d.number = c.number
left join jobs j on j.job_id = d.parent_job_id
where c.job_id = ?
order by d.parent_job_id
limit ?
"""

# Latest first: of very many, these are what somebody looks for.
children_of = """
select j.job_id, j.app_name, j.processor_name, j.status, j.canceled
from job_dependencies d join jobs j on j.number = d.number
where d.parent_job_id = ?
order by d.number desc
limit ?
"""

steps: Mapping[Direction, str] = {"ancestors": parents_of, "descendants": children_of}

count_children = """
select count(*) from (select 1 from job_dependencies where parent_job_id = ? limit ?)
"""


class Kin(msgspec.Struct, frozen=True, kw_only=True):
    """A job that another has to do with. Only its id is known of one that was deleted."""

    job_id: JobId
    app_name: str | None = None
    processor_name: str | None = None
    status: JobStatus | None = None
    """None if it was deleted."""
    canceled: bool = False


class LineageLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a lineage is read: so many jobs in all, and of one job's next of kin."""

    jobs: int = 100
    next_of_kin: int = 25


class Relatives(msgspec.Struct, frozen=True, kw_only=True):
    """The ancestors of a job, or its descendants, next of kin first.

    ``links`` are pairs of a job and one that takes its outputs. ``is_whole``: there are no others.
    """

    kin: list[Kin]
    links: list[tuple[JobId, JobId]]
    is_whole: bool


class LineageTable:
    """Which jobs depend on which."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def relatives(self, job_id: JobId, direction: Direction, limits: LineageLimits) -> Relatives:
        """The ancestors or descendants of a job, generation by generation, as far as the limits."""
        connection = self._connections.get()
        found: dict[JobId, Kin] = {}
        links: list[tuple[JobId, JobId]] = []
        is_whole = True
        generation = [job_id]
        while generation:
            following: list[JobId] = []
            for each in generation:
                rows = connection.execute(steps[direction], (each, limits.next_of_kin + 1))
                for index, row in enumerate(rows.fetchall()):
                    is_known = row[0] in found
                    if index == limits.next_of_kin or (not is_known and len(found) >= limits.jobs):
                        is_whole = False
                        break
                    if not is_known:
                        found[row[0]] = _kin(row)
                        following.append(row[0])
                    links.append((row[0], each) if direction == "ancestors" else (each, row[0]))
            generation = following
        return Relatives(kin=list(found.values()), links=links, is_whole=is_whole)

    def count_children(self, job_id: JobId, most: int) -> int:
        """How many jobs depend on this one directly; no more than ``most`` are counted."""
        row: tuple[int] = self._connections.get().execute(count_children, (job_id, most)).fetchone()
        return row[0]


def _kin(row: tuple[JobId, str | None, str | None, JobStatus | None, int | None]) -> Kin:
    job_id, app, processor, status, canceled = row
    return Kin(
        job_id=job_id,
        app_name=app,
        processor_name=processor,
        status=status,
        canceled=bool(canceled),
    )
