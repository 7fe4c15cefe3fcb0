"""Which jobs were pushed to a hub: their ids there, and what is being pushed right now.

The hub gives each job an id of its own. Whoever runs a job there has a key of it, and where that
is lost nobody else can end the job: so it is on the disk before the job is begun.
"""

import os
import threading
from pathlib import Path

import msgspec

from dendro_local.model import JobId
from dendro_local.random_ids import random_token
from dendro_sync.remotes.dendro.journal import Journal

__all__ = ["BegunJob", "PushedJob", "PushedJobs"]


class PushedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is on the hub: its id here and there, and `statement_digest` of its record."""

    here: JobId
    there: JobId
    digest: str


class BegunJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was begun on the hub and is not known to have ended there well."""

    here: JobId
    there: JobId
    key: str
    has_failed: bool = False
    """Whether it was given up, and has failed there because of that."""

    def __repr__(self) -> str:
        return f"BegunJob(here={self.here!r}, there={self.there!r}, key=...)"


class PushedJobs:
    """What is known of pushed jobs. Safe for use by many threads.

    Args:
        folder: where it is kept; what is begun is for nobody else to read.
    """

    def __init__(self, folder: Path) -> None:
        self._begun = folder / "begun"
        self._journal = Journal(folder / "pushed.jsonl", PushedJob)
        self._by_id: dict[JobId, PushedJob] = {}
        self._lock = threading.Lock()

    def find(self, here: JobId) -> PushedJob | None:
        """What is known of a job; None if it was not pushed."""
        with self._lock:
            if here not in self._by_id:
                self._by_id.update((job.here, job) for job in self._journal.new_records())
            return self._by_id.get(here)

    def end(self, job: PushedJob) -> None:
        """Note that a job is there."""
        if self.find(job.here) != job:
            with self._lock:
                self._journal.add([job])
                self._by_id[job.here] = job
        self.drop(job.here)

    def begun(self, here: JobId) -> BegunJob | None:
        """What is known of a job that was begun."""
        try:
            return msgspec.json.decode(self._place(here).read_bytes(), type=BegunJob)
        except (FileNotFoundError, ValueError):
            return None

    def begin(self, job: BegunJob) -> None:
        """Note that a job is about to be begun, or how it is."""
        self._begun.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self._begun / f".{random_token(8)}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(job))
            file.flush()
            os.fsync(descriptor)
        new.rename(self._place(job.here))

    def drop(self, here: JobId) -> None:
        """Forget that a job was begun."""
        self._place(here).unlink(missing_ok=True)

    def _place(self, here: JobId) -> Path:
        return self._begun / f"{here}.json"
