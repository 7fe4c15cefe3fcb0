"""What the doctor finds, and that it finds nothing any more once it has repaired it."""

import os
import shutil
import socket
import sqlite3
from pathlib import Path

import pytest

from dendro_local.errors import OutputNotFound
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.blob_checks import BlobChecks
from dendro_local.local_hub.findings import CHECKS, Finding
from dendro_local.local_hub.pruning import PruneRules
from dendro_local.local_hub.record_checks import RecordChecks
from dendro_local.model import Digest
from tests.conftest import AppMaker
from tests.hub.conftest import NewJobMaker, Worker
from tests.maintenance.conftest import (
    Folders,
    JobMaker,
    blob_of,
    blobs_on_disk,
    change,
    checks,
    findings,
    lab_request,
)

LONG = 600


def repaired(hub: LocalHub, *, quick: bool = False) -> list[Finding]:
    """What a repair finds, after which all of it is repaired and nothing is found."""
    found = findings(hub, repair=True, quick=quick)
    assert [each for each in found if not each.is_repaired] == []
    assert findings(hub, quick=quick) == []
    return found


def replace_bytes(blob: Path, content: bytes) -> None:
    blob.chmod(0o644)
    blob.write_bytes(content)
    blob.chmod(0o444)


def test_a_store_in_use_is_whole(
    hub: LocalHub,
    completed: JobMaker,
    failed: JobMaker,
    counting: NewJobMaker,
    worker: Worker,
) -> None:
    parent = completed("a", console=b"printed")
    hub.output_file(parent.jobId, "output")
    failed("b")
    hub.submit([counting(parent), counting(parent, skipCache=True)])
    claim = worker.claim()
    claim.folder.mkdir()
    hub.set_running(claim)
    changes = hub.changes()

    assert findings(hub) == []
    found = hub.examine(Folders())
    assert (found.jobs, found.blobs, found.blob_bytes) == (4, 2, len(b"Hello!printed"))
    changes.close()


def test_looking_changes_nothing(hub: LocalHub, completed: JobMaker) -> None:
    blob = blob_of(hub, completed("a"))
    replace_bytes(blob, b"Hellu!")

    first, second = findings(hub), findings(hub)

    assert first == second != []
    assert blob.read_bytes() == b"Hellu!"


# Blobs


def test_an_output_that_is_missing_is_given_up_and_computed_again(
    hub: LocalHub, completed: JobMaker, greeting: NewJobMaker
) -> None:
    job = completed("a")
    blob_of(hub, job).unlink()

    assert checks(hub, quick=True) == ["output_missing", "output_link_dangling"]
    [finding] = repaired(hub)

    assert (finding.check, finding.severity) == ("output_missing", "error")
    assert finding.subject == job.jobId
    assert "output 'output'" in finding.message
    assert hub.get_job(job.jobId).status == "completed"
    [again] = hub.submit([greeting("a")])
    assert again.status == "pending"


def test_a_log_that_is_missing_is_only_a_warning(hub: LocalHub, completed: JobMaker) -> None:
    job = completed("a", console=b"printed")
    [log] = blobs_on_disk(hub) - {Digest(blob_of(hub, job).name)}
    hub.store.blobs.remove(log)

    [finding] = repaired(hub)

    assert (finding.check, finding.severity) == ("log_missing", "warning")
    assert hub.console(job.jobId) == b""
    assert blob_of(hub, job).exists()


def test_a_blob_with_other_bytes_is_moved_away_and_computed_again(
    hub: LocalHub, completed: JobMaker, greeting: NewJobMaker, worker: Worker
) -> None:
    jobs = [completed("a"), completed("b")]
    whole = completed("c", b"others")
    blob = blob_of(hub, jobs[0])
    hub.output_file(jobs[1].jobId, "output")
    replace_bytes(blob, b"Hellu!")

    assert checks(hub, quick=True) == []
    [finding] = repaired(hub)

    assert (finding.check, finding.severity) == ("blob_damaged", "error")
    assert "2 jobs" in finding.message
    [moved] = (hub.store.folder.root / "damaged").iterdir()
    assert moved.name.startswith(blob.name)
    assert moved.read_bytes() == b"Hellu!"
    for job in jobs:
        with pytest.raises(OutputNotFound):
            hub.output_file(job.jobId, "output")
    assert blob_of(hub, whole).read_bytes() == b"others"

    [again] = hub.submit([greeting("a")])
    worker.complete(worker.claim(), b"Hello!")
    assert blob_of(hub, again).read_bytes() == b"Hello!"
    assert findings(hub) == []


