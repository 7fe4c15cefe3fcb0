"""``work``: a compute client."""

import contextlib
import logging
import signal
from collections.abc import Generator
from pathlib import Path
from types import FrameType

import click
import msgspec

from dendro_local.cli.log_lines import show_log
from dendro_local.cli.output import say, show_count
from dendro_local.client.default_hub import default_hub
from dendro_local.compute import ComputeClient, machine_capacity, machine_slots
from dendro_local.compute.slots import SLOTS_FILE, limited, read_slots, total_of
from dendro_local.config import store_folder
from dendro_local.hub import JobQuery
from dendro_local.matching import Capacity
from dendro_local.model import ComputeSlot

__all__ = ["work"]

logger = logging.getLogger(__name__)

SIGNALS = tuple(
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if name in signal.Signals.__members__  # Windows has no SIGHUP
)


@click.command()
@click.option("--exit-when-idle", is_flag=True, help="End when nothing runs and nothing can start.")
@click.option(
    "--cpus",
    metavar="N",
    type=click.IntRange(min=1),
    show_default="the machine's",
    help="CPUs for all jobs together.",
)
@click.option(
    "--memory",
    metavar="GB",
    type=click.FloatRange(min=0, min_open=True),
    show_default="the machine's",
    help="Memory for all jobs together, in GB.",
)
@click.option(
    "--gpus",
    metavar="N",
    type=click.IntRange(min=0),
    show_default="the machine's",
    help="GPUs for all jobs together.",
)
@click.option(
    "--slots",
    "slots_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    show_default=f"{SLOTS_FILE} in the store's folder; else one job may have the whole machine",
    help="What one job may have, and how many run at once: a JSON list of compute slots.",
)
@click.pass_context
def work(
    ctx: click.Context,
    exit_when_idle: bool,
    cpus: int | None,
    memory: float | None,
    gpus: int | None,
    slots_file: Path | None,
) -> None:
    """Run pending jobs until stopped.

    Ctrl-C stops it, and the jobs that run, which are then pending again. SIGTERM stops it alone,
    as for a restart: the jobs go on, and the next `work` goes on with them. One line for each job
    that starts or ends goes to stderr.
    """
    show_log(ctx, "INFO")
    hub = default_hub()
    slots, capacity = _slots_and_capacity(slots_file, cpus, gpus, memory)
    client = ComputeClient(hub, slots=slots, capacity=capacity)
    logger.info(
        "running jobs of %s with %s, %s and %g GB; Ctrl-C stops",
        store_folder(),
        show_count(capacity.num_cpus, "CPU"),
        show_count(capacity.num_gpus, "GPU"),
        capacity.memory_gb,
    )
    with _stopped_by_signals(client):
        client.serve(is_done=lambda: exit_when_idle)
    logger.info("stopped")
    left = hub.find_jobs(JobQuery(status="pending", limit=1))
    if left and exit_when_idle:
        say(f"Not all jobs could start. `dendro-local why {left[0].jobId}` says why one could not.")


def _slots_and_capacity(
    file: Path | None, cpus: int | None, gpus: int | None, memory_gb: float | None
) -> tuple[list[ComputeSlot], Capacity]:
    """The slots of the file, or those of the machine, within what is given of it."""
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


@contextlib.contextmanager
def _stopped_by_signals(client: ComputeClient) -> Generator[None]:
    """Let the first signal stop the work in order, and a second one at once."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: each for number, each in before.items() if each is not signal.SIG_IGN}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def on_signal(number: int, frame: FrameType | None) -> None:
        restore()
        client.stop(leave_running=number == signal.SIGTERM)

    for number in before:  # not those that are ignored: nohup means it
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        restore()
