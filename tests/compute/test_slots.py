"""What of the machine each job gets: slots, CPUs and GPUs."""

import json
import os
import re
import stat
from pathlib import Path

import pytest

from dendro_local.compute.gpu_meter import GpuMeter, gpu_use
from dendro_local.compute.gpus import (
    GpuPool,
    gpu_environment,
    machine_gpu_ids,
    note_gpus,
    noted_gpus,
)
from dendro_local.compute.slots import limited, read_slots, total_of
from dendro_local.compute.usage_log import read_usage
from dendro_local.errors import InvalidRequest
from dendro_local.local_hub import LocalHub
from dendro_local.matching import Capacity, free_slots
from dendro_local.model import ComputeSlot, RequiredResources
from tests.compute.lab import submit, wait_until, working
from tests.conftest import AppMaker

SMALL = ComputeSlot(numCpus=1, numGpus=0, memoryGb=2, timeSec=60, multiplicity=2)
LARGE = ComputeSlot(numCpus=4, numGpus=1, memoryGb=16, timeSec=3600)
MACHINE = Capacity(num_cpus=4, num_gpus=2, memory_gb=16)


def needing(num_cpus: int = 1, num_gpus: int = 0, memory_gb: float = 1) -> RequiredResources:
    return RequiredResources(numCpus=num_cpus, numGpus=num_gpus, memoryGb=memory_gb, timeSec=60)


# Slots


@pytest.mark.parametrize(
    ("running", "free"),
    [
        ([], [SMALL, LARGE]),
        ([needing()], [SMALL, LARGE]),
        ([needing(), needing()], [LARGE]),
        ([needing(4)], [SMALL]),
        ([needing(), needing(), needing()], []),
        ([needing(99)], [SMALL, LARGE]),
    ],
)
def test_a_job_takes_the_smallest_slot_that_it_fits(
    running: list[RequiredResources], free: list[ComputeSlot]
) -> None:
    assert free_slots([SMALL, LARGE], running) == free


def test_slots_are_read_as_the_contract_has_them(tmp_path: Path) -> None:
    file = tmp_path / "slots.json"
    file.write_text(
        '[{"numCpus": 4, "numGpus": 1, "memoryGb": 16, "timeSec": 3600, "minNumCpus": 2, '
        '"minNumGpus": 0, "minMemoryGb": 0.5, "minTimeSec": 0, "multiplicity": 3}]'
    )

    [slot] = read_slots(file)

    assert (slot.numGpus, slot.minNumCpus, slot.minMemoryGb, slot.multiplicity) == (1, 2, 0.5, 3)


def test_the_slots_in_the_docs_are_slots(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "compute-client.md"
    [shown] = re.findall(r"^```json\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "slots.json").write_text(shown)

    slots = read_slots(tmp_path / "slots.json")

    assert [slot.multiplicity for slot in slots] == [4, 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "has no compute slots"),
        ("{", "is no list of compute slots"),
        ('[{"numCPUs": 1}]', "unknown field `numCPUs`"),
        ('[{"numCpus": 1, "numGpus": 0, "memoryGb": 1}]', "missing required field `timeSec`"),
        (
            '[{"numCpus": 1, "numGpus": 0, "memoryGb": 1, "timeSec": 1, "multiplicity": 0}]',
            "slot 1 can take no job: multiplicity is 0",
        ),
        (
            '[{"numCpus": 1, "numGpus": 0, "memoryGb": 1, "timeSec": 1, "minNumCpus": 2}]',
            "slot 1 can take no job: minNumCpus is 2, numCpus only 1",
        ),
        (
            '[{"numCpus": 1, "numGpus": 0, "memoryGb": 0, "timeSec": 1}]',
            "slot 1 can take no job: memoryGb is 0",
        ),
    ],
)
def test_slots_that_no_job_could_fit_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "slots.json").write_text(text)

    with pytest.raises(InvalidRequest, match=words):
        read_slots(tmp_path / "slots.json")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="none.json cannot be read: No such file"):
        read_slots(tmp_path / "none.json")


def test_the_slots_say_what_all_jobs_together_may_have_but_for_gpus_that_are_not_there() -> None:
    many = [SMALL, LARGE, LARGE, LARGE]

    assert total_of(many, MACHINE) == Capacity(num_cpus=14, num_gpus=2, memory_gb=52)
    assert total_of(many, Capacity(num_cpus=4, num_gpus=0, memory_gb=16)).num_gpus == 3


def test_no_slot_is_larger_than_what_there_is() -> None:
    [slot] = limited([LARGE], Capacity(num_cpus=2, num_gpus=0, memory_gb=8))

    assert (slot.numCpus, slot.numGpus, slot.memoryGb, slot.timeSec) == (2, 0, 8, 3600)


WAITING = """
    import os

    SHOWN = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")

    @app.processor
    def show(n: int):
        '''Shows what it may use.'''
        print([os.environ.get(name) for name in SHOWN])

    @app.processor
    def wait(mine: str, others: str):
        '''Shows what it may use, and waits for another job to run, or for whoever lets it end.'''
        print(os.environ["CUDA_VISIBLE_DEVICES"])
        open(mine, "w").close()
        while not os.path.exists(others):
            pass
"""


