"""A remote in a folder that is away for a while, such as on a disk that is not mounted."""

import shutil
import threading
from pathlib import Path

import pytest

from dendro_local.errors import HubUnreachable, OutputNotFound
from dendro_local.model import Job
from dendro_sync import Selection, add_remote, pull, push, remove_remote, show_remote
from dendro_sync import test_remote as remote_test  # it would be collected under its own name
from dendro_sync.exchange import Exchange
from dendro_sync.options import PullOptions, PushOptions
from dendro_sync.watching import WatchEvent, watch
from tests.hub.conftest import Worker
from tests.sync.conftest import Stores, counting, greeting, url_of

LIMIT_SEC = 60.0


class Disk:
    """The folder of the remote of some stores, which can be taken away and brought back."""

    def __init__(self, stores: Stores) -> None:
        self.folder = Path(stores.url)
        self._beside = self.folder.with_name("taken away")

    def take_away(self) -> None:
        """Have nothing there."""
        self.folder.rename(self._beside)

    def bring_back(self) -> None:
        """Have it there again."""
        if self.folder.exists():
            self.folder.rmdir()
        self._beside.rename(self.folder)


@pytest.fixture
def disk(stores: Stores) -> Disk:
    """The folder of the remote, to which the store ``a`` pushed a job."""
    stores.complete("a", greeting("x"), b"12345")
    push(stores["a"])
    return Disk(stores)


def lazily_pulled(stores: Stores) -> Job:
    """The job of ``a``, which ``b`` has pulled without its bytes."""
    stores.trust("b", "a")
    assert pull(stores["b"], outputs="lazy").awaited_files == 1
    [job] = stores["b"].submit([greeting("x")])
    assert job.status == "completed"
    return job


@pytest.mark.parametrize("is_mount_point", [False, True])
def test_a_remote_that_was_there_and_is_not_is_an_error_and_nothing_is_made(
    stores: Stores, disk: Disk, is_mount_point: bool
) -> None:
    stores.trust("b", "a")
    pull(stores["b"])
    stores.complete("a", greeting("more"))
    disk.take_away()
    if is_mount_point:
        disk.folder.mkdir()
    what = "has no bucket in it any more" if is_mount_point else "is not there"

    for ask in (push, pull):
        for name in ("a", "b"):
            with pytest.raises(HubUnreachable, match=f"{what}: is its disk connected and mounted"):
                ask(stores[name])
    with pytest.raises(HubUnreachable, match=what):
        remote_test(stores["b"], "r")

    assert not disk.folder.exists() or not any(disk.folder.iterdir())
    disk.bring_back()
    assert push(stores["a"]).new == 1
    assert pull(stores["b"]).new == 1


def test_a_folder_that_was_added_with_a_bucket_in_it_is_known_from_then_on(
    stores: Stores, disk: Disk
) -> None:
    hub = stores.open("c")
    assert not add_remote(hub, "r", str(disk.folder)).isNew
    disk.take_away()

    with pytest.raises(HubUnreachable, match="is not there"):
        pull(hub)


def test_a_disk_that_is_taken_away_while_a_remote_is_open_is_not_written_beside(
    stores: Stores, disk: Disk
) -> None:
    stores.complete("a", greeting("more"))
    with Exchange(stores["a"]) as exchange:
        options = PullOptions(selection=Selection())
        exchange.pull(options)
        disk.take_away()

        with pytest.raises(HubUnreachable, match="is not there"):
            exchange.push(PushOptions(selection=Selection()))
        with pytest.raises(HubUnreachable, match="is not there"):
            exchange.pull(options)

    assert not disk.folder.exists()


