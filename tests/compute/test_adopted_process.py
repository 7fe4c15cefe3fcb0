"""Which jobs whose compute client is gone can be gone on with."""

import os
from pathlib import Path

import psutil
import pytest

from dendro_local.compute.adopted_process import can_be_adopted
from dendro_local.compute.job_folder import AppResult, JobFolder


@pytest.fixture
def ended(tmp_path: Path) -> JobFolder:
    """The folder of a job whose app has ended."""
    folder = JobFolder(tmp_path / "job")
    folder.make()
    folder.write_result(AppResult(formatVersion=1, status="completed"))
    return folder


def test_a_job_that_has_ended_can_be_adopted(ended: JobFolder) -> None:
    assert can_be_adopted(ended)


def test_one_that_ended_before_the_machine_was_started_cannot(ended: JobFolder) -> None:
    before = psutil.boot_time() - 60
    os.utime(ended.root / "result.json", (before, before))

    assert not can_be_adopted(ended)


def test_one_that_neither_runs_nor_has_ended_cannot(ended: JobFolder) -> None:
    (ended.root / "result.json").unlink()

    assert not can_be_adopted(ended)
