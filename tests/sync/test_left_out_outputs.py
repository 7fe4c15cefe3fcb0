"""Outputs that were left out of an exchange come with a later one that is to bring them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.model import Job
from dendro_sync import add_remote, pull, push
from dendro_sync.report import Report
from tests.maintenance.conftest import blobs_on_disk, checks
from tests.sync.conftest import Stores, greeting


@pytest.fixture(params=["bucket", "hub"])
def two(stores: Stores, request: pytest.FixtureRequest) -> Stores:
    """A store ``b`` that trusts ``a``, with a bucket or a hub between them."""
    if request.param == "hub":
        stores.serve()
    stores.trust("b", "a")
    return stores


def check_has(hub: LocalHub, *jobs: Job) -> None:
    """The store has the outputs of these jobs, and is in order."""
    for job in jobs:
        assert hub.output_file(job.jobId, "output").read_bytes() == job.jobId.encode()
    assert checks(hub) == []


def complete(two: Stores, name: str) -> Job:
    """A job of ``a`` that gives its own id."""
    [job] = two["a"].submit([greeting(name)])
    worker = two.worker("a")
    return worker.complete(worker.claim(), job.jobId.encode())


def test_records_are_pushed_without_files(two: Stores) -> None:
    complete(two, "x")

    report = push(two["a"], outputs="none")

    assert (report.new, report.files, report.refused) == (1, 0, [])
    assert (push(two["a"], outputs="none").new, push(two["a"], outputs="none").files) == (0, 0)


def test_outputs_that_a_push_left_out_go_with_the_next_eager_one(two: Stores) -> None:
    first = complete(two, "first")
    push(two["a"])
    second = complete(two, "second")
    push(two["a"], outputs="none")

    would = push(two["a"], dry_run=True)
    report = push(two["a"])

    assert (would.new, would.files, would.bytes) == (0, 1, 20)
    assert (report.new, report.files, report.bytes) == (0, 1, 20)
    assert push(two["a"]).files == 0
    pull(two["b"])
    check_has(two["b"], first, second)


def test_a_hub_keeps_outputs_that_came_after_their_job(stores: Stores) -> None:
    hub = stores.serve()
    job = complete(stores, "x")
    push(stores["a"], outputs="none")
    [miss] = hub.submit([greeting("x")])
    assert miss.jobId != job.jobId
    hub.delete([miss.jobId])

    push(stores["a"])

    check_has(hub, job)
    assert hub.submit([greeting("x")])[0].jobId == job.jobId
    hub.delete([job.jobId])
    assert blobs_on_disk(hub) == set()


@pytest.mark.parametrize("first", ["none", "lazy"])
def test_outputs_that_a_pull_left_out_come_with_the_next_eager_one(two: Stores, first: str) -> None:
    early = complete(two, "early")
    push(two["a"])
    pull(two["b"])
    late = complete(two, "late")
    push(two["a"])
    assert _pull(two["b"], first).files == 0

    report = pull(two["b"])

    assert (report.new, report.known, report.files) == (0, 1, 1)
    check_has(two["b"], early, late)


def _pull(hub: LocalHub, outputs: str) -> Report:
    ask: Callable[..., Report] = pull
    return ask(hub, outputs=outputs)


def test_what_nobody_could_fetch_comes_once_it_was_pushed(two: Stores) -> None:
    job = complete(two, "x")
    push(two["a"], outputs="none")
    refused = pull(two["b"])
    assert [each.code for each in refused.refused] == ["missing"]

    push(two["a"])

    assert pull(two["b"]).new == 1
    check_has(two["b"], job)


def test_jobs_that_were_left_out_for_their_files_go_when_these_are_fetched(
    two: Stores,
) -> None:
    complete(two, "x")
    push(two["a"])
    pull(two["b"], outputs="lazy")
    add_remote(two["b"], "further", str(two.folder / "further"))
    assert push(two["b"], "further", outputs="lazy").new == 0

    assert push(two["b"], "further").new == 1


@pytest.mark.parametrize("count", [1, 3])
def test_jobs_whose_files_lie_on_a_remote_that_is_away_go_once_it_is_back(
    stores: Stores, tmp_path: Path, count: int
) -> None:
    stores.trust("b", "a")
    first, *_ = [complete(stores, f"{number}") for number in range(count)]
    push(stores["a"])
    pull(stores["b"], outputs="lazy")
    own = [stores.complete("b", greeting(f"own {number}")) for number in range(2)]
    add_remote(stores["b"], "further", str(tmp_path / "further"))
    Path(stores.url).rename(tmp_path / "away")

    report = push(stores["b"], "further")

    assert (report.new, report.left_out_count) == (len(own), count)
    assert first.jobId in {each.job_id for each in report.left_out}
    assert {each.reason for each in report.left_out} == {
        "A file of it lies on another remote, and cannot be fetched now."
    }
    (tmp_path / "away").rename(stores.url)
    report = push(stores["b"], "further")
    assert (report.new, report.left_out_count) == (count, 0)
    assert not push(stores["b"], "further").moved_anything()


def test_outputs_that_lie_on_a_remote_that_is_away_follow_their_job_once_it_is_back(
    stores: Stores, tmp_path: Path
) -> None:
    stores.trust("b", "a")
    complete(stores, "x")
    push(stores["a"])
    pull(stores["b"], outputs="lazy")
    add_remote(stores["b"], "further", str(tmp_path / "further"))
    assert push(stores["b"], "further", outputs="none").new == 1
    Path(stores.url).rename(tmp_path / "away")
    assert push(stores["b"], "further").left_out_count == 1

    (tmp_path / "away").rename(stores.url)

    assert push(stores["b"], "further").files == 2
    assert not push(stores["b"], "further").moved_anything()
