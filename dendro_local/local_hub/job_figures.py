"""How many jobs there are and how they get on, for whoever watches a hub."""

from collections.abc import Mapping
from typing import get_args

from dendro_local.local_hub.parts import Part
from dendro_local.model import JobStatus
from dendro_local.store.job_figures import EndedJobs

__all__ = ["JobFigures"]

LOOKED_AT = 1_000
"""So many ended jobs of one time are looked at one by one."""


class JobFigures(Part):
    """Figures that cost the same however many jobs there are."""

    def count_up_to(self, most: int) -> Mapping[JobStatus, int]:
        """How many jobs there are of each status, none counted further than ``most``."""
        statuses: tuple[JobStatus, ...] = get_args(JobStatus)
        with self.store.reading():
            return {status: self.store.job_figures.count(status, most) for status in statuses}

    def ended_between(self, status: JobStatus, since: float, until: float) -> EndedJobs:
        """The jobs that ended with a status between two moments, and how long they waited."""
        with self.store.reading():
            return self.store.job_figures.ended(status, since, until, LOOKED_AT)
