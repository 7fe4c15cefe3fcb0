"""A job keeps within the memory that it asked for, or fails and says how much it used."""

import re
import signal
from pathlib import Path

import pytest

from dendro_local.compute.job_watch import JobWatch
from dendro_local.compute.memory_cgroup import MemoryCgroup, MemoryCgroups, place_for_cgroups
from dendro_local.compute.memory_limit import (
    MeasuredMemory,
    ended_by_kernel,
    ended_near_limit,
    limit_bytes,
    over_limit,
)
from dendro_local.local_hub import LocalHub
from dendro_local.model import RequiredResources
from tests.compute.lab import submit, working
from tests.conftest import AppMaker

GIB = 1 << 30
RESOURCES = RequiredResources(numCpus=1, numGpus=0, memoryGb=4, timeSec=60)


# Words


def test_a_gb_of_a_limit_is_that_of_a_machines_memory() -> None:
    assert limit_bytes(RESOURCES) == 4 * GIB


def test_the_error_says_how_much_was_used() -> None:
    assert over_limit(int(5.2 * GIB), 4 * GIB) == (
        "The job used 5.2 GB of memory, more than its limit of 4 GB (memoryGb)."
    )


def test_more_than_the_limit_never_looks_equal_to_it() -> None:
    assert over_limit(4 * GIB + 1, 4 * GIB).startswith("The job used 4.01 GB of memory")


@pytest.mark.parametrize(
    ("used", "available", "words"),
    [
        (3.9, 20, "when last measured, it used 3.9 GB of its 4 GB of memory (memoryGb)"),
        (2, 0.5, "it used 2 GB of memory, and 0.5 GB of the machine's 32 GB were left"),
        (2, 20, None),
    ],
)
def test_a_kill_near_a_limit_is_explained(used: float, available: float, words: str | None) -> None:
    measured = MeasuredMemory(int(used * GIB), int(available * GIB), 32 * GIB)

    found = ended_near_limit(measured, 4 * GIB)

    assert found is None if words is None else words in (found or "")


# Measured


GREEDY = """
    import os
    import subprocess
    import sys
    import time

    CODE = "held = bytearray(os.urandom(1 << 20)) * 150; print('ready', flush=True); input()"

    @app.processor
    def work(runs: str, ends_by_kill: bool = False):
        '''Holds 150 MB in a process that it starts, and waits for it to end.'''
        with open(runs, "a") as file:
            file.write("x")
        child = subprocess.Popen(
            [sys.executable, "-c", "import os; " + CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        child.stdout.readline()
        if ends_by_kill:
            # The next measurement may have begun before all was held.
            enough = count_measurements() + 2
            while count_measurements() < enough:
                time.sleep(0.01)
            os.kill(os.getpid(), 9)
        child.wait()

    def count_measurements():
        log = os.path.join(os.environ["DENDRO_JOB_FOLDER"], "usage.jsonl")
        if not os.path.exists(log):
            return 0
        with open(log) as lines:
            return len(lines.readlines())
"""


@pytest.mark.process
def test_a_job_whose_processes_use_too_much_is_stopped(
    hub: LocalHub, make_app: AppMaker, tmp_path: Path
) -> None:
    hub.add_app(str(make_app("mine", GREEDY)), "lab")
    with working(hub):
        job = submit("work", memory_gb=0.1, runs=str(tmp_path / "runs")).wait_until_done()

    assert job.status == "failed"
    found = re.search(
        r"used (0\.\d+) GB of memory, more than its limit of 0.1 GB \(memoryGb\)", job.error or ""
    ) or re.search(r"used all of its (0.1) GB of memory \(memoryGb\)", job.error or "")
    assert found, job.error
    assert float(found[1]) >= 0.1


@pytest.mark.process
def test_a_job_that_is_killed_near_its_limit_says_what_it_used_and_is_not_run_again(
    hub: LocalHub, make_app: AppMaker, tmp_path: Path
) -> None:
    hub.add_app(str(make_app("mine", GREEDY)), "lab")
    runs = tmp_path / "runs"
    with working(hub):
        job = submit("work", memory_gb=0.19, runs=str(runs), ends_by_kill=True).wait_until_done()

    assert re.search(
        r"ended by SIGKILL; when last measured, it used 0\.1\d GB of its 0\.19 GB of memory",
        job.error or "",
    ), job.error
    assert runs.read_text() == "x"


