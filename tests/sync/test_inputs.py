"""Files of one machine that jobs took as inputs, on another one."""

from pathlib import Path

import httpx
import pytest

from dendro_local.errors import HubUnreachable, InputUnavailable
from dendro_local.file_urls import parse_blob_url
from dendro_local.model import Digest, Job
from dendro_sync import add_remote, export_jobs, import_jobs, own_key, pull, push, sync
from tests.live_hub import served
from tests.maintenance.conftest import blobs_on_disk, checks
from tests.sync.conftest import Stores, counting

BYTES = b"recorded on another machine"


@pytest.fixture(params=["bucket", "hub"])
def two(stores: Stores, request: pytest.FixtureRequest) -> Stores:
    """A store ``b`` that trusts ``a``, with a bucket or a hub between them."""
    if request.param == "hub":
        stores.serve()
    stores.trust("b", "a")
    return stores


def done_with_input(two: Stores, tmp_path: Path, content: bytes = BYTES) -> tuple[Job, Digest]:
    """A job of ``a`` that took a file of its machine, and the file's digest."""
    file = tmp_path / "of-a" / "input.txt"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    url = two["a"].file_url(file)
    digest = parse_blob_url(url)
    assert digest is not None
    return two.complete("a", counting(url, local_paths={url: str(file)}), b"27"), digest


def read_input(two: Stores, job: Job) -> bytes:
    """What a job that is like another reads, when it runs at ``b``."""
    [again] = two["b"].submit([counting(job.inputFileUrlList[0], "again")])
    worker = two.worker("b")
    claim = worker.claim()
    assert claim.job.jobId == again.jobId
    fetched = two["b"].fetch_input(claim, again.jobDefinition.inputFiles[0])
    assert fetched.path is not None
    return fetched.path.read_bytes()


def test_inputs_that_were_pushed_come_if_they_are_asked_for(two: Stores, tmp_path: Path) -> None:
    job, digest = done_with_input(two, tmp_path)
    push(two["a"], inputs=True)

    assert pull(two["b"]).files == 1
    assert digest not in blobs_on_disk(two["b"])
    would = pull(two["b"], inputs=True, dry_run=True)
    did = pull(two["b"], inputs=True)

    assert (would.new, would.files, would.bytes) == (did.new, did.files, did.bytes)
    assert (did.new, did.files, did.bytes) == (0, 1, len(BYTES))
    assert two["b"].store.blobs.path(digest).read_bytes() == BYTES
    assert (pull(two["b"], inputs=True).files, checks(two["b"])) == (0, [])
    two["b"].delete([job.jobId])
    assert blobs_on_disk(two["b"]) == set()


def test_jobs_and_their_inputs_come_together(two: Stores, tmp_path: Path) -> None:
    _, digest = done_with_input(two, tmp_path)
    push(two["a"], inputs=True)

    report = sync(two["b"], inputs=True).pull

    assert (report.new, report.files, report.left_out) == (1, 2, [])
    assert digest in blobs_on_disk(two["b"])


def test_an_input_that_was_pushed_comes_when_a_job_is_to_read_it(
    two: Stores, tmp_path: Path
) -> None:
    job, digest = done_with_input(two, tmp_path)
    push(two["a"], inputs=True)
    pull(two["b"])

    assert read_input(two, job) == BYTES
    assert digest in blobs_on_disk(two["b"])


def test_a_rerun_of_a_pulled_job_has_its_input(two: Stores, tmp_path: Path) -> None:
    job, _ = done_with_input(two, tmp_path)
    push(two["a"], inputs=True)
    pull(two["b"])

    again = two["b"].rerun(job.jobId)
    claim = two.worker("b").claim()

    assert claim.job.jobId == again.jobId
    fetched = two["b"].fetch_input(claim, again.jobDefinition.inputFiles[0])
    assert fetched.path is not None
    assert fetched.path.read_bytes() == BYTES


def test_an_input_is_fetched_for_who_reads_it_over_http(two: Stores, tmp_path: Path) -> None:
    _, digest = done_with_input(two, tmp_path)
    push(two["a"], inputs=True)
    pull(two["b"])

    with served(two["b"]) as live:
        assert httpx.get(f"{live.url}/f/sha256/{digest}").content == BYTES


def test_an_input_that_nobody_pushed_is_told_of(two: Stores, tmp_path: Path) -> None:
    job, _ = done_with_input(two, tmp_path)
    push(two["a"])

    report = pull(two["b"], inputs=True)

    assert report.new == 1
    assert [(each.job_id, each.reason) for each in report.left_out] == [
        (job.jobId, "Its input 'input' was not pushed there.")
    ]
    with pytest.raises(InputUnavailable, match=r"was not pushed to .*: r\. .*push --inputs"):
        read_input(two, job)


