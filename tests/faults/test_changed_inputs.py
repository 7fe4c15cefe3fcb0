"""What a job reads is what was submitted, or it does not run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.asking import run
from tests.faults.conftest import JobMaker

pytestmark = pytest.mark.process

READ = """
print("started")
Path = __import__("pathlib").Path
Path("out.txt").write_text(Path(input.download()).read_text())
output.upload("out.txt")
"""


def edit(file: Path) -> None:
    file.write_text("other content")


def replace(file: Path) -> None:
    new = file.with_name("new")
    new.write_text("same size!")
    new.replace(file)


def make_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edit, "has changed since the job was submitted"),
        (replace, "has changed since the job was submitted"),
        (Path.unlink, "There is no file"),
        (make_a_folder, "is a folder"),
    ],
)
def test_an_input_that_changed_after_submit_fails_the_job_before_its_app_starts(
    job_of: JobMaker, tmp_path: Path, change: Callable[[Path], None], words: str
) -> None:
    file = tmp_path / "spikes.txt"
    file.write_text("ten bytes!")
    job = job_of(READ, inputs={"input": file})

    change(file)
    run(job)

    assert job.status == "failed"
    assert "Input 'input' is not there any more" in str(job.error)
    assert str(file) in str(job.error)
    assert words in str(job.error)
    assert "Submit the job with the file as it is now" in str(job.error)
    assert job.console() == ""


def test_an_input_that_was_only_touched_is_as_good_as_before(
    job_of: JobMaker, tmp_path: Path
) -> None:
    file = tmp_path / "spikes.txt"
    file.write_text("ten bytes!")
    job = job_of(READ, inputs={"input": file})

    file.touch()
    run(job)

    assert (job.status, job.error) == ("completed", None)
    assert job.get_output("output").read_text() == "ten bytes!"
