"""Which jobs and which files are exchanged, as it is asked for."""

from pathlib import Path

import pytest

from dendro_local.errors import OutputNotFound
from dendro_local.file_urls import blob_url
from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest
from dendro_sync import Selection, pull, push
from tests.maintenance.conftest import blobs_on_disk, checks
from tests.sync.buckets import all_bytes
from tests.sync.conftest import Stores, counting, greeting, ids_in, url_of


@pytest.fixture
def two(stores: Stores) -> Stores:
    """A store ``b`` that trusts ``a``."""
    stores.trust("b", "a")
    return stores


def awaited(hub: LocalHub, digest: Digest) -> bool:
    return hub.store.sharing.awaited_blobs.is_awaited(digest)


def digest_of(hub: LocalHub, job_id: str) -> Digest:
    digest = hub.stored(job_id).files.outputs["output"].digest  # type: ignore[arg-type]  # an id
    assert digest is not None
    return digest


def test_jobs_are_chosen_by_service_app_processor_tag_and_time(two: Stores) -> None:
    a, b = two["a"], two["b"]
    early = two.complete("a", greeting("early", tags=["t", "u"]))
    late = two.complete("a", counting(url_of(early), tags=["t"]))
    ended = a.get_job(late.jobId).timestampFinishedSec
    push(a)

    def chosen(**selection: object) -> int:
        return pull(b, selection=Selection(**selection), dry_run=True, ancestors=False).new  # type: ignore[arg-type]  # of many kinds

    assert chosen(service="hello_world_service") == 2
    assert chosen(service="other") == 0
    assert chosen(app="hello_world") == 2
    assert chosen(processor="count_characters") == 1
    assert chosen(tags=("t",)) == 2
    assert chosen(tags=("t", "u")) == 1
    assert chosen(since=ended) == 1
    assert chosen(input_url=url_of(early)) == 1
    assert chosen(job_ids=(late.jobId,)) == 1
    assert ids_in(b) == set()


def test_what_was_left_aside_comes_when_it_is_chosen(two: Stores) -> None:
    first = two.complete("a", greeting("x", tags=["t"]))
    two.complete("a", greeting("y"))

    assert push(two["a"], selection=Selection(tags=("t",))).new == 1
    assert pull(two["b"]).new == 1
    assert ids_in(two["b"]) == {first.jobId}
    assert push(two["a"]).new == 1
    assert pull(two["b"], selection=Selection(tags=("t",))).new == 0
    assert pull(two["b"]).new == 1


def test_a_dry_run_tells_jobs_and_bytes_and_moves_nothing(two: Stores) -> None:
    two.complete("a", greeting("x"), b"12345", b"printed")
    bucket = Path(two.url)

    would = push(two["a"], dry_run=True)
    assert not bucket.exists() or list(bucket.iterdir()) == []
    did = push(two["a"])
    assert (would.new, would.files, would.bytes) == (did.new, did.files, did.bytes) == (1, 2, 12)

    would = pull(two["b"], dry_run=True)
    assert (ids_in(two["b"]), blobs_on_disk(two["b"])) == (set(), set())
    did = pull(two["b"])
    assert (would.new, would.files, would.bytes) == (did.new, did.files, did.bytes) == (1, 2, 12)


def test_files_are_awaited_where_they_are_to_come_when_first_read(two: Stores) -> None:
    job = two.complete("a", greeting("x"), b"12345")
    push(two["a"])

    report = pull(two["b"], outputs="lazy")

    assert (report.new, report.files) == (1, 0)
    assert (report.awaited_files, report.awaited_bytes) == (1, 5)
    assert blobs_on_disk(two["b"]) == set()
    assert awaited(two["b"], digest_of(two["b"], job.jobId))
    [hit] = two["b"].submit([greeting("x")])
    assert hit.jobId == job.jobId


def test_files_that_are_awaited_come_with_the_next_eager_pull(two: Stores) -> None:
    job = two.complete("a", greeting("x"), b"12345")
    push(two["a"])
    pull(two["b"], outputs="lazy")
    digest = digest_of(two["b"], job.jobId)

    report = pull(two["b"], outputs="eager")

    assert (report.new, report.known, report.files) == (0, 1, 1)
    assert two["b"].store.blobs.path(digest).read_bytes() == b"12345"
    assert not awaited(two["b"], digest)