def test_inputs_that_are_pushed_later_come_with_the_next_pull_of_inputs(
    two: Stores, tmp_path: Path
) -> None:
    job, digest = done_with_input(two, tmp_path)
    push(two["a"])
    assert pull(two["b"], inputs=True).left_out_count == 1
    push(two["a"], inputs=True)
    pull(two["b"])

    assert pull(two["b"], inputs=True).files == 1
    assert digest in blobs_on_disk(two["b"])
    assert read_input(two, job) == BYTES


def test_a_large_input_comes_when_a_job_is_to_read_it(two: Stores, tmp_path: Path) -> None:
    job, digest = done_with_input(two, tmp_path)
    push(two["a"], inputs=True)

    pull(two["b"], inputs=True, max_size=len(BYTES) - 1)

    assert digest not in blobs_on_disk(two["b"])
    assert read_input(two, job) == BYTES


def test_an_input_that_is_on_this_machine_is_not_fetched(two: Stores, tmp_path: Path) -> None:
    _, digest = done_with_input(two, tmp_path)
    push(two["a"], inputs=True)
    own = tmp_path / "of-b.txt"
    own.write_bytes(BYTES)
    url = two["b"].file_url(own)
    two["b"].submit([counting(url, "own", local_paths={url: str(own)})])

    pull(two["b"], inputs=True)
    pull(two["a"], inputs=True, full=True)

    assert digest not in blobs_on_disk(two["a"])
    assert two["a"].served_file(url).path == tmp_path / "of-a" / "input.txt"


def test_an_input_with_other_bytes_is_refused_and_its_job_taken(
    stores: Stores, tmp_path: Path
) -> None:
    job, digest = done_with_input(stores, tmp_path)
    stores.trust("b", "a")
    push(stores["a"], inputs=True)
    blob = Path(stores.url) / "blobs" / digest[:2] / digest
    blob.chmod(0o644)
    blob.write_bytes(BYTES[::-1])

    report = pull(stores["b"], inputs=True)

    assert report.new == 1
    assert [(each.job_id, each.code) for each in report.refused] == [(job.jobId, "digest")]
    assert digest not in blobs_on_disk(stores["b"])
    blob.write_bytes(BYTES)
    again = pull(stores["b"], inputs=True)
    assert (again.files, again.refused) == (1, [])
    assert digest in blobs_on_disk(stores["b"])


def test_an_input_cannot_be_fetched_while_its_hub_is_away(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dendro_sync import opening

    monkeypatch.setattr(opening, "PATIENCE_SEC", 0.1)
    here, far = stores.open("here"), stores.open("far")
    stores.add("far", far)
    file = tmp_path / "input.txt"
    file.write_bytes(BYTES)
    url = far.file_url(file)
    job = stores.complete("far", counting(url, local_paths={url: str(file)}))
    with served(far) as live:
        add_remote(here, "far", live.url, trust=own_key(far).publicKey)
        pull(here, "far")

    stores.add("b", here)
    with pytest.raises(HubUnreachable, match="input may lie on a remote"):
        read_input(stores, job)


def test_a_hub_gives_the_inputs_of_its_own_jobs(stores: Stores, tmp_path: Path) -> None:
    hub = stores.serve()
    stores.add("far", hub)
    file = tmp_path / "input.txt"
    file.write_bytes(BYTES)
    url = hub.file_url(file)
    stores.complete("far", counting(url, local_paths={url: str(file)}))
    stores.trust("b", "far")

    report = pull(stores["b"], inputs=True)

    assert (report.new, report.files) == (1, 2)
    assert parse_blob_url(url) in blobs_on_disk(stores["b"])
    secret = tmp_path / "unsubmitted.txt"
    secret.write_bytes(b"not the input of a job")
    other = parse_blob_url(hub.file_url(secret))
    assert other is not None
    assert hub.served_blob_sizes([other]) == {}


def test_inputs_are_imported_as_they_were_exported(stores: Stores, tmp_path: Path) -> None:
    job, digest = done_with_input(stores, tmp_path)
    stores.trust("b", "a")
    stores.trust("c", "a")
    export_jobs(stores["a"], tmp_path / "without.zip")
    export_jobs(stores["a"], tmp_path / "with.zip", inputs=True)

    without = import_jobs(stores["c"], tmp_path / "without.zip")
    report = import_jobs(stores["b"], tmp_path / "with.zip")

    assert (without.files, without.left_out) == (1, [])
    assert (report.files, report.left_out) == (2, [])
    assert digest in blobs_on_disk(stores["b"])
    assert read_input(stores, job) == BYTES
