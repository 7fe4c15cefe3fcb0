"""Which job fits which slot, which runnable job is next, and why a job waits.

Pure: everything that is known comes in as values, and the answer is a value or words.
"""

from collections.abc import Iterable, Sequence

import msgspec

from dendro_local.model import ComputeSlot, RequiredResources

__all__ = ["Capacity", "LiveClient", "free_slots", "misfits", "slot_fits", "why_waiting"]


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a machine there is to share among the jobs that run at once."""

    num_cpus: int
    num_gpus: int
    memory_gb: float

    def minus(self, used: RequiredResources) -> "Capacity":
        """What is left when a job takes its share."""
        return Capacity(
            num_cpus=self.num_cpus - used.numCpus,
            num_gpus=self.num_gpus - used.numGpus,
            memory_gb=self.memory_gb - used.memoryGb,
        )

    def holds(self, wanted: RequiredResources) -> bool:
        """Whether a job's share is there."""
        return (
            wanted.numCpus <= self.num_cpus
            and wanted.numGpus <= self.num_gpus
            and wanted.memoryGb <= self.memory_gb
        )


class LiveClient(msgspec.Struct, frozen=True, kw_only=True):
    """A compute client that is alive, as far as matching needs to know it."""

    compute_client_id: str
    name: str
    slots: Sequence[ComputeSlot]


def slot_fits(slot: ComputeSlot, wanted: RequiredResources) -> bool:
    """Whether a job may run in a slot: within its limits, and not too small for it."""
    return not misfits(slot, wanted)


def free_slots(
    slots: Sequence[ComputeSlot], running: Iterable[RequiredResources]
) -> list[ComputeSlot]:
    """The kinds of slots of which there is one more, given what runs.

    Each running job takes the smallest slot that it fits, so that the large ones stay free for
    those that need them.

    Args:
        slots: all of them.
        running: what the jobs that run need, in the order in which they began.
    """
    left = [slot.multiplicity for slot in slots]
    by_size = sorted(range(len(slots)), key=lambda number: _size(slots[number]))
    for wanted in running:
        for number in by_size:
            if left[number] > 0 and slot_fits(slots[number], wanted):
                left[number] -= 1
                break
    return [slot for slot, count in zip(slots, left, strict=True) if count > 0]


def misfits(slot: ComputeSlot, wanted: RequiredResources) -> list[str]:
    """In what a slot does not suit a job, in words; empty when it does."""
    rows = (
        ("CPUs", wanted.numCpus, slot.minNumCpus, slot.numCpus),
        ("GPUs", wanted.numGpus, slot.minNumGpus, slot.numGpus),
        ("GB of memory", wanted.memoryGb, slot.minMemoryGb, slot.memoryGb),
        ("seconds", wanted.timeSec, slot.minTimeSec, slot.timeSec),
    )
    found: list[str] = []
    for unit, want, least, most in rows:
        if want > most:
            found.append(f"needs {want:g} {unit}, the slot has {most:g}")
        elif want < least:
            found.append(f"needs {want:g} {unit}, the slot is for {least:g} or more")
    return found


def why_waiting(
    wanted: RequiredResources,
    targets: Sequence[str] | None,
    clients: Sequence[LiveClient],
) -> str:
    """Why a runnable job has not started, in words that say what to do.

    Args:
        wanted: what the job needs.
        targets: ids of the compute clients that may run it; None or ``*`` means any.
        clients: the compute clients that are alive.
    """
    if not clients:
        return (
            "No compute client is running on this store. `dendro-local work` starts one; a "
            "script that waits for the job runs it too."
        )
    allowed = [
        client
        for client in clients
        if not targets or "*" in targets or client.compute_client_id in targets
    ]
    if not allowed:
        alive = ", ".join(client.name for client in clients)
        return (
            f"It may only run on compute client {' or '.join(targets or ())}, which is not alive. "
            f"Alive: {alive}."
        )
    reasons: list[str] = []
    for client in allowed:
        per_slot = [misfits(slot, wanted) for slot in client.slots]
        if not all(per_slot):
            return f"Compute client {client.name} is busy; the job starts when a slot is free."
        reasons += [f"{client.name}: {'; '.join(slot)}" for slot in per_slot]
    return (
        "No slot of a running compute client is large enough: "
        + " | ".join(dict.fromkeys(reasons))
        + ". Ask for less, or start `dendro-local work` with larger slots."
    )


def _size(slot: ComputeSlot) -> tuple[float, ...]:
    return (slot.numGpus, slot.memoryGb, slot.numCpus, slot.timeSec)
