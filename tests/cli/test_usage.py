"""`job --usage` and `work --slots`: what a job used, and what it may use."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from dendro_local.cli.chart import Span, chart_lines, mean_of, peak_of, round_ceiling
from dendro_local.compute.usage_log import (
    CpuUse,
    DiskCounters,
    GpuUse,
    MemoryUse,
    NetworkCounters,
    UsageSample,
    usage_line,
)
from dendro_local.hub import NewJob, RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.matching import Capacity
from dendro_local.model import ComputeSlot, JobDefinition, RequiredResources
from tests.cli.conftest import LIMIT_SEC, Run, RunInTerminal, RunJson, Start, Submit, WaitFor

GIB = 1 << 30
MB = 1_000_000
SPANS = [Span(0, 1, 1.0), Span(1, 2, 4.0), Span(2, 4, 2.0)]

MeasuredJob = Callable[[Sequence[UsageSample]], str]


# Charts


def test_a_chart_shows_each_value_for_as_long_as_it_held() -> None:
    lines = chart_lines(
        SPANS,
        width=21,
        height=2,
        ceiling=4,
        show_value=lambda value: f"{value:g} x",
        show_time=lambda seconds: f"{seconds:g} s",
    )

    assert lines == [
        "4 x ┤    ████",
        "    ┤▄▄▄▄████████████",
        "0 x └────────────────",
        "     0            4 s",
    ]


def test_a_peak_that_is_shorter_than_a_column_is_shown() -> None:
    spans = [Span(n, n + 1, 8.0 if n == 500 else 0.0) for n in range(1000)]

    top = chart_lines(
        spans, width=20, height=1, ceiling=8, show_value=lambda _: "", show_time=lambda _: ""
    )[0]

    assert top.count("█") == 1


def test_the_mean_counts_how_long_a_value_held() -> None:
    assert mean_of(SPANS) == 2.25
    assert peak_of(SPANS) == 4


@pytest.mark.parametrize(
    ("value", "unit", "ceiling"), [(0, 1, 1), (7, 1, 8), (101, 1, 150), (1.2 * GIB, GIB, 1.5 * GIB)]
)
def test_a_scale_ends_at_a_round_number(value: float, unit: float, ceiling: float) -> None:
    assert round_ceiling(value, unit) == ceiling


# Jobs


def sample(number: int, *, with_gpu: bool = False) -> UsageSample:
    """The sample after so many seconds of a job that computes, reads and holds ever more."""
    return UsageSample(
        timestamp=number,
        cpu=CpuUse(percent=100.0 * number),
        virtual_memory=MemoryUse(total=9 * GIB, available=GIB, percent=1.0, used=number * GIB),
        disk_io_counters=DiskCounters(read_bytes=number * 3 * MB),
        net_io_counters=NetworkCounters(bytes_recv=5 * MB + number * MB),
        gpu=GpuUse(loads=[0.5, 1.0]) if with_gpu else None,
        scope="job",
    )


@pytest.fixture
def measured_job(hub: LocalHub, tmp_path: Path) -> MeasuredJob:
    """A completed job with this log, whose times count from its start; no app has run."""

    def make(samples: Sequence[UsageSample]) -> str:
        needs = RequiredResources(numCpus=1, numGpus=0, memoryGb=4, timeSec=60)
        definition = JobDefinition(
            appName="hello_world",
            processorName="hello_world_1",
            inputFiles=[],
            outputFiles=[],
            parameters=[],
        )
        hub.submit(
            [
                NewJob(
                    serviceName="hello_world_service",
                    jobDefinition=definition,
                    requiredResources=needs,
                )
            ]
        )
        slots = [ComputeSlot(numCpus=1, numGpus=0, memoryGb=4, timeSec=60)]
        run = hub.begin_run(slots, serves_all=True)
        claim = hub.claim_next(run, slots, Capacity(num_cpus=1, num_gpus=0, memory_gb=4))
        assert claim is not None
        hub.set_running(claim)
        begun = hub.get_job(claim.job.jobId).timestampStartedSec or 0.0
        log = tmp_path / "usage.jsonl"
        log.write_bytes(
            b"".join(
                usage_line(msgspec.structs.replace(each, timestamp=begun + each.timestamp))
                for each in samples
            )
        )
        hub.complete(claim, RunResult(usage=log))
        hub.end_run(run)
        return claim.job.jobId

    return make


def test_what_a_job_used_is_drawn_with_peak_and_mean(run: Run, measured_job: MeasuredJob) -> None:
    job = measured_job([sample(number) for number in (1, 2, 3)])

    shown = run("job", job[:8], "--usage").stdout

    for headline in (
        "CPU  peak 300 %, mean 200 %, 100 % is one CPU",
        "Memory  peak 3.00 GB, mean 2.00 GB, limit 4 GB",
        "Disk read  peak 3.0 MB/s, mean 3.0 MB/s, 9.0 MB in all",
        "Network of the machine, received  peak 1.0 MB/s, mean 1.0 MB/s, 2.0 MB in all",
    ):
        assert headline in shown.splitlines()
    assert "Disk write" not in shown  # nothing was written
    assert not any(line.startswith("GPU") for line in shown.splitlines())
    assert "300 % ┤" in shown
    assert "3.00 GB ┤" in shown
    assert shown.splitlines()[-1].endswith("2.00 s")


def test_each_gpu_of_a_job_is_drawn(run: Run, measured_job: MeasuredJob) -> None:
    job = measured_job([sample(1, with_gpu=True)])

    shown = run("job", job, "--usage").stdout

    assert "GPU 0  peak 50 %, mean 50 %" in shown
    assert "GPU 1  peak 100 %, mean 100 %" in shown


def test_the_samples_are_printed_as_json(run_json: RunJson, measured_job: MeasuredJob) -> None:
    samples = [sample(1), sample(2)]

    shown = run_json("job", measured_job(samples), "--usage")

    assert [{**each, "timestamp": 0} for each in shown] == [
        {**json.loads(usage_line(each)), "timestamp": 0} for each in samples
    ]
    assert shown[1]["timestamp"] - shown[0]["timestamp"] == pytest.approx(1)


def test_a_log_of_the_original_is_said_to_be_of_the_machine(
    run: Run, measured_job: MeasuredJob
) -> None:
    samples = [msgspec.structs.replace(sample(number), scope="machine") for number in (1, 2)]

    shown = run("job", measured_job(samples), "--usage").stdout

    assert "CPU of the machine  peak 200 %, mean 150 %\n" in shown
    assert "Memory of the machine  peak 2.00 GB" in shown
    # Its counters began with the machine: only what came between two samples is known.
    assert "Disk read of the machine  peak 3.0 MB/s, mean 3.0 MB/s, 3.0 MB in all" in shown


def test_a_job_of_which_nothing_was_measured_says_why(run: Run, submit: Submit) -> None:
    pending = submit("hello_world_1")
    assert "is pending: it has used nothing yet" in run("job", pending, "--usage").stderr

    short = submit("hello_world_2", "--wait")

    result = run("job", short, "--usage")
    assert result.stdout == ""
    assert "it was too short" in result.stderr
    assert json.loads(run("job", short, "--usage", "--json").stdout) == []


@pytest.mark.process
@pytest.mark.parametrize("columns", ["60", "120"])
def test_charts_fit_the_terminal(
    run_in_terminal: RunInTerminal, measured_job: MeasuredJob, columns: str
) -> None:
    job = measured_job([sample(number) for number in range(1, 200)])

    code, shown = run_in_terminal("job", job, "--usage", COLUMNS=columns, NO_COLOR="1")

    assert code == 0
    charts = [line for line in shown.splitlines() if "┤" in line or "└" in line]
    assert max(map(len, charts)) == int(columns)


# Slots


def slots_json(num_cpus: int, memory_gb: float) -> str:
    return json.dumps([{"numCpus": num_cpus, "numGpus": 0, "memoryGb": memory_gb, "timeSec": 60}])


@pytest.mark.process
def test_work_offers_the_slots_of_the_file(
    start: Start, run_json: RunJson, submit: Submit, wait_for: WaitFor, tmp_path: Path
) -> None:
    file = tmp_path / "lab.json"
    file.write_text(slots_json(3, 0.5))
    job = submit("hello_world_1", "--memory", "0.5", "--time", "60")
    start("work", "--slots", str(file), "--cpus", "2")
    wait_for(job, "completed")

    [client] = run_json("info")["store"]["compute_clients"]

    [slot] = client["slots"]
    assert (slot["numCpus"], slot["memoryGb"], slot["timeSec"]) == (2, 0.5, 60)


@pytest.mark.process
def test_work_takes_the_slots_that_lie_in_the_store(
    start: Start, submit: Submit, store_folder: Path
) -> None:
    job = submit("hello_world_1", "--memory", "4")
    (store_folder / "slots.json").write_text(slots_json(1, 0.5))

    log = start("work", "--exit-when-idle").communicate(timeout=LIMIT_SEC)[1]

    assert "with 1 CPU, 0 GPUs and 0.5 GB" in log
    assert f"`dendro-local why {job}` says why" in log


def test_slots_that_cannot_be_used_end_work_at_once(
    run: Run, store_folder: Path, submit: Submit
) -> None:
    submit("hello_world_1")
    (store_folder / "slots.json").write_text("[]")

    assert "slots.json has no compute slots" in run("work", code=3).stderr
