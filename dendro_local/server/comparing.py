"""Compares jobs: what was given to them, what they used, and what they gave."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from dendro_local.errors import DendroError, InvalidRequest
from dendro_local.local_hub import JobFacts
from dendro_local.local_hub.job_views import InputFacts, JobViews
from dendro_local.model import Job, JobId
from dendro_local.server.usage_series import usage_series
from dendro_local.server.v1.asking import HubRequest
from dendro_local.v1 import (
    ComparedFile,
    ComparedJson,
    ComparedUsage,
    ComparedValue,
    Comparison,
)

__all__ = ["LEAST_JOBS", "MOST_JOBS", "compare", "compared_values", "leaves"]

LEAST_JOBS = 2
MOST_JOBS = 6

POINTS = 200
"""Of the usage of each job."""

MOST_JSON_BYTES = 1 << 20
"""Larger files are compared by their bytes alone."""

MOST_LEAVES = 5000
"""Of a file; what comes then is not compared."""

MOST_DEPTH = 40
MOST_NAME = 100

MOST_VALUES = 500
"""Of an output."""

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_encode = msgspec.json.Encoder(order="sorted").encode


def compare(asked: HubRequest, given: Sequence[str]) -> Comparison:
    """Jobs side by side, in the order in which they are given. In a thread.

    Args:
        asked: the hub, and the URLs that it has for whoever asks.
        given: ids of jobs, or their beginnings; one that is given twice counts once.

    Raises:
        InvalidRequest: they are less than `LEAST_JOBS`, or more than `MOST_JOBS`.
        JobNotFound: one is not there.
    """
    hub = asked.hub
    some = list(dict.fromkeys(given))[: MOST_JOBS + 1]
    job_ids = list(dict.fromkeys(map(hub.job_id, some)))
    if not LEAST_JOBS <= len(job_ids) <= MOST_JOBS:
        raise InvalidRequest(
            f"Give {LEAST_JOBS} to {MOST_JOBS} different jobs to compare; not {len(set(given))}."
        )
    facts = [hub.job_facts(job_id) for job_id in job_ids]
    jobs = [each.record for each in facts]
    outputs = [{file.name: file for file in each.files if file.kind == "output"} for each in facts]
    return Comparison(
        jobs=[asked.public(job) for job in jobs],
        parameters=_parameters(jobs),
        resources=compared_values(
            [msgspec.structs.asdict(job.requiredResources) for job in jobs], keep_order=True
        ),
        files=[
            *_inputs(asked, [JobViews(hub).inputs(job_id) for job_id in job_ids]),
            *_files(
                asked,
                "output",
                [
                    {name: (file.url, file.digest, file.size) for name, file in of.items()}
                    for of in outputs
                ],
            ),
        ],
        json_outputs=_json_outputs(asked, facts),
        usage=[_usage(asked, job_id) for job_id in job_ids],
    )


def compared_values(
    given: Sequence[Mapping[str, Any]], *, keep_order: bool = False
) -> list[ComparedValue]:
    """What each of some records has of every name, what differs first.

    Numbers are equal if their values are, so that ``1`` is ``1.0``, and ``true`` is neither.

    Args:
        given: values of JSON by name.
        keep_order: whether names stay in the order in which they come.
    """
    found: list[ComparedValue] = []
    for name in dict.fromkeys(name for each in given for name in each):
        has = [name in each for each in given]
        values = [plain(each.get(name)) for each in given]
        same = all(has) and len({_encode(value) for value in values}) == 1
        found.append(ComparedValue(name=name, values=values, is_given=has, is_equal=same))
    return found if keep_order else sorted(found, key=lambda each: each.is_equal)


def plain(value: Json) -> Json:
    """A value of JSON as it is compared: whole numbers are integers, and NaN is a text."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value


def leaves(value: Json, path: str = "", depth: int = 0) -> Iterator[tuple[str, Json]]:
    """What is in a value of JSON, by path; a list without objects and lists is one value.

    Raises:
        RecursionError: it is nested deeper than `MOST_DEPTH`.
    """
    if depth > MOST_DEPTH:
        raise RecursionError
    if isinstance(value, dict) and value:
        for name, each in value.items():
            # Long names and deep trees would make paths of many megabytes.
            part = name if len(name) <= MOST_NAME else f"{name[:MOST_NAME]}..."
            yield from leaves(each, f"{path}.{part}" if path else part, depth + 1)
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        for index, each in enumerate(value):
            yield from leaves(each, f"{path}[{index}]", depth + 1)
    else:
        yield path or "(all)", value