def test_of_records_alone_the_files_are_given_up(two: Stores) -> None:
    job = two.complete("a", greeting("x"), b"12345", b"printed")
    push(two["a"])

    report = pull(two["b"], outputs="none")

    assert (report.new, report.files, report.awaited_files) == (1, 0, 0)
    with pytest.raises(OutputNotFound):
        two["b"].output_file(job.jobId, "output")
    assert checks(two["b"]) == []
    [again] = two["b"].submit([greeting("x")])
    assert again.status == "pending"


def test_files_that_were_given_up_come_with_the_next_eager_pull(two: Stores) -> None:
    job = two.complete("a", greeting("x"), b"12345")
    push(two["a"])
    pull(two["b"], outputs="none")

    pull(two["b"], outputs="eager")

    assert two["b"].output_file(job.jobId, "output").read_bytes() == b"12345"
    assert checks(two["b"]) == []
    two["b"].delete([job.jobId])
    assert blobs_on_disk(two["b"]) == set()


def test_larger_files_come_when_they_are_first_read(two: Stores) -> None:
    small = two.complete("a", greeting("small"), b"1" * 10)
    large = two.complete("a", greeting("large"), b"1" * 11)
    push(two["a"])

    report = pull(two["b"], max_size=10)

    assert (report.new, report.files, report.awaited_files) == (2, 1, 1)
    assert blobs_on_disk(two["b"]) == {digest_of(two["b"], small.jobId)}
    assert awaited(two["b"], digest_of(two["b"], large.jobId))


def test_jobs_with_larger_files_are_not_pushed(two: Stores) -> None:
    two.complete("a", greeting("small"), b"1" * 10)
    large = two.complete("a", greeting("large"), b"1" * 11)

    report = push(two["a"], max_size=10)

    assert report.new == 1
    assert [each.job_id for each in report.left_out] == [large.jobId]
    assert push(two["a"]).new == 1


def test_awaited_files_are_fetched_before_they_are_pushed_on_or_leave_their_jobs_out(
    two: Stores, tmp_path: Path
) -> None:
    from dendro_sync import add_remote

    job = two.complete("a", greeting("x"), b"12345")
    push(two["a"])
    pull(two["b"], outputs="lazy")
    add_remote(two["b"], "further", str(tmp_path / "further"))

    lazily = push(two["b"], "further", outputs="lazy")
    assert (lazily.new, [each.job_id for each in lazily.left_out]) == (0, [job.jobId])
    report = push(two["b"], "further")

    assert (report.new, report.left_out_count) == (1, 0)
    digest = digest_of(two["a"], job.jobId)
    assert (tmp_path / "further/blobs" / digest[:2] / digest).read_bytes() == b"12345"
    assert not awaited(two["b"], digest)


def test_local_inputs_go_along_only_if_asked_for(two: Stores, tmp_path: Path) -> None:
    file = tmp_path / "secret-folder" / "input.txt"
    file.parent.mkdir()
    file.write_text("local input")
    url = two["a"].file_url(file)
    digest = url.removeprefix(blob_url(Digest("")))
    two.complete("a", counting(url, local_paths={url: str(file)}), b"11")

    def in_bucket() -> bytes:
        return all_bytes(Path(two.url))

    push(two["a"])
    assert digest.encode() in in_bucket()
    assert b"local input" not in in_bucket()
    push(two["a"], inputs=True)

    assert b"local input" in in_bucket()
    assert b"secret-folder" not in in_bucket()


def test_nothing_of_this_machine_alone_leaves_it(two: Stores, tmp_path: Path) -> None:
    from dendro_local.model import Secret

    hub = two["a"]
    [job] = hub.submit([greeting("x", secrets=[Secret(name="TOKEN", value="s3cr3t-value")])])
    worker = two.worker("a")
    worker.complete(worker.claim())
    push(hub)

    found = all_bytes(Path(two.url))
    assert job.jobId.encode() in found
    for private in ("s3cr3t-value", str(tmp_path), hub.store.folder.key.read_text().strip()):
        assert private.encode() not in found
