"""What jobs use is measured while they run, and kept with them."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import pytest

from dendro_local import DendroJob
from dendro_local.compute.job_watch import LOOK_SEC, sampling_interval_sec
from dendro_local.compute.memory_limit import shared_once_bytes
from dendro_local.compute.process_trees import JobProcess, ProcessTrees
from dendro_local.compute.usage_log import (
    CpuUse,
    DiskCounters,
    MemoryUse,
    NetworkCounters,
    UsageSample,
    read_usage,
    usage_line,
)
from dendro_local.local_hub import LocalHub
from tests.compute.lab import submit, wait_until, working
from tests.conftest import AppMaker

MIB = 1 << 20

SAMPLE = UsageSample(
    timestamp=1.5,
    cpu=CpuUse(percent=50.0),
    virtual_memory=MemoryUse(total=100, available=50, percent=10.0, used=10),
    disk_io_counters=DiskCounters(read_bytes=1),
    net_io_counters=NetworkCounters(bytes_sent=2),
    scope="job",
)

BUSY = """
    import os
    import subprocess
    import sys

    HOLD = "held = bytearray(os.urandom(1 << 20)) * 60; print('ready', flush=True); input()"

    @app.processor
    def work(flag: str):
        '''Computes, writes, and holds memory in a process of another session, until told to end.'''
        child = subprocess.Popen(
            [sys.executable, "-c", "import os; " + HOLD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        child.stdout.readline()
        with open("data", "wb") as file:
            file.write(os.urandom(1 << 23))
        while not os.path.exists(flag):
            sum(range(100_000))
        child.communicate(b"\\n")
"""


# The log


def test_a_line_has_the_keys_of_the_original() -> None:
    line = json.loads(usage_line(SAMPLE))

    assert {*line} == {
        "timestamp", "cpu", "virtual_memory", "disk_io_counters", "net_io_counters", "gpu", "scope",
    }  # fmt: skip
    assert {*line["cpu"]} == {"percent"}
    assert {*line["virtual_memory"]} == {
        "total", "available", "percent", "used", "free", "active", "inactive", "buffers", "cached",
        "shared", "slab",
    }  # fmt: skip
    assert {*line["disk_io_counters"]} == {
        "read_count", "write_count", "read_bytes", "write_bytes", "read_time", "write_time",
    }  # fmt: skip
    assert {*line["net_io_counters"]} == {
        "bytes_sent", "bytes_recv", "packets_sent", "packets_recv", "errin", "errout", "dropin",
        "dropout",
    }  # fmt: skip


def test_a_log_is_read_as_it_was_written() -> None:
    assert read_usage(usage_line(SAMPLE) * 2) == [SAMPLE, SAMPLE]


def test_a_log_of_the_original_is_read_with_its_empty_lines_and_a_cut_off_end() -> None:
    line = usage_line(SAMPLE).replace(b',"scope":"job"', b"")

    samples = read_usage(line + b"\n" + line + b"\n" + line[:40])

    assert [sample.scope for sample in samples] == ["machine", "machine"]


@pytest.mark.parametrize(
    ("age_sec", "interval_sec"),
    [(1, 1), (59, 1), (60, 5), (600, 10), (3600, 30), (86400, 120)],
)
def test_a_job_is_sampled_more_seldom_the_longer_it_runs(
    age_sec: float, interval_sec: float
) -> None:
    assert sampling_interval_sec(age_sec) == interval_sec


# Processes


@contextlib.contextmanager
def tree(code: str, folder: Path) -> Generator[int]:
    """A job's process that runs this code, which prints a line when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "DENDRO_JOB_FOLDER": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


FORKS = """
import os, sys
data = bytearray(os.urandom(1 << 20)) * 40
readable, writable = os.pipe()
for _ in range(4):
    if os.fork() == 0:
        os.write(writable, b"x")
        sys.stdin.read()
        os._exit(0)
for _ in range(4):
    os.read(readable, 1)
print(flush=True)
sys.stdin.read()
"""

DAEMON = """
import subprocess, sys
subprocess.run(
    [sys.executable, "-c", "import os, sys\\nif os.fork(): os._exit(0)\\nos.setsid()\\n"
     "print(os.getpid(), flush=True)\\nsys.stdin.read()"]
)
sys.stdin.read()
"""


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who shares memory")
def test_memory_that_processes_share_counts_once(tmp_path: Path) -> None:
    with tree(FORKS, tmp_path) as pid:
        trees = ProcessTrees()
        pids = trees.find([JobProcess(pid, tmp_path)])[pid]

        assert len(pids) == 5
        assert trees.use(pids).resident_bytes > 200 * MIB
        assert 40 * MIB < (shared_once_bytes(pids) or 0) < 90 * MIB


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows environments")
def test_a_process_that_left_its_parent_and_session_still_belongs_to_the_job(
    tmp_path: Path,
) -> None:
    trees = ProcessTrees()
    trees.find([JobProcess(os.getpid(), tmp_path / "other")])  # another job that was there before
    with tree(DAEMON, tmp_path) as pid:
        assert len(trees.find([JobProcess(pid, tmp_path)])[pid]) == 2


@pytest.mark.process
def test_two_jobs_are_told_apart(tmp_path: Path) -> None:
    code = "import sys; print(flush=True); sys.stdin.read()"
    with tree(code, tmp_path / "a") as first, tree(code, tmp_path / "b") as second:
        jobs = [JobProcess(first, tmp_path / "a"), JobProcess(second, tmp_path / "b")]

        assert ProcessTrees().find(jobs) == {first: [first], second: [second]}


# Jobs


@pytest.fixture
def log_of(hub: LocalHub) -> Callable[[str], list[UsageSample]]:
    return lambda job_id: read_usage(hub.usage(hub.job_id(job_id)))


@pytest.mark.process
def test_a_log_grows_while_the_job_runs_and_is_kept_with_it(
    hub: LocalHub,
    make_app: AppMaker,
    tmp_path: Path,
    log_of: Callable[[str], list[UsageSample]],
) -> None:
    hub.add_app(str(make_app("mine", BUSY)), "lab")
    flag = tmp_path / "flag"
    with working(hub):
        job = submit("work", flag=str(flag))
        # On a machine that has other work, a sample may come before there is much to see.
        wait_until(hub, lambda: _is_at_work(log_of(job.jobId)))
        flag.touch()
        assert job.wait_until_done().status == "completed", job.error

    samples = log_of(job.jobId)
    stored = hub.store.jobs.by_id(hub.job_id(job.jobId))
    assert stored is not None
    assert stored.files.usage is not None
    assert {sample.scope for sample in samples} == {"job"}
    assert _is_at_work(samples)
    if sys.platform == "linux" and not _is_in_memory(tmp_path):
        disks = [sample.disk_io_counters or DiskCounters() for sample in samples]
        assert disks[-1].write_bytes >= 8 * MIB
        assert [disk.write_bytes for disk in disks] == sorted(disk.write_bytes for disk in disks)


@pytest.mark.process
def test_what_a_canceled_job_used_is_kept(
    hub: LocalHub,
    make_app: AppMaker,
    tmp_path: Path,
    log_of: Callable[[str], list[UsageSample]],
) -> None:
    hub.add_app(str(make_app("mine", BUSY)), "lab")
    with working(hub):
        job = submit("work", flag=str(tmp_path / "never"))
        wait_until(hub, lambda: bool(log_of(job.jobId)))
        job.cancel()
        wait_until(hub, lambda: _keeps_usage(hub, job.jobId))

    assert log_of(job.jobId)


@pytest.mark.process
def test_nothing_is_kept_of_a_short_job(hub: LocalHub, make_app: AppMaker) -> None:
    body = "@app.processor\ndef work(number: int):\n    '''Works.'''\n"
    hub.add_app(str(make_app("mine", body)), "lab")
    with working(hub):
        jobs = (submit("work", number=number).wait_until_done() for number in range(20))
        job = next(job for job in jobs if _took_sec(job) < LOOK_SEC)

    assert job.status == "completed"
    assert hub.usage(hub.job_id(job.jobId)) == b""
    assert not _keeps_usage(hub, job.jobId)


@pytest.mark.process
def test_a_short_job_imports_nothing_to_measure_with(store_folder: Path) -> None:
    code = """
import sys
from dendro_local import *
job = submit_job(
    service_name="hello_world_service",
    job_definition=DendroJobDefinition(
        appName="hello_world", processorName="hello_world_1", inputFiles=[], outputFiles=[],
        parameters=[],
    ),
    required_resources=DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60),
    skip_cache=True,
)
job.wait_until_done()
print(job.timestampFinishedSec - job.timestampStartingSec)
print(job.status, [name for name in sys.modules if "psutil" in name or "sampler" in name])
"""

    def ends() -> Iterator[tuple[float, str]]:
        for _ in range(20):
            printed = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout
            *_, took_sec, end = printed.splitlines()
            yield float(took_sec), end

    assert next(end for took_sec, end in ends() if took_sec < LOOK_SEC) == "completed []"


def _is_at_work(samples: Sequence[UsageSample]) -> bool:
    """Whether they show what the busy job computes and holds."""
    return (
        len(samples) >= 2
        and max(sample.cpu.percent for sample in samples) > 20
        and max(sample.virtual_memory.used for sample in samples) > 60 * MIB
    )


def _took_sec(job: DendroJob) -> float:
    took_sec: float = job.timestampFinishedSec - job.timestampStartingSec
    return took_sec


def _keeps_usage(hub: LocalHub, job_id: str) -> bool:
    stored = hub.store.jobs.by_id(hub.job_id(job_id))
    return stored is not None and stored.files.usage is not None


def _is_in_memory(folder: Path) -> bool:
    """Whether what is written to a folder goes to no disk."""
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False
    )
    return kind.stdout.strip() in ("tmpfs", "ramfs")
