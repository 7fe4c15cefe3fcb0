"""Files of this machine as inputs: recorded by content, referenced where they lie."""

import os
from pathlib import Path

import pytest

from dendro_local import DendroJobInputFile
from dendro_local.client.definitions import base_name_like
from dendro_local.errors import InputUnavailable, InvalidDefinition
from tests.client.conftest import Submitter


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    file = tmp_path / "recording one.txt"
    file.write_text("spikes")
    return file


def local(file: Path) -> DendroJobInputFile:
    return DendroJobInputFile(name="input", path=file)


def test_the_app_reads_the_file_where_it_lies(
    submit: Submitter, recording: Path, store_folder: Path
) -> None:
    job = submit("count_characters", inputs=[local(recording)]).wait_until_done()

    assert job.get_output("output").json() == {"num_characters": len("spikes")}
    blobs = [file.read_bytes() for file in (store_folder / "blobs").rglob("*") if file.is_file()]
    assert b"spikes" not in blobs


def test_a_renamed_file_is_a_hit_and_an_edited_one_is_not(
    submit: Submitter, recording: Path
) -> None:
    first = submit("count_characters", inputs=[local(recording)])
    renamed = recording.rename(recording.with_name("renamed.txt"))

    again = submit("count_characters", inputs=[local(renamed)])
    renamed.write_text("more spikes")
    edited = submit("count_characters", inputs=[local(renamed)])

    assert again.jobId == first.jobId
    assert edited.jobId != first.jobId


def test_a_file_url_is_the_same_as_a_path(submit: Submitter, recording: Path) -> None:
    by_url = DendroJobInputFile(name="input", fileBaseName="input.txt", url=recording.as_uri())

    assert (
        submit("count_characters", inputs=[by_url]).jobId
        == submit("count_characters", inputs=[local(recording)]).jobId
    )


def test_the_name_that_the_app_sees_does_not_depend_on_the_files_name() -> None:
    assert base_name_like("input", "My Recording.nwb") == "input.nwb"
    assert base_name_like("input", "a.nwb.lindi.json") == "input.nwb.lindi.json"
    assert base_name_like("input", "v1.2.tar.gz") == "input.tar.gz"
    assert base_name_like("input", "README") == "input"


def test_a_file_that_is_not_there_is_named_at_submit(submit: Submitter, tmp_path: Path) -> None:
    with pytest.raises(InputUnavailable, match=r"no file .*missing\.nwb"):
        submit("count_characters", inputs=[local(tmp_path / "missing.nwb")])
    with pytest.raises(InputUnavailable, match="is a folder"):
        submit("count_characters", inputs=[local(tmp_path)])


def test_a_file_that_changed_before_the_run_fails_the_job_and_is_named(
    submit: Submitter, recording: Path
) -> None:
    job = submit("count_characters", inputs=[local(recording)])
    recording.write_text("edited")

    job.wait_until_done()

    assert job.status == "failed"
    assert f"{recording} has changed" in (job.error or "")
    assert job.console() == ""


def test_a_file_that_vanished_before_the_run_fails_the_job_and_is_named(
    submit: Submitter, recording: Path
) -> None:
    job = submit("count_characters", inputs=[local(recording)])
    recording.unlink()

    job.wait_until_done()

    assert job.status == "failed"
    assert str(recording) in (job.error or "")


def test_a_copy_of_a_vanished_file_serves_as_well(
    submit: Submitter, recording: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.txt"
    copy.write_text("spikes")
    # Times of long ago: only of such files digests are remembered.
    os.utime(copy, (1_000_000_000, 1_000_000_000))
    job = submit("count_characters", inputs=[local(recording)])
    submit("count_characters", inputs=[local(copy)])
    recording.unlink()

    assert job.wait_until_done().status == "completed"


def test_an_input_is_a_url_or_a_path_not_both_and_not_neither(
    submit: Submitter, recording: Path
) -> None:
    there = DendroJobInputFile(name="input", url="file://server/a.nwb")
    both = DendroJobInputFile(name="input", url="https://example.org/a", path=recording)

    with pytest.raises(InvalidDefinition, match="both a url and a path"):
        submit("count_characters", inputs=[both])
    with pytest.raises(InvalidDefinition, match="neither a url nor a path"):
        submit("count_characters", inputs=[DendroJobInputFile(name="input")])
    with pytest.raises(InvalidDefinition, match="given as path="):
        submit("count_characters", inputs=[DendroJobInputFile(name="input", url="a.nwb")])
    with pytest.raises(InvalidDefinition, match="another machine"):
        submit("count_characters", inputs=[there])
