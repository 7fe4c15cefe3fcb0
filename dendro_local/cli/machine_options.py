"""Options that say how much of the machine jobs may use."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from dendro_local.cli.number_types import NumberRange, WholeNumberRange
from dendro_local.compute import machine_capacity, machine_slots
from dendro_local.compute.slots import SLOTS_FILE, limited, read_slots, total_of
from dendro_local.config import store_folder
from dendro_local.matching import Capacity
from dendro_local.model import ComputeSlot

__all__ = ["machine_options", "slots_and_capacity"]

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--cpus",
        metavar="N",
        type=WholeNumberRange(min=1),
        show_default="the machine's",
        help="CPUs for all jobs together.",
    ),
    click.option(
        "--memory",
        metavar="GB",
        type=NumberRange(min=0, min_open=True),
        show_default="the machine's",
        help="Memory for all jobs together, in GB.",
    ),
    click.option(
        "--gpus",
        metavar="N",
        type=WholeNumberRange(min=0),
        show_default="the machine's",
        help="GPUs for all jobs together.",
    ),
    click.option(
        "--slots",
        "slots_file",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        show_default=f"{SLOTS_FILE} in the store's folder; else one job may have the whole machine",
        help="What one job may have, and how many run at once: a JSON list of compute slots.",
    ),
)


def machine_options(command: _Decorated) -> _Decorated:
    """``--cpus``, ``--memory``, ``--gpus`` and ``--slots``, for `slots_and_capacity`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def slots_and_capacity(
    file: Path | None, cpus: int | None, gpus: int | None, memory_gb: float | None
) -> tuple[list[ComputeSlot], Capacity]:
    """What one job may have, and what all jobs together may have.

    The slots of the file, by default that of the store, or else those of the machine, within
    what is given of it.
    """
    given = {"num_cpus": cpus, "num_gpus": gpus, "memory_gb": memory_gb}
    chosen = {name: value for name, value in given.items() if value is not None}
    if file is None and (kept := store_folder() / SLOTS_FILE).exists():
        file = kept
    machine = machine_capacity()
    if file is None:
        capacity = msgspec.structs.replace(machine, **chosen)
        return machine_slots(capacity), capacity
    slots = read_slots(file)
    capacity = msgspec.structs.replace(total_of(slots, machine), **chosen)
    return limited(slots, capacity), capacity
