"""Jobs in one file."""

import os
import zipfile
from pathlib import Path

import pytest

from dendro_local.errors import InputUnavailable, InvalidRequest, JobNotFound
from dendro_local.model import JobId
from dendro_sync import Selection, add_remote, export_jobs, import_jobs
from tests.sync.conftest import Stores, counting, greeting, ids_in, url_of


def test_a_job_is_exported_with_what_it_came_of_and_hits_after_the_import(
    stores: Stores, tmp_path: Path
) -> None:
    first = stores.complete("a", greeting("x"), b"abc", b"printed")
    second = stores.complete("a", counting(url_of(first)), b"3")
    stores.complete("a", greeting("unrelated"))
    file = tmp_path / "jobs.zip"
    stores.trust("b", "a")

    exported = export_jobs(stores["a"], file, job_ids=[second.jobId])
    imported = import_jobs(stores["b"], file)

    assert (exported.new, imported.new) == (2, 2)
    assert ids_in(stores["b"]) == {first.jobId, second.jobId}
    [hit] = stores["b"].submit([counting(url_of(first))])
    assert hit.jobId == second.jobId
    assert stores["b"].output_file(second.jobId, "output").read_bytes() == b"3"
    assert stores["b"].console(first.jobId) == b"printed"
    origin = stores["b"].job_origin(first.jobId)
    assert origin is not None
    assert origin.origin == "archive jobs.zip"


def test_an_archive_that_is_unpacked_is_a_bucket(stores: Stores, tmp_path: Path) -> None:
    job = stores.complete("a", greeting("x"))
    export_jobs(stores["a"], tmp_path / "jobs.zip", selection=Selection(app="hello_world"))
    stores.trust("b", "a")

    with zipfile.ZipFile(tmp_path / "jobs.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    add_remote(stores["b"], "unpacked", str(tmp_path / "unpacked"))

    from dendro_sync import pull

    assert pull(stores["b"], "unpacked").new == 1
    assert ids_in(stores["b"]) == {job.jobId}


def test_an_archive_of_who_is_not_trusted_is_refused(stores: Stores, tmp_path: Path) -> None:
    stores.complete("a", greeting("x"))
    export_jobs(stores["a"], tmp_path / "jobs.zip")

    report = import_jobs(stores["b"], tmp_path / "jobs.zip")

    assert [each.code for each in report.refused] == ["untrusted"]
    assert ids_in(stores["b"]) == set()
    assert import_jobs(stores["b"], tmp_path / "jobs.zip", dry_run=True).new == 0
    unsigned = import_jobs(stores["b"], tmp_path / "jobs.zip", allow_unsigned=True)
    assert unsigned.new == 1
    [job_id] = ids_in(stores["b"])
    origin = stores["b"].job_origin(JobId(job_id))
    assert origin is not None
    assert not origin.is_verified


def test_an_archive_is_there_whole_or_not_at_all(stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "jobs.zip").write_bytes(b"what was there")
    [pending] = stores["a"].submit([greeting("x")])

    with pytest.raises(JobNotFound, match="has not ended"):
        export_jobs(stores["a"], tmp_path / "jobs.zip", job_ids=[pending.jobId])
    with pytest.raises(JobNotFound, match="no finished job"):
        export_jobs(stores["a"], tmp_path / "jobs.zip")

    assert (tmp_path / "jobs.zip").read_bytes() == b"what was there"
    assert sorted(file.name for file in tmp_path.glob("*.new")) == []


def test_what_is_no_archive_is_refused(stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no archive")

    with pytest.raises(InvalidRequest):
        import_jobs(stores["b"], tmp_path / "text.zip")
    stores.complete("a", greeting("x"))
    export_jobs(stores["a"], tmp_path / "whole.zip")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "whole.zip").read_bytes()[:-100])
    with pytest.raises(InvalidRequest, match="its end is missing"):
        import_jobs(stores["b"], tmp_path / "cut.zip")
    with pytest.raises(InputUnavailable):
        import_jobs(stores["b"], tmp_path / "none.zip")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("photo.jpg", b"photo")
    with pytest.raises(InvalidRequest, match="`dendro-local import` takes what .* wrote"):
        import_jobs(stores["b"], tmp_path / "photos.zip")


def test_an_archive_takes_the_place_of_files_alone(stores: Stores, tmp_path: Path) -> None:
    stores.complete("a", greeting("x"))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    with pytest.raises(InvalidRequest, match="no file that an archive could replace"):
        export_jobs(stores["a"], fifo)
    with pytest.raises(InvalidRequest, match="There is no folder"):
        export_jobs(stores["a"], tmp_path / "none" / "jobs.zip")

    assert fifo.is_fifo()
