"""Pruning by the user whose hub it is: what would go, and its going."""

import msgspec

from dendro_local.errors import InvalidRequest, NotAllowed
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.pruning import PrunePlan, PruneRules

__all__ = ["planned", "prune"]


def planned(
    hub: LocalHub, user_id: str, rules: PruneRules, ended_by: float | None = None
) -> PrunePlan:
    """What would go by some rules.

    Args:
        hub: whose store.
        user_id: who asks.
        rules: to which jobs.
        ended_by: of those, only jobs that ended at this moment or before, in seconds since the
            Unix epoch: whoever was shown the others at that time was not shown later ones.

    Raises:
        NotAllowed: it is not the hub's own user who asks.
        InvalidRequest: there is no rule.
    """
    if user_id != hub.user_id:
        raise NotAllowed("Only the user whose hub this is may prune it.")
    if rules == PruneRules():
        raise InvalidRequest("Say what to prune: there is no rule, so that everything would go.")
    plan = hub.plan_prune(rules)
    if ended_by is None:
        return plan
    jobs = [job for job in plan.jobs if job.finished_at <= ended_by]
    if len(jobs) == len(plan.jobs):
        return plan
    # What two jobs hold goes with the last of them: the sum is of those that are left as they are.
    freed = sum(job.freed_bytes for job in jobs)
    return msgspec.structs.replace(plan, jobs=jobs, freed_bytes=freed)


def prune(
    hub: LocalHub, user_id: str, rules: PruneRules, ended_by: float | None = None
) -> PrunePlan:
    """Remove what would go, as `planned`; what was removed."""
    return hub.prune(planned(hub, user_id, rules, ended_by))
