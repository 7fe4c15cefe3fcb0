"""Why jobs are as they are, kept for when it is asked again: finding it out takes some time."""

import time

from dendro_local.lifecycle import TERMINAL
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job, JobId

__all__ = ["ShownWhys"]

MOST_JOBS = 500
KEEP_SEC = 1.0
"""What a job waits for changes with others."""


class ShownWhys:
    """Why jobs are as they are. Safe for use by many threads."""

    def __init__(self) -> None:
        self._known: dict[JobId, tuple[float | None, float, str]] = {}

    def get(self, hub: LocalHub, job: Job) -> str:
        """Why a job is as it is, in words; of one that is not finished, as of a second ago."""
        now = time.monotonic()
        known = self._known.get(job.jobId)
        if known is not None:
            updated_at, found_at, words = known
            is_fresh = job.status in TERMINAL or now - found_at < KEEP_SEC
            if is_fresh and updated_at == job.timestampUpdatedSec:
                return words
        words = hub.why(job.jobId)
        if len(self._known) >= MOST_JOBS:
            self._known = {}
        self._known[job.jobId] = (job.timestampUpdatedSec, now, words)
        return words