@pytest.mark.process
def test_no_more_jobs_run_at_once_than_there_are_slots_for_them(
    hub: LocalHub, make_app: AppMaker, tmp_path: Path
) -> None:
    hub.add_app(str(make_app("mine", WAITING)), "lab")
    small = ComputeSlot(numCpus=1, numGpus=0, memoryGb=2, timeSec=60)
    large = ComputeSlot(numCpus=4, numGpus=0, memoryGb=8, timeSec=60, minNumCpus=2)
    first, end = tmp_path / "first", tmp_path / "end"
    with working(hub, slots=[small, large], capacity=Capacity(num_cpus=9, num_gpus=0, memory_gb=9)):
        running = submit("wait", mine=str(first), others=str(end))
        wait_until(hub, first.exists)
        waiting = submit("show", n=1)
        passing = submit("show", num_cpus=2, n=2).wait_until_done()

        assert passing.status == "completed"
        assert hub.get_job(hub.job_id(waiting.jobId)).status == "pending"
        assert "is busy; the job starts when a slot is free" in waiting.why()
        end.touch()
        assert waiting.wait_until_done().status == "completed"
        assert running.wait_until_done().status == "completed"


# CPUs and GPUs


@pytest.mark.process
def test_numerical_libraries_take_no_more_cpus_than_the_job_has(
    hub: LocalHub, make_app: AppMaker
) -> None:
    hub.add_app(str(make_app("mine", WAITING)), "lab")
    with working(hub, capacity=MACHINE):
        consoles = [
            submit("show", num_cpus=num_cpus, n=num_cpus).wait_until_done().console()
            for num_cpus in (1, 3)
        ]

    assert consoles == ["['1', '1', '']\n", "['3', '3', '']\n"]


@pytest.mark.process
def test_jobs_that_run_at_once_have_gpus_of_their_own(
    hub: LocalHub, make_app: AppMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    hub.add_app(str(make_app("mine", WAITING)), "lab")
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    with working(hub, capacity=MACHINE):
        pair = [
            submit("wait", num_gpus=1, mine=a, others=b),
            submit("wait", num_gpus=1, mine=b, others=a),
        ]
        both = submit("show", num_gpus=2, n=1)
        none = submit("show", n=2)

        assert {job.wait_until_done().console().strip() for job in pair} == {"5", "7"}
        assert json.loads(both.wait_until_done().console().replace("'", '"'))[2] == "5,7"
        assert json.loads(none.wait_until_done().console().replace("'", '"'))[2] == ""


def test_gpus_are_free_again_in_their_order() -> None:
    pool = GpuPool(2, ["0", "1", "2"])
    first, second = pool.take(1), pool.take(1)

    pool.give_back(second)
    pool.give_back(first)

    assert (first, second) == (("0",), ("1",))
    assert pool.take(2) == ("0", "1")


def test_gpus_that_a_running_job_has_are_not_given_again() -> None:
    pool = GpuPool(2, [])

    pool.reserve(["0"])

    assert pool.take(2) == ("1",)
    pool.give_back(["0"])
    assert pool.take(1) == ("0",)


def test_whoever_goes_on_with_a_job_learns_which_gpus_it_has(tmp_path: Path) -> None:
    assert noted_gpus(tmp_path) == ()

    note_gpus(tmp_path, ("0", "GPU-ab"))

    assert noted_gpus(tmp_path) == ("0", "GPU-ab")


@pytest.mark.parametrize(("visible", "ids"), [("", []), ("-1", []), ("2, GPU-ab", ["2", "GPU-ab"])])
def test_only_gpus_that_this_process_sees_are_given_out(
    monkeypatch: pytest.MonkeyPatch, visible: str, ids: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert machine_gpu_ids() == ids


def test_numbers_of_gpus_mean_what_nvidia_smi_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(variable, raising=False)

    assert gpu_environment(["0", "2"]) == {
        "CUDA_VISIBLE_DEVICES": "0,2",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }
    assert gpu_environment([]) == {"CUDA_VISIBLE_DEVICES": ""}


SMI = """#!/bin/sh
echo "0, GPU-aaaa, 12, 100"
echo "1, GPU-bbbb, 75, 2048"
echo "2, GPU-cccc, [N/A], [N/A]"
"""


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What tells of the GPUs of a machine that has none."""
    script = tmp_path / "bin" / "nvidia-smi"
    script.parent.mkdir()
    script.write_text(SMI)
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return script


@pytest.mark.process
def test_gpus_are_known_by_number_and_by_uuid(nvidia_smi: Path) -> None:
    gpus = GpuMeter().read()

    use = gpu_use(["1", "GPU-aaaa", "2"], gpus)

    assert use is not None
    assert (use.loads, use.memoryUsed) == ([0.75, 0.12], [2048 << 20, 100 << 20])


@pytest.mark.process
def test_who_does_not_answer_is_not_asked_again(nvidia_smi: Path) -> None:
    nvidia_smi.write_text("#!/bin/sh\nexit 9\n")
    meter = GpuMeter()
    assert meter.read() == {}

    nvidia_smi.write_text(SMI)

    assert meter.read() == {}


@pytest.mark.process
def test_the_log_of_a_job_tells_of_its_own_gpus(
    hub: LocalHub, make_app: AppMaker, nvidia_smi: Path, tmp_path: Path
) -> None:
    hub.add_app(str(make_app("mine", WAITING)), "lab")
    end = tmp_path / "end"
    with working(hub, capacity=MACHINE):
        submit("show", num_gpus=1, n=1).wait_until_done()
        job = submit("wait", num_gpus=1, mine=str(tmp_path / "mine"), others=str(end))
        wait_until(hub, lambda: hub.usage(hub.job_id(job.jobId)) != b"")
        end.touch()
        job.wait_until_done()

    gpu = read_usage(hub.usage(hub.job_id(job.jobId)))[0].gpu
    assert gpu is not None
    assert list(gpu.loads) == [0.12]
