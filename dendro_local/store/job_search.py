"""Lists of jobs by what a user may ask for, page by page, latest update first.

A page is read along one index that has the jobs in the order of the list, and begins after the
last job of the page before, so that it costs the same however far down it is. Of several
conditions the one that is true of the fewest jobs leads; the others are looked at job by job. What
that costs is bounded: a page that has looked at so many jobs ends there, full or not, and the
next one goes on.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from dendro_local.store.connection import Connections
from dendro_local.store.job_conditions import (
    BY_UPDATE,
    Condition,
    Lead,
    by_range,
    leads,
    other_conditions,
)
from dendro_local.store.job_query import JobPage, JobQuery, Place
from dendro_local.store.job_rows import COLUMNS, StoredJob, stored_job

__all__ = ["find_jobs", "find_page"]

LOOKED_AT = 20_000
"""So many jobs a page looks at for those that fit, if it is not told: about 30 ms of work."""

COUNTED = 5_000
"""So far the jobs of which a condition is true are counted, to choose the one that leads."""

MOST_WORDS = 10

_J_COLUMNS = ", ".join(f"j.{column}" for column in COLUMNS.split(", "))


def find_jobs(connections: Connections, query: JobQuery) -> list[StoredJob]:
    """As many jobs of a query as its limit has, latest update first; however long it takes."""
    found: list[StoredJob] = []
    while len(found) < query.limit:
        page = find_page(connections, query)
        found += page.jobs
        if page.next is None:
            break
        query = msgspec.structs.replace(query, after=page.next)
    return found[: query.limit]


def find_page(connections: Connections, query: JobQuery) -> JobPage:
    """A page of the jobs of a query, latest update first."""
    if query.limit < 1:
        return JobPage(jobs=(), next=None)
    indexed = leads(query)
    named, words = _named(connections, query)
    lead = named or _most_selective(connections, indexed, query)
    others = [each.condition for each in indexed if each is not lead]
    return _Search(connections, lead, [*others, *other_conditions(query, words)], query).page()


_is_id = re.compile("[A-Za-z0-9]{6,20}").fullmatch
_is_hash = re.compile("[0-9a-f]{8,40}").fullmatch


def _named(connections: Connections, query: JobQuery) -> tuple[Lead | None, list[str]]:
    """What a text leads to, if it is how ids or definition hashes begin; and its words, if not.

    A word of six letters is how an id begins by accident in one case of thousands, among a
    million jobs.
    """
    words = (query.text or "").split()[:MOST_WORDS]
    if len(words) == 1:
        kinds = (("job_id", _is_id(words[0])), ("definition_hash", _is_hash(words[0])))
        for column, match in kinds:
            lead = by_range(column, words[0])
            if match and _Search(connections, lead, (), JobQuery()).count():
                return lead, []
    return None, words


def _most_selective(connections: Connections, indexed: Sequence[Lead], query: JobQuery) -> Lead:
    if len(indexed) < 2:
        return indexed[0] if indexed else BY_UPDATE
    counts = [_Search(connections, lead, (), query).count() for lead in indexed]
    return indexed[counts.index(min(counts))]


class _Search:
    """One page's questions, put together from fixed pieces; values go in as parameters."""

    def __init__(
        self, connections: Connections, lead: Lead, others: Sequence[Condition], query: JobQuery
    ) -> None:
        self._connection = connections.get()
        self._lead = lead
        self._others = others
        self._query = query
        # A plus keeps an order, or a time, from choosing the index by which jobs are found.
        plus = "" if lead.is_ordered else "+"
        updated_at, number = f"{plus}x.updated_at", f"{plus}x.number"
        self._order = f"order by {updated_at} desc, {number} desc"
        self._place = f"({updated_at}, {number})"
        self._within = [lead.where]
        if query.since is not None:
            self._within.append(Condition(f"{updated_at} >= ?", (query.since,)))
        if query.until is not None:
            self._within.append(Condition(f"{updated_at} < ?", (query.until,)))
        if query.after is not None:
            self._within.append(Condition(f"{self._place} < (?, ?)", query.after))

    def count(self) -> int:
        """How many jobs the lead leads to from here on, at most `COUNTED`."""
        where, values = _joined(self._within)
        row: tuple[int] = self._connection.execute(
            f"select count(*) from (select 1 from {self._lead.tables} where {where} limit ?)",  # noqa: S608 - fixed pieces
            (*values, COUNTED),
        ).fetchone()
        return row[0]

    def page(self) -> JobPage:
        """The page."""
        limit = self._query.limit
        bound = self._bound() if self._others else None
        conditions = [*self._within, *self._others]
        if bound is not None:
            conditions.append(Condition(f"{self._place} >= (?, ?)", bound))
        where, values = _joined(conditions)
        rows = self._connection.execute(
            f"select {_J_COLUMNS} from {self._lead.tables} "  # noqa: S608 - fixed pieces
            f"cross join jobs j on j.number = x.number where {where} {self._order} limit ?",
            (*values, limit + 1),
        ).fetchall()
        jobs = [stored_job(row) for row in rows[:limit]]
        if len(rows) > limit:
            last = jobs[-1]
            updated_at = last.record.timestampUpdatedSec
            return JobPage(jobs=jobs, next=Place(updated_at or 0.0, last.number))
        return JobPage(
            jobs=jobs, next=bound, looked_back_to=None if bound is None else bound.updated_at
        )

    def _bound(self) -> Place | None:
        """The last job to be looked at; None if there are few enough for all."""
        where, values = _joined(self._within)
        row = self._connection.execute(
            f"select x.updated_at, x.number from {self._lead.tables} where {where} "  # noqa: S608 - fixed pieces
            f"{self._order} limit 1 offset ?",
            (*values, (self._query.looked_at or LOOKED_AT) - 1),
        ).fetchone()
        return None if row is None else Place(*row)


def _joined(conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
    values = [value for condition in conditions for value in condition.values]
    return " and ".join(condition.sql for condition in conditions), values
