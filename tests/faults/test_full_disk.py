"""A full disk gives one clear error, loses nothing, and is over when there is room again."""

import resource
from pathlib import Path

import pytest

from tests.conftest import AppMaker
from tests.faults.small_disk import run_on_small_disk

pytestmark = pytest.mark.process

needs_prlimit = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="an app cannot fill the disk of its compute client"
)

WRITER = """
import os
from pathlib import Path
from tests.faults.small_disk import small_disk


def write(size: int) -> str:
    print("writing", size)
    Path("out.bin").write_bytes(os.urandom(size))
    return "out.bin"


@app.processor
def too_much(output: OutputFile) -> None:
    output.upload(write(64 << 20))


@app.processor
def much(output: OutputFile) -> None:
    if os.environ["SMALL_DISK_KIND"] == "limit":  # the app may write what the store may not
        import resource
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    output.upload(write(6 << 20))


@app.processor
def fill(output: OutputFile, size: int) -> None:
    output.upload(write(size))
    mark = Path(os.environ["FILL_MARK"])
    if not mark.exists():
        mark.touch()
        small_disk().fill_from_app(but_bytes=2 * 4096)  # its result still goes in


@app.processor
def crash(output: OutputFile) -> None:
    try:
        write(64 << 20)
    except OSError:
        os._exit(3)
"""


@pytest.fixture
def writer(make_app: AppMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a script does first to have an app that needs much room."""
    monkeypatch.setenv("FILL_MARK", str(tmp_path / "mark"))
    folder = make_app("writer", WRITER)
    return f"""
default_hub().add_app({str(folder)!r}, "lab")

def work(processor, **parameters):
    return submit(define(processor, app="writer", parameters=parameters), service="lab")
"""


def test_a_store_cannot_be_made_on_a_full_disk(tmp_path: Path) -> None:
    script = """
disk.fill()
with refused(full, str(store), "Free some" if full is DiskFull else "Check its disk"):
    hello()
disk.empty()
check_whole(store)
check_blobs(store)
"""
    run_on_small_disk(script, tmp_path / "disk")


def test_a_full_disk_during_submit_leaves_no_job(tmp_path: Path) -> None:
    script = """
from dendro_local.hub import JobQuery
made = [run(hello())]
disk.fill()
with refused(full, str(store), "othing was changed"):
    for _ in range(100):  # what is left of the last page takes some
        made.append(hello())
disk.empty()
found = default_hub().find_jobs(JobQuery())
assert {job.jobId for job in found} == {job.jobId for job in made}
check_whole(store)
check_blobs(store)
"""
    run_on_small_disk(script, tmp_path / "disk")


def test_a_full_disk_when_a_job_would_start_is_told_to_who_waits(tmp_path: Path) -> None:
    script = """
job = hello()
disk.fill()
with refused(full, str(store), "othing was changed"):
    job.wait_until_done(wait_sec=30)
disk.empty()
assert job.wait_until_done(wait_sec=30).status == "completed"
check_whole(store)
check_blobs(store)
"""
    run_on_small_disk(script, tmp_path / "disk")


def test_a_full_disk_during_an_output_fails_the_job_in_the_systems_words(
    tmp_path: Path, writer: str
) -> None:
    script = """
job = run(work("too_much"))
assert job.status == "failed"
assert disk.system_error in job.error, job.error
assert job.console().startswith(f"writing {64 << 20}"), job.console()
assert list((store / "jobs").iterdir()) == []
check_whole(store)
check_blobs(store)
"""
    run_on_small_disk(writer + script, tmp_path / "disk")


def test_an_app_that_crashes_on_a_full_disk_is_told_that_no_room_was_left(
    tmp_path: Path, writer: str
) -> None:
    script = """
job = run(work("crash"))
assert job.status == "failed"
assert "exit code 3." in job.error, job.error
assert disk.is_limit or "No room is left on the disk" in job.error, job.error
check_whole(store)
check_blobs(store)
"""
    run_on_small_disk(writer + script, tmp_path / "disk")


def test_a_full_disk_during_the_move_into_blobs_fails_the_job_and_leaves_no_part(
    tmp_path: Path, writer: str
) -> None:
    script = """
import shutil, subprocess, tempfile
hello().cancel()
blobs = store / "blobs"
blobs.rmdir()
with tempfile.TemporaryDirectory(dir="/dev/shm") as other_disk:
    blobs.symlink_to(other_disk)
    if disk.is_limit:
        disk.limit(0, 1 << 20)
    else:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "blobs", other_disk], check=True)
    job = run(work("much"))
    assert job.status == "failed"
    assert "room is left" in job.error or "limits" in job.error, job.error
    assert job.console() == f"writing {6 << 20}\\n"
    kept = [file for file in Path(other_disk).rglob("*") if file.is_file()]
    assert [file.stat().st_size for file in kept] == [len(job.console())]
    check_whole(store)
    if not disk.is_limit:
        subprocess.run(["umount", other_disk], check=True)
"""
    run_on_small_disk(writer + script, tmp_path / "disk")


@needs_prlimit
def test_a_disk_that_the_job_itself_filled_at_the_commit_has_room_for_its_failure(
    tmp_path: Path, writer: str
) -> None:
    script = """
job = work("fill", size=1 << 20)
if not disk.is_limit:  # a limit does not end when files are removed: see the next test
    run(job)
    assert job.status == "failed"
    assert "No room is left on the disk" in job.error, job.error
    assert job.console() == f"writing {1 << 20}\\n"
    disk.empty()
    check_whole(store)
    check_blobs(store)
"""
    run_on_small_disk(writer + script, tmp_path / "disk")


@needs_prlimit
def test_a_full_disk_at_the_commit_is_told_to_who_waits_and_the_job_runs_again(
    tmp_path: Path, writer: str
) -> None:
    script = """
job = work("fill", size=1)
with refused(full, str(store), "othing was changed"):
    job.wait_until_done(wait_sec=30)
disk.empty()
assert job.wait_until_done(wait_sec=30).status == "completed"
assert len(job.get_output("output").read_bytes()) == 1
check_whole(store)
check_blobs(store)
"""
    run_on_small_disk(writer + script, tmp_path / "disk")