def _parameters(jobs: Sequence[Job]) -> list[ComparedValue]:
    return compared_values(
        [{each.name: each.value for each in job.jobDefinition.parameters} for job in jobs]
    )


_Known = tuple[str, str | None, int | None]
"""URL, digest and size of a file."""


def _inputs(asked: HubRequest, of_jobs: Sequence[Sequence[InputFacts]]) -> list[ComparedFile]:
    known = [
        {each.file.name: (each.file.url, each.digest, each.size) for each in of} for of in of_jobs
    ]
    return _files(asked, "input", known)


def _files(
    asked: HubRequest, kind: Any, known: Sequence[Mapping[str, _Known]]
) -> list[ComparedFile]:
    found: list[ComparedFile] = []
    for name in dict.fromkeys(name for of in known for name in of):
        files = [of.get(name) for of in known]
        found.append(
            ComparedFile(
                kind=kind,
                name=name,
                urls=[None if each is None else asked.urls.public(each[0]) for each in files],
                digests=[None if each is None else each[1] for each in files],
                sizes=[None if each is None else each[2] for each in files],
                is_equal=_is_same(files),
            )
        )
    return sorted(found, key=lambda each: each.is_equal is True)


def _is_same(files: Sequence[_Known | None]) -> bool | None:
    present = [each for each in files if each is not None]
    if len(present) < len(files):
        return False
    if len({url for url, _, _ in present}) == 1:
        return True
    digests = {digest for _, digest, _ in present}
    if len(digests - {None}) > 1:
        return False
    return None if None in digests else True


# JSON


def _json_outputs(asked: HubRequest, facts: Sequence[JobFacts]) -> list[ComparedJson]:
    names: dict[str, None] = {}
    for each in facts:
        for output in each.record.jobDefinition.outputFiles:
            if output.fileBaseName.endswith(".json") and _is_done(each):
                names[output.name] = None
    return [_json_output(asked, facts, name) for name in names]


def _is_done(facts: JobFacts) -> bool:
    return facts.record.status == "completed"


def _json_output(asked: HubRequest, facts: Sequence[JobFacts], name: str) -> ComparedJson:
    notes: list[str] = []
    given: list[dict[str, Any]] = []
    has_files = 0
    for each in facts:
        found, note = _leaves_of(asked, each, name)
        has_files += found is not None
        given.append(found or {})
        if note:
            notes.append(f"{each.record.jobId[:8]}: {note}")
    values = compared_values(given) if has_files >= LEAST_JOBS else []
    # What differs is there as far as there is room, and then as much of what is equal.
    return ComparedJson(
        name=name,
        values=values[:MOST_VALUES],
        num_left_out=max(0, len(values) - MOST_VALUES),
        notes=notes,
    )


def _leaves_of(
    asked: HubRequest, facts: JobFacts, name: str
) -> tuple[dict[str, Any] | None, str | None]:
    """What is in a JSON output by path, and what is to be said of it."""
    file = next((e for e in facts.files if e.kind == "output" and e.name == name), None)
    if file is None or not _is_done(facts):
        return None, "there is no such output."
    if not file.is_there or file.digest is None:
        return None, "the bytes of the output are not here."
    if file.size is None or file.size > MOST_JSON_BYTES:
        return None, "the output is too large for that; only its bytes are compared."
    try:
        path: Path = asked.hub.served_file(file.url, fetch=False).path
        tree = json.loads(path.read_bytes())
    except (DendroError, OSError):
        return None, "the bytes of the output are not here."
    except (ValueError, RecursionError):
        return None, "the output is no JSON."
    found: dict[str, Any] = {}
    try:
        for where, value in leaves(tree):
            if len(found) == MOST_LEAVES:
                return found, f"only its first {MOST_LEAVES:,} values are compared."
            found[where] = value
    except RecursionError:
        return None, "the output is nested too deeply."
    return found, None


def _usage(asked: HubRequest, job_id: JobId) -> ComparedUsage:
    series = usage_series(asked.hub.job_log(job_id, "usage").path, POINTS)
    cpu = series.cpu_percent
    return ComparedUsage(
        job_id=job_id,
        peak_memory_bytes=max(series.memory_bytes, default=None),
        mean_cpu_percent=round(sum(cpu) / len(cpu), 1) if cpu else None,
        peak_cpu_percent=max(cpu, default=None),
        series=series,
    )