def test_a_blob_that_was_cut_off_is_found_without_reading_it(
    hub: LocalHub, completed: JobMaker
) -> None:
    replace_bytes(blob_of(hub, completed("a")), b"Hel")

    [finding] = repaired(hub, quick=True)

    assert finding.check == "blob_damaged"
    assert "3 bytes instead of 6" in finding.message


def test_a_blob_that_can_be_written_to_is_protected_again(
    hub: LocalHub, completed: JobMaker
) -> None:
    blob = blob_of(hub, completed("a"))
    blob.chmod(0o664)

    assert [each.check for each in repaired(hub)] == ["blob_writable"]
    assert blob.stat().st_mode & 0o777 == 0o444


def stray(hub: LocalHub, content: bytes = b"nobody's") -> Path:
    file = hub.store.folder.root / "stray"
    file.write_bytes(content)
    digest, _ = hub.store.blobs.adopt(file)
    file.unlink()
    return hub.store.blobs.path(digest)


def test_a_blob_that_no_record_names_is_removed(hub: LocalHub, completed: JobMaker) -> None:
    kept = blob_of(hub, completed("a"))
    orphan = stray(hub)

    assert [each.check for each in repaired(hub)] == ["blob_orphaned"]
    assert not orphan.exists()
    assert kept.exists()


def test_a_blob_that_a_job_may_be_about_to_record_is_left_alone(hub: LocalHub) -> None:
    orphan = stray(hub)
    os.utime(orphan, (0, 0))  # its bytes may be old; its name is young

    assert findings(hub, repair=True, young_sec=LONG) == []
    assert orphan.exists()


def test_half_a_blob_is_removed_and_what_is_no_blob_is_named(
    hub: LocalHub, completed: JobMaker
) -> None:
    blob = blob_of(hub, completed("a"))
    half = blob.with_name(f".{blob.name}.123.new")
    half.write_bytes(b"Hel")
    (hub.store.folder.blobs / "notes.txt").write_text("mine")

    found = {each.check: each for each in findings(hub, repair=True)}

    assert found["half_written"].is_repaired
    assert not half.exists()
    assert found["stray_file"].severity == "info"
    assert checks(hub) == ["stray_file"]


def test_a_blob_that_is_not_protected_by_its_record_is_again(
    hub: LocalHub, completed: JobMaker
) -> None:
    job = completed("a")
    change(hub, "delete from job_blobs")

    found = findings(hub, repair=True)

    assert [each.check for each in found] == ["blob_not_held"]  # and no orphan
    assert findings(hub) == []
    assert blob_of(hub, job).exists()


def test_a_blob_that_is_held_for_nothing_goes(hub: LocalHub, completed: JobMaker) -> None:
    job = completed("a")
    orphan = stray(hub)
    change(
        hub,
        "insert into job_blobs (digest, number) select ?, number from jobs where job_id = ?",
        bytes.fromhex(Digest(orphan.name)),
        job.jobId,
    )

    found = [each.check for each in repaired(hub)]

    assert found == ["blob_held_for_nothing", "blob_orphaned"]
    assert not orphan.exists()


def test_outputs_that_were_dropped_on_purpose_are_nothing_to_find(
    hub: LocalHub, completed: JobMaker
) -> None:
    completed("a", console=b"printed")
    hub.prune(hub.plan_prune(PruneRules(recomputable=True)))

    assert findings(hub) == []


def test_progress_counts_the_bytes_that_are_read(hub: LocalHub, completed: JobMaker) -> None:
    completed("a", bytes(3_000_000))
    completed("b", bytes(1_000_000))
    seen: list[tuple[int, int]] = []

    hub.examine(Folders(), on_progress=lambda done, total: seen.append((done, total)))

    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (4_000_000, 4_000_000)


# Records


def test_a_claim_of_a_compute_client_that_died_is_ended(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)
    claim.folder.mkdir()
    hub.end_run(worker.run)
    folders = Folders()

    found = hub.examine(folders, repair=True, young_sec=0).findings

    assert "claim_abandoned" in [each.check for each in found]
    assert folders.ended == [claim.folder]
    assert not claim.folder.exists()
    assert hub.get_job(job.jobId).status == "pending"
    assert findings(hub) == []


