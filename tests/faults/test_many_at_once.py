"""Several processes on one store: what happens at once happens as if one after the other."""

import gc
import os
import threading
from pathlib import Path

import pytest

from dendro_local.client.default_hub import default_hub
from dendro_local.hub import JobQuery
from tests.faults.asking import hello
from tests.faults.scripts import Script

pytestmark = pytest.mark.process


def at_once(number: int, code: str, folder: Path) -> list[str]:
    """What so many scripts print that go on together from the moment when all are ready."""
    meet = f"""
from tests.faults.scripts import wait_until
from pathlib import Path
import uuid
folder = Path({str(folder)!r})
(folder / uuid.uuid4().hex).touch()
wait_until(lambda: len(list(folder.iterdir())) == {number}, "the other scripts")
"""
    folder.mkdir()
    scripts = [Script(meet + code) for _ in range(number)]
    ends = [script.end() for script in scripts]
    assert [complaints for _, complaints in ends] == [""] * number
    return [printed for printed, _ in ends]


def test_of_a_hundred_equal_submissions_from_two_processes_one_job_results(
    whole_store: Path, tmp_path: Path
) -> None:
    code = "for _ in range(50): print(hello('the one').jobId)"

    printed = at_once(2, code, tmp_path / "meeting")

    job_ids = [line for text in printed for line in text.split()]
    assert len(job_ids) == 100
    assert set(job_ids) == {hello("the one").jobId}
    assert len(default_hub().find_jobs(JobQuery())) == 1


def test_of_many_processes_that_make_a_store_at_once_each_gets_the_same(
    whole_store: Path, tmp_path: Path
) -> None:
    printed = at_once(4, "print(hello('the one').jobId)", tmp_path / "meeting")

    assert set(printed) == {hello("the one").jobId + "\n"}


def test_a_job_that_several_processes_wait_for_runs_once(whole_store: Path, tmp_path: Path) -> None:
    code = "print(hello('the one').wait_until_done().timestampStartingSec)"

    printed = at_once(3, code, tmp_path / "meeting")

    assert len({text.split()[-1] for text in printed}) == 1
    assert [text.count("completed") for text in printed] == [1, 1, 1]


def test_threads_that_have_ended_keep_no_files_open(whole_store: Path) -> None:
    def submit_in_threads() -> int:
        for _ in range(20):
            thread = threading.Thread(target=hello, args=("the one",))
            thread.start()
            thread.join()
        return len(os.listdir("/dev/fd"))  # noqa: PTH208

    hello("the one")
    gc.collect()  # so that nothing that other tests left is closed meanwhile

    first, second = submit_in_threads(), submit_in_threads()

    assert second <= first


def test_a_process_with_thousands_of_open_files_can_still_wait(whole_store: Path) -> None:
    code = """
import resource
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 4000), limit))
files = [open(os.devnull) for _ in range(1100)]
assert hello().wait_until_done().status == "completed"
for file in files:
    file.close()
"""
    script = Script("import os\n" + code)

    assert script.end()[1] == ""
    assert script.process.returncode == 0


def test_a_forked_process_leaves_the_store_of_its_parent_whole(whole_store: Path) -> None:
    code = """
import os
job = hello("the parent")
for _ in range(3):
    child = os.fork()
    if child == 0:
        assert hello("the parent").jobId == job.jobId
        hello("the child")
        default_hub().close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
assert hello("the parent").wait_until_done().status == "completed"
assert hello("the child").wait_until_done().status == "completed"
"""
    script = Script(code)

    assert script.end()[1] == ""
    assert script.process.returncode == 0