def test_watching_waits_for_a_disk(stores: Stores, disk: Disk) -> None:
    stores.complete("a", greeting("more"))
    disk.take_away()
    events: list[WatchEvent] = []
    is_over = threading.Event()

    def on_event(event: WatchEvent) -> None:
        events.append(event)
        if event.error is not None and len(events) == 1:
            disk.bring_back()
        else:
            is_over.set()

    limit = threading.Timer(LIMIT_SEC, is_over.set)
    limit.start()
    watch(
        stores["a"],
        "r",
        PushOptions(selection=Selection()),
        PullOptions(selection=Selection()),
        on_event=on_event,
        is_over=is_over,
    )
    limit.cancel()

    away, moved = events
    assert "is its disk connected and mounted?" in (away.error or "")
    assert moved.report is not None
    assert moved.report.push.new == 1


def test_a_place_where_nothing_is_yet_says_so(stores: Stores, tmp_path: Path) -> None:
    hub = stores.open("c")

    assert add_remote(hub, "new", str(tmp_path / "new")).isNew
    assert remote_test(hub, "new").isNew
    with pytest.raises(HubUnreachable, match=r"and neither is .*/slip: is its disk connected"):
        add_remote(hub, "wrong", str(tmp_path / "slip" / "new"))

    push(hub, "new")
    assert not (tmp_path / "slip").exists()


def test_an_output_on_a_remote_that_is_away_is_there_once_that_is_back(
    stores: Stores, disk: Disk
) -> None:
    job = lazily_pulled(stores)
    disk.take_away()

    for _ in range(2):
        with pytest.raises(
            HubUnreachable, match="lies on remote 'r' and cannot be fetched now"
        ) as told:
            stores["b"].output_file(job.jobId, "output")
        assert str(told.value).startswith(f"Output 'output' of job {job.jobId} cannot be read: ")

    disk.bring_back()
    assert stores["b"].output_file(job.jobId, "output").read_bytes() == b"12345"


def test_an_output_that_came_damaged_is_there_once_that_is_mended(
    stores: Stores, disk: Disk
) -> None:
    job = lazily_pulled(stores)
    digest = stores["b"].stored(job.jobId).files.outputs["output"].digest
    [blob] = disk.folder.rglob(f"{digest}*")
    blob.chmod(0o644)
    blob.write_bytes(b"54321")

    with pytest.raises(HubUnreachable, match="came with other bytes"):
        stores["b"].output_file(job.jobId, "output")

    blob.write_bytes(b"12345")
    assert stores["b"].output_file(job.jobId, "output").read_bytes() == b"12345"
    assert show_remote(stores["b"], "r").awaitedFiles == 0


def test_of_bytes_that_were_never_here_it_is_told_how_to_have_them(
    stores: Stores, disk: Disk
) -> None:
    stores.trust("b", "a")
    pull(stores["b"], outputs="none")
    [job_id] = [job.jobId for job in stores["a"].submit([greeting("x")])]

    with pytest.raises(OutputNotFound, match="`dendro-local pull r --full --outputs eager`"):
        stores["b"].output_file(job_id, "output")

    pull(stores["b"], outputs="eager", full=True)
    assert stores["b"].output_file(job_id, "output").read_bytes() == b"12345"


def test_a_job_waits_for_an_input_on_a_remote_that_is_away(
    stores: Stores, disk: Disk, tmp_path: Path
) -> None:
    parent = lazily_pulled(stores)
    [child] = stores["b"].submit([counting(url_of(parent))])
    worker = Worker(stores["b"], tmp_path / "worker")
    claim = worker.claim()
    disk.take_away()

    def should_stop() -> bool:
        if not disk.folder.exists():
            disk.bring_back()
        return False

    fetched = stores["b"].fetch_input(claim, child.jobDefinition.inputFiles[0], should_stop)

    assert fetched.path is not None
    assert fetched.path.read_bytes() == b"12345"


def test_an_emptied_folder_is_begun_anew_by_a_remote_that_is_added_again(
    stores: Stores, disk: Disk
) -> None:
    shutil.rmtree(disk.folder)
    remove_remote(stores["a"], "r")
    add_remote(stores["a"], "r", str(disk.folder))

    assert push(stores["a"]).new == 1
