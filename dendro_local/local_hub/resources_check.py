"""Refusing resources that the contract cannot carry or that no job can have."""

from dendro_local.errors import InvalidRequest
from dendro_local.model import RequiredResources

__all__ = ["check_resources"]

_NUMBERS = (int, float)
_TOO_MUCH = 2**53  # beyond it whole numbers cannot be told apart, and SQLite takes no int


def check_resources(resources: RequiredResources) -> None:
    """Refuse resources that the contract cannot carry or that no job can have.

    Raises:
        InvalidRequest: says which field and what it must be.
    """
    cpus, gpus, memory, seconds = (
        resources.numCpus,
        resources.numGpus,
        resources.memoryGb,
        resources.timeSec,
    )
    if (
        type(cpus) is type(gpus) is int
        and type(memory) in _NUMBERS
        and type(seconds) in _NUMBERS
        and 0 <= cpus < _TOO_MUCH
        and 0 <= gpus < _TOO_MUCH
        and 0 < memory < _TOO_MUCH
        and 0 < seconds < _TOO_MUCH
    ):
        return
    for field, kinds, kind in (
        ("numCpus", (int,), "a whole number, 0 or more"),
        ("numGpus", (int,), "a whole number, 0 or more"),
        ("memoryGb", _NUMBERS, "a number of GB, more than 0"),
        ("timeSec", _NUMBERS, "a number of seconds, more than 0"),
    ):
        value = getattr(resources, field)
        is_number = type(value) in kinds
        if not is_number or not 0 <= value < _TOO_MUCH or (value == 0 and len(kinds) > 1):
            raise InvalidRequest(f"requiredResources.{field} is {kind}; not {value!r}.")
