"""``/compare``: two to six jobs side by side."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Controller, Response, get, post

from dendro_local.errors import DendroError
from dendro_local.hub import JobQuery
from dendro_local.local_hub import JobFacts, LocalHub
from dendro_local.model import Job, JobId
from dendro_local.server.comparing import LEAST_JOBS, MOST_JOBS, compare
from dendro_local.server.pages.rendering import page, redirect
from dendro_local.server.v1.asking import Asked, HubRequest
from dendro_local.server.words import words_for_others
from dendro_local.shown_quantities import show_size
from dendro_local.v1 import ComparedFile, ComparedJson, ComparedValue, Comparison

__all__ = ["ComparePages"]

MOST_TEXT = 300
"""Characters of a value that are shown."""

MOST_OFFERED = 20

NONE = "\N{EN DASH}"
"""Where a job has nothing of a name."""


class ComparePages(Controller):
    """Comparing jobs."""

    path = "/compare"

    @get("/")
    async def compared(self, asked: Asked) -> Response[bytes]:
        """The jobs side by side; or, of too few or too many, which there are to choose from."""
        query = asked.request.query_params
        given = [each.strip() for each in query.getall("job", []) if each.strip()]
        if "add" in query or not LEAST_JOBS <= len(set(given)) <= MOST_JOBS:
            choice = await asked.in_thread(_choice, asked.hub, given)
            return page(asked.request, "compare_choose.html", most=MOST_JOBS, **choice)
        found = await asked.in_thread(compare, asked, given)
        facts = [await asked.in_thread(asked.hub.job_facts, each.jobId) for each in found.jobs]
        return _shown(asked, found, facts)

    @post("/")
    async def selected(self, asked: Asked) -> Response[bytes]:
        """Lead to the comparison of jobs that were selected in a list."""
        form = await asked.request.form()
        return redirect(address_of([str(each) for each in form.getall("job", [])][: MOST_JOBS + 1]))


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """What each job has of one name."""

    name: str
    cells: Sequence[str]
    differs: Sequence[bool]
    """Whether a cell is not as the first one."""


class _Section(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that belong together: those that differ, and the others."""

    id: str
    title: str
    different: Sequence[_Row]
    equal: Sequence[_Row]
    notes: Sequence[str] = ()


def address_of(job_ids: Sequence[str]) -> str:
    """Where jobs are compared."""
    return f"/compare?{urlencode([('job', each) for each in job_ids])}" if job_ids else "/compare"


def _shown(asked: HubRequest, found: Comparison, facts: Sequence[JobFacts]) -> Response[bytes]:
    ids = [job.jobId for job in found.jobs]
    sections = [
        _of_values("parameters", "Parameters", found.parameters),
        _of_files("inputs", "Inputs", [each for each in found.files if each.kind == "input"]),
        _of_values("resources", "Resources", found.resources),
        _of_files("outputs", "Outputs", [each for each in found.files if each.kind == "output"]),
        *[_of_json(index, each) for index, each in enumerate(found.json_outputs)],
    ]
    lines = [
        {
            "id": each.job_id[:8],
            "at": each.series.at,
            "cpu": each.series.cpu_percent,
            "memory": each.series.memory_bytes,
        }
        for each in found.usage
    ]
    return page(
        asked.request,
        "compare.html",
        jobs=found.jobs,
        facts=facts,
        usage=found.usage,
        lines=lines,
        has_usage=any(line["at"] for line in lines),
        sections=[each for each in sections if each.different or each.equal or each.notes],
        without={each: address_of([other for other in ids if other != each]) for each in ids},
        more=f"{address_of(ids)}&add=1" if len(ids) < MOST_JOBS else None,
        twin=f"/v1{address_of(ids)}",
        events="/v1/events?" + urlencode([("job", each) for each in ids]),
    )


def _of_values(
    name: str, title: str, values: Sequence[ComparedValue], notes: Sequence[str] = ()
) -> _Section:
    rows: dict[bool, list[_Row]] = {True: [], False: []}
    for each in values:
        cells = [
            _text(value) if is_given else NONE
            for value, is_given in zip(each.values, each.is_given, strict=True)
        ]
        whole = list(zip(each.is_given, map(_json, each.values), strict=True))
        differs = [other != whole[0] for other in whole]
        rows[each.is_equal].append(_Row(name=each.name, cells=cells, differs=differs))
    return _Section(id=name, title=title, different=rows[False], equal=rows[True], notes=notes)


def _of_json(index: int, found: ComparedJson) -> _Section:
    notes = list(found.notes)
    if found.num_left_out:
        notes.append(f"{found.num_left_out:,} values more are not shown.")
    return _of_values(f"json-{index}", f"Values in {found.name}", found.values, notes)


def _of_files(name: str, title: str, files: Sequence[ComparedFile]) -> _Section:
    rows: dict[bool, list[_Row]] = {True: [], False: []}
    for each in files:
        known = list(zip(each.urls, each.digests, each.sizes, strict=True))
        cells = [_file_text(*one, shows_url=each.kind == "input") for one in known]
        keys = [digest or url for url, digest, _ in known]
        differs = [key != keys[0] for key in keys]
        rows[each.is_equal is True].append(_Row(name=each.name, cells=cells, differs=differs))
    return _Section(id=name, title=title, different=rows[False], equal=rows[True])


def _file_text(
    url: str | None, digest: str | None, size_bytes: int | None, *, shows_url: bool
) -> str:
    if url is None:
        return NONE
    told = [] if digest is None else [f"SHA-256 {digest[:12]}…"]
    if size_bytes is not None:
        told.append(show_size(size_bytes))
    if digest is None or shows_url:
        told.append(_cut(url))
    return ", ".join(told)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _text(value: Any) -> str:
    return _cut(value if isinstance(value, str) else _json(value))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"


def _choice(hub: LocalHub, given: Sequence[str]) -> dict[str, Any]:
    """What one can choose from: the jobs that are given, and others that are like the first."""
    chosen: dict[JobId, Job] = {}
    faults: list[str] = []
    for each in given[: 2 * MOST_JOBS]:
        try:
            job = hub.get_job(hub.job_id(each))
            chosen[job.jobId] = job
        except DendroError as error:
            faults.append(words_for_others(error, hub))
    first = next(iter(chosen.values()), None)
    query = JobQuery(limit=MOST_OFFERED)
    if first is not None:
        definition = first.jobDefinition
        query = JobQuery(
            service=first.serviceName,
            app=definition.appName,
            processor=definition.processorName,
            limit=MOST_OFFERED,
        )
    others = [each.record for each in hub.find_page(query).jobs if each.record.jobId not in chosen]
    return {"chosen": list(chosen.values()), "others": others, "faults": faults}
