"""``work``: a compute client."""

import logging
import signal
from pathlib import Path

import click

from dendro_local.cli.log_lines import show_log
from dendro_local.cli.machine_options import machine_options, slots_and_capacity
from dendro_local.cli.options import container_option
from dendro_local.cli.output import say, show_count
from dendro_local.cli.signals import on_first_signal
from dendro_local.client.default_hub import default_hub
from dendro_local.compute import ComputeClient
from dendro_local.compute.containers import configured_runtime
from dendro_local.hub import JobQuery

__all__ = ["work"]

logger = logging.getLogger(__name__)


@click.command()
@click.option("--exit-when-idle", is_flag=True, help="End when nothing runs and nothing can start.")
@machine_options
@container_option
@click.pass_context
def work(
    ctx: click.Context,
    exit_when_idle: bool,
    cpus: int | None,
    memory: float | None,
    gpus: int | None,
    slots_file: Path | None,
    container: str | None,
) -> None:
    """Run pending jobs until stopped.

    Ctrl-C stops it, and the jobs that run, which are then pending again. SIGTERM stops it alone,
    as for a restart: the jobs go on, and the next `work` goes on with them. One line for each job
    that starts or ends goes to stderr.
    """
    show_log(ctx, "INFO")
    hub = default_hub()
    slots, capacity = slots_and_capacity(slots_file, cpus, gpus, memory)
    runtime = configured_runtime(container, is_eager=True)
    client = ComputeClient(hub, slots=slots, capacity=capacity, runtime=runtime)
    logger.info(
        "running jobs of %s%s with %s, %s and %g GB; Ctrl-C stops",
        hub.place,
        "" if runtime.name == "process" else f" in containers ({runtime.name})",
        show_count(capacity.num_cpus, "CPU"),
        show_count(capacity.num_gpus, "GPU"),
        capacity.memory_gb,
    )
    with on_first_signal(lambda number: client.stop(leave_running=number == signal.SIGTERM)):
        client.serve(is_done=lambda: exit_when_idle)
    logger.info("stopped")
    left = hub.find_jobs(JobQuery(status="pending", limit=1)) if exit_when_idle else []
    if left:
        say(f"Not all jobs could start. `dendro-local why {left[0].jobId}` says why one could not.")
