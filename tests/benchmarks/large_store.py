"""Filling a store with many jobs in a minute, as if they had been run.

A few jobs are really run. Their rows are then copied with all that would differ: name, hash, ids,
times, digests and place in the feed. Each copy is first inserted as it was when it was submitted
and then changed to what it was when it had ended, a batch of jobs at a time, so that the pages of
tables and indexes are as full as those of a store that grew job by job.

Of the jobs, 1 in 50 failed, 1 in 1,000 is pending, and 1 in 100 has an input; inputs are of ten
URLs. The blobs are not written, except those of `names_with_blobs`.
"""

import hashlib
import random
import sqlite3
import string
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from dendro_local import DendroJobDefinition, DendroJobInputFile, DendroJobOutputFile
from dendro_local.hub import Hub
from tests.benchmarks.default_store import run_here, using
from tests.benchmarks.scripts.submit import greeting

__all__ = ["RARE_TAG_JOBS", "fill", "input_url", "names_with_blobs", "rare_tag"]

BATCH = 1_000
SAMPLE = 1_000
RARE_TAG_JOBS = 1_000
"""How many jobs share a tag besides the one that all have."""

_ALPHABET = string.ascii_letters + string.digits
_INPUT = "an input"
_ENDED = ("status", "files", "error", "starting_at", "started_at", "finished_at", "updated_at",
          "compute_client_id", "compute_client_name", "compute_client_user_id", "lease_until",
          "attempts", "feed_number")  # fmt: skip
_Row = dict[str, Any]


def name_of(number: int) -> str:
    """The parameter of the job with this number; all are of one length."""
    return f"name-{number:07d}"


def names_with_blobs(count: int) -> list[str]:
    """The parameters of completed jobs in a store of this size that have their outputs."""
    numbers = range(1, count, max(1, count // SAMPLE))
    return [name_of(number) for number in numbers if _status(number) == "completed"]


def input_url(number: int) -> str:
    """The input URL of the job with this number, if it has one."""
    return f"dendro:sha256/{_sha256(f'input {number // 100 % 10}')}"


def rare_tag(number: int) -> str:
    """The tag that the job with this number shares with its neighbours."""
    return f"batch-{number // RARE_TAG_JOBS}"


def fill(folder: Path, count: int) -> None:
    """Make a store with so many jobs."""
    with using(folder) as hub:
        greeted, counted = _run_templates(folder)
        _write_blobs(hub, folder, names_with_blobs(count))
    with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as connection:
        connection.execute("pragma synchronous = off")
        connection.execute("pragma cache_size = -1000000")
        templates = _Template(connection, greeted), _Template(connection, counted)
        chosen = random.Random(count)
        for first in range(2, count, 20 * BATCH):
            connection.execute("begin immediate")
            last = min(first + 20 * BATCH, count)
            for begin in range(first, last, BATCH):
                _insert(connection, templates, chosen, range(begin, min(begin + BATCH, last)))
            connection.execute("commit")
        connection.execute("pragma wal_checkpoint(truncate)")
