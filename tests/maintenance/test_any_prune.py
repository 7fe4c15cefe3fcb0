"""Whatever the jobs and the rules: nobody who stays loses a byte, and no byte stays for nobody."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.pruning import PruneRules
from dendro_local.model import Job, JobDefinition, JobId, JobOutputFile, JobParameter
from tests.hub.conftest import RESOURCES, Worker
from tests.maintenance.conftest import DAY, blobs_on_disk, findings, finish


class Plan(NamedTuple):
    """A job to be made: how it ends, what it leaves, and which of those before it depends on."""

    end: str
    output: bytes
    console: bytes
    parents: frozenset[int]
    days_ago: int
    is_pinned: bool


CONTENTS = st.sampled_from([b"a" * 10, b"b" * 100, b"c" * 1000])
PLANS = st.builds(
    Plan,
    end=st.sampled_from(["completed", "completed", "completed", "failed", "pending"]),
    output=CONTENTS,
    console=st.just(b"") | CONTENTS,
    parents=st.frozensets(st.integers(0, 5), max_size=2),
    days_ago=st.integers(0, 3),
    is_pinned=st.sampled_from([False, False, False, True]),
)
RULES = st.builds(
    PruneRules,
    older_than_sec=st.none() | st.sampled_from([0.0, 0.5 * DAY, 1.5 * DAY]),
    larger_than_bytes=st.none() | st.sampled_from([0, 500]),
    status=st.sampled_from([None, None, "completed", "failed"]),
    recomputable=st.booleans(),
    to_size_bytes=st.none() | st.sampled_from([0, 200, 1100]),
)


@contextmanager
def store_of(plans: list[Plan]) -> Iterator[tuple[LocalHub, list[Job]]]:
    with tempfile.TemporaryDirectory() as folder:
        hub = LocalHub(Path(folder) / "store")
        try:
            worker = Worker(hub, Path(folder) / "worker")
            jobs: list[Job] = []
            for number, plan in enumerate(plans):
                jobs.append(made(hub, worker, plan, number, jobs))
            hub.pin([job.jobId for plan, job in zip(plans, jobs, strict=True) if plan.is_pinned])
            yield hub, jobs
        finally:
            hub.close()


def made(hub: LocalHub, worker: Worker, plan: Plan, number: int, before: list[Job]) -> Job:
    parents = [before[each].jobId for each in sorted(plan.parents) if each < len(before)]
    parents = [each for each in parents if hub.get_job(each).status == "completed"]
    [job] = hub.submit([request(number, parents)])
    if plan.end == "pending":
        hub.set_running(worker.claim())
        return job
    if plan.end == "completed":
        worker.complete(worker.claim(), plan.output, plan.console)
    else:
        worker.fail(worker.claim())
    finish(hub, job, days_ago=plan.days_ago)
    return job


def request(number: int, parents: list[JobId]) -> NewJob:
    return NewJob(
        serviceName="hello_world_service",
        jobDefinition=JobDefinition(
            appName="hello_world",
            processorName="hello_world_2",
            inputFiles=[],
            outputFiles=[JobOutputFile(name="output", fileBaseName="output.txt")],
            parameters=[JobParameter(name="name", value=str(number))],
        ),
        requiredResources=msgspec.structs.replace(RESOURCES, numCpus=0, memoryGb=0.001),
        jobDependencies=parents,
    )


def kept_by_right(hub: LocalHub, plans: list[Plan], jobs: list[Job]) -> set[str]:
    """Pinned and unfinished jobs, and all that they depend on."""
    waiting = [
        job.jobId
        for plan, job in zip(plans, jobs, strict=True)
        if plan.is_pinned or plan.end == "pending"
    ]
    found: set[str] = set()
    while waiting:
        job_id = waiting.pop()
        found.add(job_id)
        waiting += hub.get_job(job_id).jobDependencies
    return found


def bytes_on_disk(hub: LocalHub) -> int:
    return sum(hub.store.blobs.path(digest).stat().st_size for digest in blobs_on_disk(hub))


@settings(max_examples=40)
@given(plans=st.lists(PLANS, min_size=1, max_size=6), rules=st.lists(RULES, min_size=1, max_size=2))
def test_after_any_prune_records_and_bytes_fit_together(
    plans: list[Plan], rules: list[PruneRules]
) -> None:
    with store_of(plans) as (hub, jobs):
        protected = kept_by_right(hub, plans, jobs)
        files = {job_id: hub.store.jobs.by_id(JobId(job_id)) for job_id in protected}
        for each in rules:
            before = bytes_on_disk(hub)
            plan = hub.plan_prune(each)
            pruned = hub.prune(plan)

            assert pruned == plan
            assert not protected & {job.job_id for job in pruned.jobs}
            assert before - bytes_on_disk(hub) == pruned.freed_bytes
            assert [found for found in findings(hub) if found.check != "claim_abandoned"] == []
            if each.to_size_bytes is not None:
                assert hub.plan_prune(each).jobs == []
        for job_id, stored in files.items():
            assert hub.store.jobs.by_id(JobId(job_id)) == stored
            held = hub.store.upkeep.holders.held_by(stored.number) if stored else set()
            assert held <= blobs_on_disk(hub)