# Control groups


def make_place(folder: Path, *, controllers: str = "cpu memory", shared: str = "memory") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.controllers").write_text(controllers)
    (folder / "cgroup.subtree_control").write_text(shared)
    return folder


def test_a_job_is_put_into_a_group_with_its_limit(tmp_path: Path) -> None:
    groups = MemoryCgroups(make_place(tmp_path))

    group = groups.hold(2**22 + 1, "job.1", 4 * GIB)

    assert group is not None
    files = {file.name: file.read_text() for file in (tmp_path / "dendro-job.1").iterdir()}
    assert files == {
        "memory.max": str(4 * GIB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cgroup.procs": str(2**22 + 1),
    }


@pytest.mark.parametrize(
    ("controllers", "shared", "are_possible"),
    [("cpu memory", "memory", True), ("cpu memory", "", True), ("cpu", "", False)],
)
def test_groups_are_made_where_memory_is_shared_out_or_may_be(
    tmp_path: Path, controllers: str, shared: str, are_possible: bool
) -> None:
    place = make_place(tmp_path, controllers=controllers, shared=shared)

    assert MemoryCgroups(place).are_possible is are_possible
    wanted = "+memory" if are_possible and not shared else shared
    assert (place / "cgroup.subtree_control").read_text() == wanted


def test_where_there_are_no_groups_nothing_is_done(tmp_path: Path) -> None:
    for place in (None, tmp_path / "none"):
        groups = MemoryCgroups(place)

        assert not groups.are_possible
        assert groups.hold(1, "job.1", GIB) is None


def test_a_group_that_cannot_be_made_is_not_tried_again(tmp_path: Path) -> None:
    groups = MemoryCgroups(make_place(tmp_path))
    (tmp_path / "dendro-job.1").touch()  # a file, so that there can be no folder

    assert groups.hold(1, "job.1", GIB) is None
    assert not groups.are_possible


@pytest.mark.parametrize(
    ("own", "root", "place"),
    [
        ("/user.slice/app.scope", "/", "user.slice"),
        ("/", "/", "."),
        ("/docker/1/app", "/docker/1", "."),
        ("/../elsewhere", "/", None),
    ],
)
@pytest.mark.skipif("sys.platform != 'linux'")
def test_a_group_is_made_beside_that_of_this_process(
    tmp_path: Path, own: str, root: str, place: str | None
) -> None:
    (tmp_path / "cgroup").write_text(f"4:memory:/old\n0::{own}\n")
    (tmp_path / "mountinfo").write_text(
        "25 30 0:23 / /sys rw - sysfs sysfs rw\n"
        f"35 25 0:30 {root} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
    )

    found = place_for_cgroups(tmp_path)

    assert found == (None if place is None else Path("/sys/fs/cgroup") / place)


@pytest.mark.parametrize(
    ("events", "exit_code", "reason"),
    [
        ("oom 1\noom_kill 2\n", -signal.SIGKILL, ended_by_kernel(4 * GIB)),
        ("oom 0\noom_kill 0\n", -signal.SIGKILL, None),
        ("oom 1\noom_kill 2\n", 0, None),
    ],
)
def test_a_job_that_the_system_ended_for_its_memory_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    events: str,
    exit_code: int,
    reason: str | None,
) -> None:
    monkeypatch.setattr("dendro_local.compute.memory_cgroup.REMOVAL_SEC", 0.0)

    class Groups(MemoryCgroups):
        """The system's part, of which a plain folder does nothing."""

        def hold(self, pid: int, name: str, limit: int) -> MemoryCgroup | None:
            group = super().hold(pid, name, limit)
            folder = tmp_path / f"dendro-{name}"
            for file in folder.iterdir():
                file.unlink()
            (folder / "memory.events").write_text(events)
            return group

    watch = JobWatch(
        2**22 + 1, tmp_path / "job.1", tmp_path / "log", RESOURCES, gpu_ids=(), stop=print
    )
    watch.hold(Groups(make_place(tmp_path)))

    assert watch.close(exit_code) == reason