def test_a_job_that_goes_on_without_its_compute_client_is_left_alone(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    hub.set_running(worker.claim())
    hub.end_run(worker.run)
    folders = Folders(can_go_on=True)

    found = hub.examine(folders, repair=True, young_sec=0).findings

    assert ("claim_left", "info") in [(each.check, each.severity) for each in found]
    assert (folders.ended, hub.get_job(job.jobId).status) == ([], "running")


def test_a_claim_that_is_not_renewed_is_told(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    claim = worker.claim()
    change(hub, "update jobs set lease_until = 1")

    [finding] = findings(hub)

    assert (finding.check, finding.severity) == ("claim_not_renewed", "warning")
    assert claim.job.jobId in finding.message


@pytest.mark.parametrize("parent_is", ["failed", "gone"])
def test_a_job_that_waits_in_vain_fails_and_names_what_it_waited_for(
    hub: LocalHub, greeting: NewJobMaker, counting: NewJobMaker, parent_is: str
) -> None:
    [parent] = hub.submit([greeting()])
    [child] = hub.submit([counting(parent)])
    [grandchild] = hub.submit([counting(child)])
    if parent_is == "failed":
        change(
            hub,
            "update jobs set status = 'failed', error = 'boom' where job_id = ?",
            parent.jobId,
        )
    else:
        change(hub, "delete from jobs where job_id = ?", parent.jobId)

    [finding] = [each for each in findings(hub, repair=True) if each.check == "waits_in_vain"]

    assert finding.subject == child.jobId
    assert parent.jobId in (hub.get_job(child.jobId).error or "")
    assert hub.get_job(grandchild.jobId).status == "failed"
    findings(hub, repair=True)  # the rows that the deleted parent left
    assert findings(hub) == []


@pytest.mark.parametrize(
    "harm",
    [
        "update user_bytes set bytes = bytes + 5",
        "delete from user_bytes",
        "insert into user_bytes values ('nobody', 7)",
    ],
)
def test_the_bytes_of_a_user_are_those_of_their_jobs(
    hub: LocalHub, completed: JobMaker, harm: str
) -> None:
    jobs = [completed("a", b"12345"), completed("b", b"678")]
    change(hub, harm)

    [finding] = repaired(hub)

    assert (finding.check, finding.severity) == ("sum_wrong", "warning")
    assert hub.store.holdings.stored_bytes(jobs[0].userId) == 8
    assert hub.store.holdings.stored_bytes("nobody") == 0


def test_jobs_wait_if_and_only_if_their_dependencies_are_not_completed(
    hub: LocalHub, completed: JobMaker, greeting: NewJobMaker, counting: NewJobMaker
) -> None:
    [ready] = hub.submit([counting(completed("a"))])
    [parent] = hub.submit([greeting("b")])
    [waiting] = hub.submit([counting(parent)])
    change(hub, "update jobs set is_runnable = 1 - is_runnable where status = 'pending'")

    assert [each.check for each in repaired(hub)] == ["wrongly_waiting"] * 3

    runnable = {job.jobId: hub.get_job(job.jobId).isRunnable for job in (ready, parent, waiting)}
    assert runnable == {ready.jobId: True, parent.jobId: True, waiting.jobId: False}


def test_pending_jobs_whose_app_is_gone_are_told(hub: LocalHub, make_app: AppMaker) -> None:
    folder = make_app("lab", "@app.processor\ndef work(output: OutputFile) -> None: ...")
    hub.add_app(str(folder), "lab")
    hub.submit([lab_request()])
    assert findings(hub) == []
    shutil.rmtree(folder)

    [finding] = findings(hub)

    assert (finding.check, finding.severity) == ("app_missing", "info")
    assert str(folder) in finding.message
    assert "apps add" in finding.remedy


def test_rows_that_belong_to_no_job_are_removed(hub: LocalHub, completed: JobMaker) -> None:
    job = completed("a", tags=["t"])
    hub.pin([job.jobId])
    change(hub, "delete from jobs")

    found = [each for each in repaired(hub) if each.check == "row_of_no_job"]

    assert sorted(each.message.split()[4] for each in found) == ["job_blobs", "job_tags", "pins"]
    assert blobs_on_disk(hub) == set()


def test_a_database_that_is_damaged_is_told(hub: LocalHub, completed: JobMaker) -> None:
    for name in "abcdefgh":
        completed(name, name.encode())
    connection = sqlite3.connect(hub.store.folder.database, isolation_level=None)
    connection.execute("pragma writable_schema = on")
    connection.execute("delete from sqlite_schema where name = 'jobs_by_update'")
    connection.close()
    other = LocalHub(hub.store.folder.root)

    found = other.examine(Folders()).findings

    other.close()
    assert {each.check for each in found} == {"database_damaged"}
    assert {each.severity for each in found} == {"error"}
    assert "backup" in found[0].remedy


# The folder


@pytest.mark.process
def test_what_processes_left_behind_is_removed(hub: LocalHub, completed: JobMaker) -> None:
    job = completed("a")
    folder = hub.store.folder
    link = hub.output_file(job.jobId, "output")
    left = {
        "run_folder_left": folder.jobs / f"{job.jobId}.1",
        "output_links_left": folder.outputs / ("0" * 20),
        "output_link_dangling": link.with_name("dangling"),
        "half_written": link.with_name(".123.output.txt.new"),
        "lock_dead": folder.clients / "dead.lock",
        "socket_dead": folder.wake / "123-dead",
        "upload_left": folder.uploads / f"{job.jobId}.1.12345678",
    }
    left["upload_left"].mkdir(parents=True)
    left["run_folder_left"].mkdir()
    left["output_links_left"].mkdir()
    left["output_link_dangling"].symlink_to("nowhere")
    left["half_written"].write_text("")
    left["lock_dead"].write_text("{}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(os.path.relpath(left["socket_dead"]))  # a long path is no address

    assert sorted(checks(hub)) == sorted(left)
    repaired(hub)

    assert [path for path in left.values() if os.path.lexists(path)] == []
    assert link.read_bytes() == b"Hello!"


def test_what_may_be_in_use_is_left_alone(hub: LocalHub, completed: JobMaker) -> None:
    job = completed("a")
    (hub.store.folder.jobs / f"{job.jobId}.1").mkdir()
    (hub.store.folder.jobs / f"{'0' * 20}.1").mkdir()
    (hub.store.folder.clients / ".young.lock.new").write_text("")

    assert findings(hub, young_sec=LONG) == []


def test_a_store_that_all_may_look_into_is_closed(hub: LocalHub) -> None:
    hub.store.folder.root.chmod(0o755)

    [finding] = repaired(hub)

    assert finding.check == "readable_by_all"
    assert hub.store.folder.root.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_use_is_an_error(hub: LocalHub, mode: int) -> None:
    secret = hub.store.key.derive("a test")
    hub.store.folder.key.chmod(mode)

    [finding] = repaired(hub)

    assert (finding.check, finding.severity) == ("key_readable", "error")
    assert hub.store.folder.key.stat().st_mode & 0o777 == 0o600
    assert secret.hex() not in finding.message


def test_a_store_that_cannot_be_written_is_an_error(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def access(path: Path, right: int) -> bool:  # root may write whatever the rights say
        return path != hub.store.folder.jobs

    monkeypatch.setattr(os, "access", access)

    [finding] = findings(hub)

    assert (finding.check, finding.severity) == ("not_writable", "error")
    assert finding.subject == str(hub.store.folder.jobs)


@pytest.mark.parametrize(("free", "total"), [(0.9e9, 1e9), (4e9, 100e9)])
def test_a_disk_with_little_room_is_told(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch, free: float, total: float
) -> None:
    def usage(_: Path) -> object:
        return type("usage", (), {"free": int(free), "total": int(total)})

    monkeypatch.setattr(shutil, "disk_usage", usage)

    found = hub.examine(Folders()).findings

    assert [(each.check, each.severity) for each in found] == [("little_room", "warning")]


def test_a_repair_looks_again_before_it_changes_anything(
    hub: LocalHub, completed: JobMaker, greeting: NewJobMaker, worker: Worker
) -> None:
    """What was found a moment ago may be in order, or gone, when its repair begins."""
    deleted, orphan = completed("a", b"deleted"), stray(hub, b"soon recorded")
    blob_of(hub, deleted).unlink()
    [waiting] = hub.submit([greeting("b")])
    change(hub, "update jobs set is_runnable = 0 where job_id = ?", waiting.jobId)
    blobs = BlobChecks(hub, hub.remove_blobs, young_sec=0)
    records = RecordChecks(hub, Folders())
    found = [*blobs.records(), *blobs.strays(), *records.waiting()]
    assert len(found) == 3
    hub.delete([deleted.jobId])
    change(hub, "update jobs set is_runnable = 1 where job_id = ?", waiting.jobId)
    worker.complete(worker.claim(), b"soon recorded")

    for each in found:
        assert each.repair is not None
        each.repair()

    assert hub.get_job(waiting.jobId).status == "completed"
    assert orphan.exists()
    assert findings(hub) == []


def test_every_check_is_tested_here() -> None:
    page = Path(__file__).read_text()

    assert [name for name in CHECKS if f'"{name}"' not in page] == []


def test_a_service_that_is_gone_is_told(hub: LocalHub) -> None:
    change(hub, "delete from services")

    [finding] = findings(hub)

    assert (finding.check, finding.severity) == ("row_of_no_service", "error")
    assert not finding.is_repairable
