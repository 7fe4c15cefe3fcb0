"""What was refused is tried again by the next exchange, and told once by each."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dendro_local.model import Digest, Job
from dendro_sync import Selection, pull, push, sync
from tests.sync.buckets import edit_feed
from tests.sync.conftest import Stores, greeting, ids_in

CONTENT = b"0123456789" * 10


def digest_of(stores: Stores, job: Job) -> Digest:
    """The digest of the output of a job of ``a``."""
    digest = stores["a"].stored(job.jobId).files.outputs["output"].digest
    assert digest is not None
    return digest


@contextmanager
def damaged(file: Path) -> Generator[None]:
    """A block in which a file has other bytes, as many as before."""
    whole = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(b"z" * len(whole))
    yield
    file.write_bytes(whole)


@pytest.fixture
def unsent(stores: Stores) -> Job:
    """A job of ``a`` that could not be pushed, since its output was damaged then."""
    stores.complete("a", greeting("fine"), b"fine")
    job = stores.complete("a", greeting("x"), CONTENT)
    with damaged(stores["a"].store.blobs.path(digest_of(stores, job))):
        assert push(stores["a"]).refused_count == 1
    return job


@pytest.fixture
def untaken(stores: Stores) -> Job:
    """A job of ``a`` that ``b`` could not pull, since its output was damaged then."""
    stores.trust("b", "a")
    job = stores.complete("a", greeting("x"), CONTENT)
    push(stores["a"])
    [blob] = Path(stores.url).rglob(f"{digest_of(stores, job)}*")
    with damaged(blob):
        assert pull(stores["b"]).refused_count == 1
    return job


def test_what_a_push_with_a_limit_leaves_out_is_not_forgotten(stores: Stores, unsent: Job) -> None:
    limited = push(stores["a"], max_size=10)

    assert limited.new == 0
    assert [each.job_id for each in limited.left_out] == [unsent.jobId], "told once"
    assert push(stores["a"]).new == 1
    assert not push(stores["a"]).moved_anything()


def test_what_a_pull_by_input_does_not_choose_is_taken_all_the_same(
    stores: Stores, untaken: Job
) -> None:
    pull(stores["b"], selection=Selection(input_url="https://example.org/other"))
    pull(stores["b"])

    assert ids_in(stores["b"]) == {untaken.jobId}


def test_a_failed_job_that_a_pull_by_agreement_leaves_out_is_not_forgotten(stores: Stores) -> None:
    stores.trust("b", "a")
    stores["a"].submit([greeting("x")])
    worker = stores.worker("a")
    worker.fail(worker.claim(), "boom")
    push(stores["a"])
    feed = {file: file.read_bytes() for file in Path(stores.url).glob("feed/*.zst")}
    edit_feed(Path(stores.url), lambda line: line.replace(b"boom", b"bang"))
    assert [each.code for each in pull(stores["b"]).refused] == ["signature"]
    for file, content in feed.items():
        file.write_bytes(content)

    assert pull(stores["b"], require=2).left_out_count > 0

    assert pull(stores["b"]).new == 1


@pytest.mark.parametrize("full", [False, True])
def test_what_cannot_be_pushed_is_told_once(stores: Stores, unsent: Job, full: bool) -> None:
    with damaged(stores["a"].store.blobs.path(digest_of(stores, unsent))):
        pushed = push(stores["a"], full=full)
        synced = sync(stores["a"], full=full).push

    for report in (pushed, synced):
        assert [each.job_id for each in report.refused] == [unsent.jobId]
        assert report.refused_count == 1
