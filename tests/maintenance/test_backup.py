"""A backup is a store as it was at one moment, made while it is in use."""

import errno
import itertools
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dendro_local.errors import InvalidRequest, StoreError
from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.backing_up import Backup
from dendro_local.local_hub.pruning import PruneRules
from tests.hub.conftest import NewJobMaker, Worker
from tests.maintenance.conftest import JobMaker, blob_of, blobs_on_disk, findings


def refuse_links(_: object, __: object) -> None:
    raise OSError(errno.EXDEV, "Invalid cross-device link")


@pytest.fixture(params=["linked", "copied"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "copied":
        monkeypatch.setattr("dendro_local.store.snapshot.os.link", refuse_links)
    return str(request.param)


def test_a_backup_is_a_whole_store(
    hub: LocalHub, completed: JobMaker, greeting: NewJobMaker, tmp_path: Path, how: str
) -> None:
    job = completed("a", b"Hello!", console=b"printed")
    hub.pin([job.jobId])
    (hub.store.folder.root / "config.toml").write_text('user = "me"')

    backup = hub.back_up(tmp_path / "copy")

    assert (backup.jobs, backup.blobs, backup.blob_bytes) == (1, 2, 13)
    assert backup.linked_blobs == (2 if how == "linked" else 0)
    made = sorted(path.name for path in backup.folder.iterdir())
    assert made == ["blobs", "config.toml", "store.db"]
    assert stat.S_IMODE(backup.folder.stat().st_mode) == 0o700
    copy = LocalHub(backup.folder)
    assert findings(copy) == []
    assert copy.pinned_jobs() == [job]
    assert blob_of(copy, job).read_bytes() == b"Hello!"
    assert copy.submit([greeting("a")])[0].jobId == job.jobId
    copy.close()


def test_its_secrets_can_be_read_with_the_key_that_it_has(hub: LocalHub, tmp_path: Path) -> None:
    sealed = hub.store.key.seal(b"a secret", "a test")

    backup = hub.back_up(tmp_path / "copy")

    key = backup.folder / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert not key.samefile(hub.store.folder.key)
    copy = LocalHub(backup.folder)
    assert copy.store.key.unseal(sealed, "a test") == b"a secret"
    assert findings(copy) == []
    copy.close()


def test_it_stays_as_it_is_when_the_store_changes(
    hub: LocalHub, completed: JobMaker, tmp_path: Path
) -> None:
    job = completed("a")
    hub.back_up(tmp_path / "copy")

    hub.delete([job.jobId])
    completed("b")

    copy = LocalHub(tmp_path / "copy")
    assert [each.jobId for each in copy.find_jobs(JobQuery())] == [job.jobId]
    assert findings(copy) == []
    copy.close()


def test_a_store_is_restored_by_copying(
    hub: LocalHub, completed: JobMaker, greeting: NewJobMaker, tmp_path: Path
) -> None:
    job = completed("a")
    hub.back_up(tmp_path / "copy")
    folder = hub.store.folder.root
    hub.close()
    shutil.rmtree(folder)

    shutil.copytree(tmp_path / "copy", folder)

    restored = LocalHub(folder)
    assert findings(restored) == []
    assert blob_of(restored, job).read_bytes() == b"Hello!"
    restored.close()


def test_jobs_that_run_are_pending_in_it_as_if_they_had_not_begun(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker, tmp_path: Path
) -> None:
    [job] = hub.submit([greeting()])
    hub.set_running(worker.claim())

    hub.back_up(tmp_path / "copy")

    assert hub.get_job(job.jobId).status == "running"
    copy = LocalHub(tmp_path / "copy")
    assert copy.get_job(job.jobId).status == "pending"
    assert Worker(copy, tmp_path / "other").claim().attempt == 1
    copy.close()


def test_what_is_there_is_not_replaced(hub: LocalHub, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()

    with pytest.raises(InvalidRequest, match="there already"):
        hub.back_up(tmp_path / "copy")
    with pytest.raises(InvalidRequest, match="no folder"):
        hub.back_up(tmp_path / "no" / "copy")
    with pytest.raises(InvalidRequest, match="inside the store"):
        hub.back_up(hub.store.folder.root / "copy")


def test_a_backup_that_fails_leaves_nothing(
    hub: LocalHub, completed: JobMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object, __: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "blob")

    completed("a")
    monkeypatch.setattr("dendro_local.store.snapshot.os.link", refuse)

    with pytest.raises(StoreError, match="No space left on device.*Nothing is left"):
        hub.back_up(tmp_path / "backups")

    assert [path for path in tmp_path.iterdir() if "backups" in path.name] == []


def test_a_blob_that_the_store_lacks_is_told_and_does_not_stop_it(
    hub: LocalHub, completed: JobMaker, tmp_path: Path
) -> None:
    lost = blob_of(hub, completed("a"))
    completed("b", b"others")
    lost.unlink()

    backup = hub.back_up(tmp_path / "copy")

    assert backup.missing_blobs == [lost.name]
    assert backup.blobs == 1


def test_what_is_pruned_meanwhile_is_not_missing(
    hub: LocalHub, completed: JobMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the copy of the records and that of the blobs the last job is pruned."""
    kept, pruned = completed("a", b"kept"), completed("b", b"pruned")
    link = os.link

    def link_late(source: Path, target: Path) -> None:
        if hub.store.jobs.by_id(pruned.jobId) is not None:
            hub.delete([pruned.jobId])
        link(source, target)

    monkeypatch.setattr("dendro_local.store.snapshot.os.link", link_late)

    backup = hub.back_up(tmp_path / "copy")

    assert (backup.jobs, backup.blobs, backup.missing_blobs) == (1, 1, [])
    copy = LocalHub(tmp_path / "copy")
    assert blob_of(copy, kept).read_bytes() == b"kept"
    assert findings(copy) == []
    copy.close()


def test_many_backups_fit_together_while_jobs_come_and_go(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker, tmp_path: Path
) -> None:
    is_over, has_pruned = threading.Event(), threading.Event()

    def come_and_go() -> None:
        for count in itertools.count(1):
            if is_over.is_set():
                return
            hub.submit([greeting(str(count))])
            worker.complete(worker.claim(), str(count % 7).encode())
            if count % 5 == 0:
                hub.prune(hub.plan_prune(PruneRules(older_than_sec=0.01)))
                has_pruned.set()

    backups: list[Backup] = []
    with ThreadPoolExecutor(1) as threads:
        coming = threads.submit(come_and_go)
        try:
            while len(backups) < 6 or not has_pruned.is_set():
                backups.append(hub.back_up(tmp_path / f"copy{len(backups)}"))
        finally:
            is_over.set()
        coming.result()

    for backup in backups:
        assert backup.missing_blobs == []
        copy = LocalHub(backup.folder)
        assert findings(copy) == []
        assert len(blobs_on_disk(copy)) == backup.blobs
        copy.close()


KILLED = """
import os, signal, sys
from pathlib import Path

from dendro_local.local_hub import LocalHub

left = int(sys.argv[3])


def hook(event, arguments):
    global left
    if event in ("os.link", "os.rename", "os.mkdir", "os.remove", "sqlite3.connect"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


hub = LocalHub(Path(sys.argv[1]))
sys.addaudithook(hook)
hub.back_up(Path(sys.argv[2]))
"""


@pytest.mark.process
def test_a_backup_that_is_killed_is_not_there(
    hub: LocalHub, completed: JobMaker, tmp_path: Path
) -> None:
    completed("a")
    completed("b", b"others")
    target = tmp_path / "copy"
    for step in range(100):
        command = [sys.executable, "-c", KILLED, str(hub.store.folder.root), str(target), str(step)]
        finished = subprocess.run(command, capture_output=True, check=False)
        assert finished.returncode in (0, -signal.SIGKILL), finished.stderr.decode()
        if finished.returncode == 0:
            break
        assert not target.exists()

    copy = LocalHub(target)
    assert findings(copy) == []
    assert len(blobs_on_disk(copy)) == 2
    copy.close()
    assert step > 5
