"""The rows of the jobs of a large store: copies of a few real ones, with all that would differ.

What a job is follows from its number: 1 in 50 failed, 1 in 100 is pending, and 1 in 100 has one
of ten inputs.
"""

import hashlib
import json
import random
import string
import time
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.scripts.submit import TAGS

__all__ = [
    "CHANGED",
    "Row",
    "as_submitted",
    "copies",
    "digest_of",
    "greeting_of",
    "has_input",
    "input_url",
    "is_completed",
    "name_of",
    "rare_tag",
    "tags_of",
]

Row = dict[str, Any]
"""A row of the jobs table by column."""

_NOT_YET = (
    "files",
    "error",
    "starting_at",
    "started_at",
    "finished_at",
    "compute_client_id",
    "compute_client_name",
    "compute_client_user_id",
    "lease_until",
)
CHANGED = (*_NOT_YET, "status", "updated_at", "attempts", "feed_number")
"""The columns that are others when a job has ended than when it was submitted."""

_ALPHABET = string.ascii_letters + string.digits
_MADE_EVERY_SEC = 10.0


def name_of(number: int) -> str:
    """The name that the job with this number greets; all are of one length."""
    return f"name-{number:07d}"


def greeting_of(number: int) -> str:
    """The output of the job with this number."""
    return f"Hello, {name_of(number)}!"


def tags_of(number: int) -> list[str]:
    """The tags of the job with this number."""
    return [*TAGS, rare_tag(number)]


def rare_tag(number: int) -> str:
    """The tag that the job with this number shares with a thousand others, not with all."""
    return f"batch-{number // 1000}"


def has_input(number: int) -> bool:
    """Whether the job with this number counts the characters of an input."""
    return number % 100 == 50


def input_url(number: int) -> str:
    """The input of the job with this number, if it has one."""
    return f"dendro:sha256/{digest_of(f'input {number // 100 % 10}')}"


def is_completed(number: int) -> bool:
    """Whether the job with this number is completed."""
    return _status(number) == "completed"


def digest_of(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def copies(greeted: Row, counted: Row, numbers: range) -> Iterator[Row]:
    """The rows of the jobs with these numbers, as they are when all have ended.

    Args:
        greeted: the row of a completed greeting of ``name_of(0)``.
        counted: the row of a completed job with an input and ``name_of(0)`` in its definition.
        numbers: which jobs to make, the oldest first.
    """
    chosen = random.Random(len(numbers))
    now = time.time()
    for number in numbers:
        row = _copy(counted if has_input(number) else greeted, number, chosen)
        created = now - (numbers.stop - number) * _MADE_EVERY_SEC
        ended = created + chosen.uniform(1, 60)
        row |= {"created_at": created, "updated_at": ended, "finished_at": ended}
        row |= {"starting_at": ended - 0.2, "started_at": ended - 0.1, "lease_until": ended + 120}
        if row["status"] == "failed":
            row |= {"files": None, "error": "ValueError: there are no spikes in this recording"}
        if row["status"] == "pending":
            row = as_submitted(row)
        yield row


def as_submitted(row: Row) -> Row:
    """The row of a job as it was before it was claimed."""
    submitted = row | dict.fromkeys(_NOT_YET)
    submitted |= {"status": "pending", "updated_at": row["created_at"], "attempts": 0}
    submitted["feed_number"] = row["feed_number"] - 3
    return submitted


def _copy(template: Row, number: int, chosen: random.Random) -> Row:
    definition: str = template["definition"].replace(name_of(0), name_of(number))
    for file in json.loads(definition)["inputFiles"]:
        definition = definition.replace(file["url"], input_url(number))
    was = json.loads(template["files"])["outputs"]["output"][0]
    return template | {
        "number": number,
        "job_id": "".join(chosen.choices(_ALPHABET, k=20)),
        "definition": definition,
        "definition_hash": hashlib.sha1(definition.encode(), usedforsecurity=False).hexdigest(),
        "tags": json.dumps(tags_of(number), separators=(",", ":")),
        "files": template["files"].replace(was, digest_of(greeting_of(number))),
        "status": _status(number),
        "feed_number": 100 + 4 * number,
    }


def _status(number: int) -> str:
    if number % 100 == 7:
        return "pending"
    return "failed" if number % 50 == 13 else "completed"
