"""Slots, capacity, and why a job waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dendro_local.matching import Capacity, LiveClient, misfits, slot_fits, why_waiting
from dendro_local.model import ComputeSlot, RequiredResources

SLOT = ComputeSlot(numCpus=4, numGpus=1, memoryGb=16, timeSec=3600, minNumCpus=2)


def wanted(
    cpus: int = 2, gpus: int = 0, memory: float = 8, seconds: float = 60
) -> RequiredResources:
    return RequiredResources(numCpus=cpus, numGpus=gpus, memoryGb=memory, timeSec=seconds)


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        (wanted(), []),
        (wanted(cpus=4, gpus=1, memory=16, seconds=3600), []),
        (wanted(cpus=5), ["needs 5 CPUs, the slot has 4"]),
        (wanted(gpus=2), ["needs 2 GPUs, the slot has 1"]),
        (wanted(memory=16.5), ["needs 16.5 GB of memory, the slot has 16"]),
        (wanted(seconds=3601), ["needs 3601 seconds, the slot has 3600"]),
        (wanted(cpus=1), ["needs 1 CPUs, the slot is for 2 or more"]),
    ],
)
def test_a_slot_takes_what_lies_within_its_limits(
    resources: RequiredResources, says: list[str]
) -> None:
    assert misfits(SLOT, resources) == says
    assert slot_fits(SLOT, resources) == (not says)


@given(st.lists(st.integers(0, 4), max_size=8))
def test_jobs_that_the_capacity_holds_never_take_more_than_there_is(cpus: list[int]) -> None:
    free = Capacity(num_cpus=8, num_gpus=0, memory_gb=100)
    taken = 0
    for count in cpus:
        if free.holds(wanted(cpus=count)):
            free = free.minus(wanted(cpus=count))
            taken += count

    assert taken <= 8
    assert free.num_cpus == 8 - taken


def client(name: str = "desk", *slots: ComputeSlot) -> LiveClient:
    return LiveClient(compute_client_id=f"id-of-{name}", name=name, slots=slots or (SLOT,))


@pytest.mark.parametrize(
    ("resources", "targets", "clients", "says"),
    [
        (wanted(), None, [], "No compute client is running on this store"),
        (wanted(), ["*"], [client()], "desk is busy"),
        (wanted(), ["id-of-desk"], [client()], "desk is busy"),
        (wanted(), ["other"], [client()], "only run on compute client other, which is not alive"),
        (wanted(cpus=64), None, [client()], "desk: needs 64 CPUs, the slot has 4"),
        (wanted(cpus=64), None, [client("a"), client("b")], "a: needs .* | b: needs"),
    ],
)
def test_why_a_job_waits_is_always_told(
    resources: RequiredResources, targets: list[str] | None, clients: list[LiveClient], says: str
) -> None:
    found = why_waiting(resources, targets, clients)

    assert says.partition(".*")[0] in found
