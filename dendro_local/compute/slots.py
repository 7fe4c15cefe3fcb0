"""The compute slots of this machine: where they are from, and which of them are free."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.matching import Capacity
from dendro_local.model import ComputeSlot

__all__ = ["SLOTS_FILE", "limited", "read_slots", "total_of"]

SLOTS_FILE = "slots.json"
"""The file in the folder of a store whose slots `dendro-local work` takes if none are given."""

_decode = msgspec.json.Decoder(list[ComputeSlot]).decode


def read_slots(file: Path) -> list[ComputeSlot]:
    """The slots in a file: a JSON list of the contract's ``computeSlots``.

    Raises:
        InvalidRequest: it cannot be read, or has no slots in it that a job could fit.
    """
    try:
        slots = _decode(file.read_bytes())
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InvalidRequest(
            f"{file} is no list of compute slots: {error}. A slot is an object such as "
            '{"numCpus": 2, "numGpus": 0, "memoryGb": 8, "timeSec": 3600, "multiplicity": 4}.'
        ) from error
    if not slots:
        raise InvalidRequest(f"{file} has no compute slots, so that no job could run.")
    for number, slot in enumerate(slots, start=1):
        fault = _fault(slot)
        if fault is not None:
            raise InvalidRequest(f"{file}: slot {number} can take no job: {fault}.")
    return slots


def total_of(slots: Sequence[ComputeSlot], machine: Capacity) -> Capacity:
    """What the slots have together: what all jobs together may have.

    Whoever writes them down may promise more CPUs and memory than the machine has, but there are
    no more GPUs than there are. (A machine that does not tell of any may have some all the same.)
    """
    num_gpus = sum(slot.numGpus * slot.multiplicity for slot in slots)
    return Capacity(
        num_cpus=sum(slot.numCpus * slot.multiplicity for slot in slots),
        num_gpus=min(num_gpus, machine.num_gpus or num_gpus),
        memory_gb=sum(slot.memoryGb * slot.multiplicity for slot in slots),
    )


def limited(slots: Iterable[ComputeSlot], capacity: Capacity) -> list[ComputeSlot]:
    """The slots, none of them larger than what there is for all jobs together."""
    return [
        msgspec.structs.replace(
            slot,
            numCpus=min(slot.numCpus, capacity.num_cpus),
            numGpus=min(slot.numGpus, capacity.num_gpus),
            memoryGb=min(slot.memoryGb, capacity.memory_gb),
        )
        for slot in slots
    ]


def _fault(slot: ComputeSlot) -> str | None:
    """Why no job could fit a slot; None if one could."""
    if slot.multiplicity < 1:
        return f"multiplicity is {slot.multiplicity}"
    ranges = (
        ("numCpus", slot.numCpus, "minNumCpus", slot.minNumCpus),
        ("numGpus", slot.numGpus, "minNumGpus", slot.minNumGpus),
        ("memoryGb", slot.memoryGb, "minMemoryGb", slot.minMemoryGb),
        ("timeSec", slot.timeSec, "minTimeSec", slot.minTimeSec),
    )
    for name, most, least_name, least in ranges:
        if most < 0 or (most == 0 and name != "numGpus"):
            return f"{name} is {most:g}"
        if least > most:
            return f"{least_name} is {least:g}, {name} only {most:g}"
    return None
