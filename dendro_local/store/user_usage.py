"""What the finished jobs of users have used, as sums: they cost the same among a million jobs.

Each job is added when it ends, and once more to the sums of deleted jobs when it is deleted. One
that never began to run has used nothing and does not count.
"""

from dendro_local.model import Usage, UserStats
from dendro_local.store.connection import Connections

__all__ = ["UserUsage"]

add_job = """
with job as (
    select user_id, compute_client_user_id, num_cpus, num_gpus, memory_gb,
        (finished_at - started_at) / 3600.0 as hours
    from jobs
    where number = :number and status in ('completed', 'failed') and finished_at >= started_at
)
insert into user_usage (user_id, kind, num_jobs, cpu_hours, gpu_hours, gb_hours, job_hours)
select user_id, 'consumed' || :suffix, 1,
    num_cpus * hours, num_gpus * hours, memory_gb * hours, hours
from job
union all
select compute_client_user_id, 'provided' || :suffix, 1,
    num_cpus * hours, num_gpus * hours, memory_gb * hours, hours
from job where compute_client_user_id is not null
on conflict (user_id, kind) do update set
    num_jobs = num_jobs + excluded.num_jobs,
    cpu_hours = cpu_hours + excluded.cpu_hours,
    gpu_hours = gpu_hours + excluded.gpu_hours,
    gb_hours = gb_hours + excluded.gb_hours,
    job_hours = job_hours + excluded.job_hours
"""

usage_of_user = """
select kind, num_jobs, cpu_hours, gpu_hours, gb_hours, job_hours
from user_usage where user_id = ?
"""


class UserUsage:
    """The sums of a store. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, number: int) -> None:
        """Count a job that has just ended."""
        self._connections.get().execute(add_job, {"number": number, "suffix": ""})

    def add_deleted(self, number: int) -> None:
        """Count a job, if it had ended, among those that are deleted; before it is."""
        self._connections.get().execute(add_job, {"number": number, "suffix": "_deleted"})

    def of(self, user_id: str) -> UserStats:
        """What a user's jobs used, and what jobs used on the user's compute clients."""
        found = {
            row[0]: Usage(
                numJobs=row[1], cpuHours=row[2], gpuHours=row[3], gbHours=row[4], jobHours=row[5]
            )
            for row in self._connections.get().execute(usage_of_user, (user_id,))
        }
        nothing = Usage()
        consumed_deleted = found.get("consumed_deleted", nothing)
        provided_deleted = found.get("provided_deleted", nothing)
        return UserStats(
            consumed=_less(found.get("consumed", nothing), consumed_deleted),
            provided=_less(found.get("provided", nothing), provided_deleted),
            consumedDeleted=consumed_deleted,
            providedDeleted=provided_deleted,
        )


def _less(all_jobs: Usage, deleted: Usage) -> Usage:
    """The part of the jobs that are still there."""
    num_jobs = all_jobs.numJobs - deleted.numJobs
    if num_jobs <= 0:
        return Usage()  # sums of fractions may differ in their last digits
    return Usage(
        numJobs=num_jobs,
        cpuHours=max(0.0, all_jobs.cpuHours - deleted.cpuHours),
        gpuHours=max(0.0, all_jobs.gpuHours - deleted.gpuHours),
        gbHours=max(0.0, all_jobs.gbHours - deleted.gbHours),
        jobHours=max(0.0, all_jobs.jobHours - deleted.jobHours),
    )
