"""What changed since a number."""

from collections.abc import Callable
from pathlib import Path

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from tests.hub.conftest import Worker, greeting  # noqa: F401 - a fixture

Greeting = Callable[..., NewJob]


def test_each_job_that_changed_is_told_once_as_it_is_now(
    hub: LocalHub,
    greeting: Greeting,  # noqa: F811
) -> None:
    first, second, third = hub.submit([greeting(name) for name in "abc"])
    before = hub.last_change()
    hub.cancel(first.jobId)
    hub.add_tags(second.jobId, ["t"])
    hub.add_tags(first.jobId, ["t"])

    entries = hub.changes_since(before, 10)

    assert [entry.job_id for entry in entries] == [second.jobId, first.jobId]
    assert [entry.job and entry.job.record.tags for entry in entries] == [["t"], ["t"]]
    assert entries[-1].number == hub.last_change() > entries[0].number > before
    assert third.jobId in [entry.job_id for entry in hub.changes_since(0, 10)]


def test_a_job_that_is_gone_leaves_word(
    hub: LocalHub,
    greeting: Greeting,  # noqa: F811
) -> None:
    first, second = hub.submit([greeting("a"), greeting("b")])
    hub.delete([first.jobId])
    hub.add_tags(second.jobId, ["t"])

    gone, changed = hub.changes_since(0, 10)

    assert (gone.job_id, gone.job) == (first.jobId, None)
    assert gone.deleted_at is not None
    assert changed.job_id == second.jobId


def test_it_is_read_some_at_a_time(
    hub: LocalHub,
    greeting: Greeting,  # noqa: F811
) -> None:
    jobs = hub.submit([greeting(str(number)) for number in range(7)])
    hub.delete([jobs[2].jobId, jobs[5].jobId])
    found = []
    number = 0

    while entries := hub.changes_since(number, 2):
        assert len(entries) <= 2
        found += [entry.job_id for entry in entries]
        number = entries[-1].number

    kept = [job.jobId for job in jobs if job not in (jobs[2], jobs[5])]
    assert found == [*kept, jobs[2].jobId, jobs[5].jobId]


def test_a_store_in_which_nothing_happened_has_nothing_to_tell(hub: LocalHub) -> None:
    assert hub.last_change() == 0
    assert hub.changes_since(0, 10) == []


def test_claims_that_a_power_cut_may_take_back_are_not_settled(
    hub: LocalHub,
    greeting: Greeting,  # noqa: F811
    tmp_path: Path,
) -> None:
    hub.submit([greeting("a"), greeting("b")])
    before = hub.last_change()
    assert hub.store.feed.last_settled() == before
    worker = Worker(hub, tmp_path)
    first, second = worker.claim(), worker.claim()
    assert (hub.last_change(), hub.store.feed.last_settled()) == (before + 2, before)

    hub.set_running(first)
    assert hub.store.feed.last_settled() == before + 1
    hub.set_running(second)
    assert hub.store.feed.last_settled() == hub.last_change() == before + 4


def test_a_claim_for_which_another_was_faster_is_no_change(
    hub: LocalHub,
    greeting: Greeting,  # noqa: F811
    tmp_path: Path,
) -> None:
    [job] = hub.submit([greeting()])
    Worker(hub, tmp_path).claim()
    before = hub.last_change()

    with hub.store.transaction():
        assert hub.store.jobs.take(job.jobId, claim_token="late") is None

    assert hub.last_change() == before
