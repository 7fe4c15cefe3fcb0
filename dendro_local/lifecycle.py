"""Which status of a job may follow which, and who may move it there.

``pending -> starting -> running -> completed | failed``. A job that its compute client lost goes
back to pending. One that need not run, since an equal one has given its outputs, goes from pending
to completed. Completed and failed are final.
"""

from collections.abc import Mapping

from dendro_local.errors import Conflict
from dendro_local.model import JobStatus

__all__ = ["ACTIVE", "STEPS", "TERMINAL", "check_step", "requeue_or_fail"]

STEPS: Mapping[JobStatus, frozenset[JobStatus]] = {
    "pending": frozenset({"starting", "completed", "failed"}),
    "starting": frozenset({"running", "failed", "pending"}),
    "running": frozenset({"completed", "failed", "pending"}),
    "completed": frozenset(),
    "failed": frozenset(),
}

ACTIVE: frozenset[JobStatus] = frozenset({"starting", "running"})
"""Statuses in which a compute client holds the job."""

TERMINAL: frozenset[JobStatus] = frozenset({"completed", "failed"})
"""Statuses that are final."""


def check_step(job_id: str, now: JobStatus, then: JobStatus) -> None:
    """Refuse a step that the table does not have.

    Raises:
        Conflict: the step is not allowed; names both statuses.
    """
    if then not in STEPS[now]:
        final = ", which is final" if now in TERMINAL else ""
        raise Conflict(f"Job {job_id} cannot become {then}: it is {now}{final}.")


def requeue_or_fail(attempts: int, max_attempts: int) -> JobStatus:
    """What becomes of a job whose compute client died: pending again, or failed."""
    return "pending" if attempts < max_attempts else "failed"
