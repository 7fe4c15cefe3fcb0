"""What ``job --usage`` shows: how much a job used over time, as charts."""

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import click

from dendro_local.cli.chart import Span, chart_lines, mean_of, peak_of, round_ceiling
from dendro_local.cli.output import print_json, say, show_duration, show_size
from dendro_local.compute.usage_log import UsageSample, read_usage
from dendro_local.hub import Hub
from dendro_local.lifecycle import TERMINAL
from dendro_local.model import Job

__all__ = ["show_usage"]

GIB = 1 << 30
MIB = 1 << 20
HEIGHT = 4


class Chart(NamedTuple):
    """One chart: what it shows, how its values are written, and what its scale is."""

    title: str
    spans: Sequence[Span]
    show_value: Callable[[float], str]
    unit: float
    """What round values of the scale are multiples of."""
    note: str = ""
    least_ceiling: float = 0.0


def show_usage(hub: Hub, job: Job, *, as_json: bool) -> None:
    """Print what a job has used so far."""
    samples = read_usage(hub.usage(job.jobId))
    if as_json:
        print_json(samples)
        return
    if not samples:
        say(_why_nothing(job))
        return
    click.echo(f"Job {job.jobId} ({job.status})")
    width = shutil.get_terminal_size().columns
    for chart in _charts(job, samples):
        click.echo(f"\n{_headline(chart)}")
        for line in chart_lines(
            chart.spans,
            width=width,
            height=HEIGHT,
            ceiling=round_ceiling(max(peak_of(chart.spans), chart.least_ceiling), chart.unit),
            show_value=chart.show_value,
            show_time=show_duration,
        ):
            click.echo(line)


def _why_nothing(job: Job) -> str:
    if job.status == "pending":
        return f"Job {job.jobId} is pending: it has used nothing yet."
    if job.status not in TERMINAL:
        return f"Job {job.jobId} has just begun: what it uses is measured after a second."
    return (
        f"Nothing was measured of job {job.jobId} ({job.status}): it was too short. What a job "
        "uses is measured from its first second on."
    )


def _headline(chart: Chart) -> str:
    peak, mean = chart.show_value(peak_of(chart.spans)), chart.show_value(mean_of(chart.spans))
    parts = [f"peak {peak}", f"mean {mean}", *([chart.note] if chart.note else [])]
    return f"{click.style(chart.title, bold=True)}  {', '.join(parts)}"


def _charts(job: Job, samples: Sequence[UsageSample]) -> Iterator[Chart]:
    """The charts of what was measured."""
    is_of_job = samples[0].scope == "job"
    whose = "" if is_of_job else " of the machine"
    begin = _begin(job, samples[0])
    needs = job.requiredResources
    cpu = _spans(begin, samples, [sample.cpu.percent for sample in samples])
    yield Chart(f"CPU{whose}", cpu, _percent, 1.0, "100 % is one CPU" if is_of_job else "", 100.0)
    memory = _spans(begin, samples, [float(sample.virtual_memory.used) for sample in samples])
    limit = f"limit {needs.memoryGb:g} GB" if is_of_job else ""
    unit, show = (GIB, _gigabytes) if peak_of(memory) >= GIB else (MIB, _megabytes)
    yield Chart(f"Memory{whose}", memory, show, unit, limit)
    yield from _disk_charts(begin if is_of_job else None, samples, whose)
    yield from _network_charts(samples)
    yield from _gpu_charts(begin, samples)


def _disk_charts(
    begin: float | None, samples: Sequence[UsageSample], whose: str
) -> Iterator[Chart]:
    counted = [(each.timestamp, each.disk_io_counters) for each in samples]
    known = [(at, disk) for at, disk in counted if disk is not None]
    start = [] if begin is None else [(begin, 0)]  # a job's own counters begin at nothing
    yield from _rate(f"Disk read{whose}", [*start, *((at, disk.read_bytes) for at, disk in known)])
    yield from _rate(
        f"Disk write{whose}", [*start, *((at, disk.write_bytes) for at, disk in known)]
    )


def _network_charts(samples: Sequence[UsageSample]) -> Iterator[Chart]:
    counted = [(each.timestamp, each.net_io_counters) for each in samples]
    known = [(at, network) for at, network in counted if network is not None]
    name = "Network of the machine"
    yield from _rate(f"{name}, received", [(at, network.bytes_recv) for at, network in known])
    yield from _rate(f"{name}, sent", [(at, network.bytes_sent) for at, network in known])


def _gpu_charts(begin: float, samples: Sequence[UsageSample]) -> Iterator[Chart]:
    known = [(sample, sample.gpu.loads) for sample in samples if sample.gpu is not None]
    for number in range(max((len(loads) for _, loads in known), default=0)):
        loads = [100 * each[number] if number < len(each) else 0.0 for _, each in known]
        spans = _spans(begin, [sample for sample, _ in known], loads)
        yield Chart(f"GPU {number}", spans, _percent, 1.0, "", 100.0)


def _begin(job: Job, first: UsageSample) -> float:
    """When the job began; for a log from elsewhere, no later than its first sample."""
    begun = job.timestampStartedSec
    return begun if begun is not None and begun < first.timestamp else first.timestamp - 1.0


def _spans(begin: float, samples: Sequence[UsageSample], values: Sequence[float]) -> list[Span]:
    """Each value for the time up to its sample."""
    times = [begin, *(sample.timestamp for sample in samples)]
    pairs = itertools.pairwise(times)
    return [Span(left, right, value) for (left, right), value in zip(pairs, values, strict=True)]


def _rate(title: str, counted: Sequence[tuple[float, int]]) -> Iterator[Chart]:
    """The chart of how fast a counter rose; none if it did not."""
    spans = [
        Span(left, right, max(0, after - before) / (right - left))
        for (left, before), (right, after) in itertools.pairwise(counted)
        if right > left
    ]
    total = sum(round(span.value * (span.end - span.begin)) for span in spans)
    if total:
        unit, show = _rate_scale(peak_of(spans))
        yield Chart(title, spans, show, unit, f"{show_size(total)} in all")


def _rate_scale(peak: float) -> tuple[float, Callable[[float], str]]:
    """The unit in which a rate of bytes is shown, and how."""
    name, size = next(
        (unit for unit in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)) if peak >= unit[1]), ("B", 1.0)
    )
    digits = 0 if name == "B" else 1
    return size, lambda value: f"{value / size:.{digits}f} {name}/s"


def _percent(value: float) -> str:
    return f"{value:.0f} %"


def _megabytes(value: float) -> str:
    return f"{round(value / MIB, 1):g} MB"


def _gigabytes(value: float) -> str:
    """Memory in GB of 2^30 bytes, as jobs ask for it."""
    return f"{value / GIB:.2f} GB"
