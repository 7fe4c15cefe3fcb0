"""The conditions of a list of jobs, as pieces of SQL: what an index serves, and what none does."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from dendro_local.file_urls import parse_file_url
from dendro_local.model import JobId
from dendro_local.store.job_query import JobQuery

__all__ = ["BY_UPDATE", "Condition", "Lead", "by_range", "leads", "other_conditions"]


class Condition(NamedTuple):
    """A piece of SQL about ``j``, a job, and its values."""

    sql: str
    values: tuple[Any, ...] = ()


class Lead(NamedTuple):
    """What a list can be read along.

    ``tables`` give the jobs as ``j``, and as ``x`` their ``updated_at`` and ``number``. ``where``
    is what to look up there; ``condition`` is the same about a job, where another leads.
    ``is_ordered``: they come in the order of the list.
    """

    tables: str
    where: Condition
    condition: Condition
    is_ordered: bool = True


def _by_index(index: str, *columns: str, values: Sequence[Any]) -> Lead:
    condition = Condition(" and ".join(f"j.{column} = ?" for column in columns), tuple(values))
    where = Condition(condition.sql.replace("j.", "x."), condition.values)
    return Lead(f"jobs x indexed by {index}", where, condition)


def _by_table(table: str, column: str, value: str, *, is_ordered: bool = True) -> Lead:
    return Lead(
        f"{table} x" if is_ordered else f"{table} y cross join jobs x on x.number = y.number",
        Condition(f"{'x' if is_ordered else 'y'}.{column} = ?", (value,)),
        Condition(
            f"exists (select 1 from {table} z where z.number = j.number and z.{column} = ?)",  # noqa: S608 - fixed names
            (value,),
        ),
        is_ordered,
    )


def by_range(column: str, first: str) -> Lead:
    """The jobs in which an indexed text begins so."""
    values = (first, first + "\U0010ffff")
    return Lead(
        "jobs x",
        Condition(f"x.{column} >= ? and x.{column} < ?", values),
        Condition(f"j.{column} >= ? and j.{column} < ?", values),
        is_ordered=False,
    )


BY_UPDATE = Lead("jobs x indexed by jobs_by_update", Condition("true"), Condition("true"))


def leads(query: JobQuery) -> list[Lead]:
    """What the list can be read along, with each condition of the query that has an index."""
    found: list[Lead] = []
    if query.job_id is not None:
        found.append(_by_id(query.job_id))
    if query.output_url is not None:
        own = parse_file_url(query.output_url)
        found.append(
            _by_table("job_set_urls", "url", query.output_url, is_ordered=False)
            if own is None
            else _by_id(JobId(own.job_id))
        )
    if query.id_prefix:
        found.append(by_range("job_id", query.id_prefix))
    if query.input_url is not None:
        found.append(_by_table("job_inputs", "url", query.input_url))
    found += [_by_table("job_tags", "tag", tag) for tag in dict.fromkeys(query.tags)]
    if query.batch:
        found.append(_in_batch(query.batch))
    for value, column, index in (
        (query.compute_client, "compute_client_id", "jobs_by_client"),
        (query.user, "user_id", "jobs_by_user"),
        (query.processor, "processor_name", "jobs_by_processor"),
        (query.app, "app_name", "jobs_by_app"),
    ):
        if value is not None:
            found.append(_by_index(index, column, values=(value,)))
    return [*found, *_by_status_and_service(query)]


def _by_id(job_id: JobId) -> Lead:
    where = Condition("x.job_id = ?", (job_id,))
    return Lead("jobs x", where, Condition("j.job_id = ?", (job_id,)), is_ordered=False)


def _in_batch(batch: str) -> Lead:
    lead = _by_index("jobs_batch", "batch_id", values=(batch,))
    # Said once more, since the index has no jobs without a batch.
    where = Condition(f"{lead.where.sql} and x.batch_id != ''", lead.where.values)
    return lead._replace(where=where)


def _by_status_and_service(query: JobQuery) -> list[Lead]:
    status, service = query.status, query.service
    if status is not None and service is not None:
        return [
            _by_index("jobs_by_status_service", "status", "service_name", values=(status, service))
        ]
    if status is not None:
        return [_by_index("jobs_by_status", "status", values=(status,))]
    if service is not None:
        return [_by_index("jobs_by_service", "service_name", values=(service,))]
    return []


def other_conditions(query: JobQuery, words: Sequence[str]) -> list[Condition]:
    """What no index tells."""
    found: list[Condition] = []
    if query.batch == "":
        found.append(Condition("j.batch_id = ''"))
    if query.created_since is not None:
        found.append(Condition("j.created_at >= ?", (query.created_since,)))
    if query.created_until is not None:
        found.append(Condition("j.created_at < ?", (query.created_until,)))
    return [*found, *map(_has_word, words)]


_ESCAPE = "!"
_NAMES = ("job_id", "service_name", "app_name", "processor_name", "user_id", "batch_id", "error")

# The JSON is only taken apart where its text holds the word, which may be a key of it.
has_word = f"""
(
    {" or ".join(f"j.{name} like :plain escape :escape" for name in _NAMES)}
    or j.tags like :json escape :escape
    or j.definition like :json escape :escape and exists (
        select 1 from json_tree(j.definition) v
        where v.atom like :plain escape :escape
            and v.key not in ('appName', 'name', 'processorName')
    )
)
"""  # noqa: S608 - fixed names


def _has_word(word: str) -> Condition:
    values = {
        ":plain": _contains(word),
        ":json": _contains(msgspec.json.encode(word)[1:-1].decode()),
        ":escape": _ESCAPE,
    }
    places = re.findall(":[a-z]+", has_word)
    return Condition(re.sub(":[a-z]+", "?", has_word), tuple(values[each] for each in places))


def _contains(text: str) -> str:
    """A pattern of LIKE for what holds this text."""
    return "%" + re.sub(f"([%_{_ESCAPE}])", rf"{_ESCAPE}\1", text) + "%"
