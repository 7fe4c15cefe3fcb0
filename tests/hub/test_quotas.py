"""How much one user of a public hub may have."""

import time
from collections.abc import Callable

import pytest

from dendro_local.errors import InvalidRequest, QuotaExceeded, TooLarge
from dendro_local.local_hub import LocalHub
from dendro_local.store.user_holdings import DAY_SEC
from tests.hub.conftest import NewJobMaker, Worker

ADA = "github|ada"
BOB = "github|bob"


@pytest.fixture
def limit(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Limit users: ``limit(pending_jobs=2)``; what is not given is far away."""

    def set_limits(**given: int) -> None:
        for name in ("pending_jobs", "jobs_a_day", "stored_bytes", "upload_bytes"):
            value = given.get(name, 10**12)
            monkeypatch.setenv(f"DENDRO_QUOTA_{name.upper()}", str(value))
        hub.limit_users()

    return set_limits


def test_a_user_may_have_so_many_jobs_pending(
    hub: LocalHub, limit: Callable[..., None], greeting: NewJobMaker, worker: Worker
) -> None:
    limit(pending_jobs=2)
    hub.submit([greeting("a"), greeting("b")], user_id=ADA)

    with pytest.raises(QuotaExceeded, match="up to 2 jobs of a user wait") as refused:
        hub.submit([greeting("c")], user_id=ADA)

    assert refused.value.retry_after_sec == 60
    hub.submit([greeting("c")], user_id=BOB)
    worker.claim()
    hub.submit([greeting("d")], user_id=ADA)


def test_what_is_refused_is_refused_whole(
    hub: LocalHub, limit: Callable[..., None], greeting: NewJobMaker
) -> None:
    limit(pending_jobs=2)

    with pytest.raises(QuotaExceeded):
        hub.submit([greeting(name) for name in "abc"], user_id=ADA)

    assert hub.facts().jobs_by_status == {}


def test_what_is_found_or_only_tagged_counts_for_nothing(
    hub: LocalHub, limit: Callable[..., None], greeting: NewJobMaker
) -> None:
    limit(pending_jobs=1)
    [job] = hub.submit([greeting("a")], user_id=ADA)

    found = hub.submit([greeting("a"), greeting("a", tags=["t"])], user_id=ADA)

    assert {each.jobId for each in found} == {job.jobId}


def test_equal_jobs_of_one_submission_count_once(
    hub: LocalHub, limit: Callable[..., None], greeting: NewJobMaker
) -> None:
    limit(pending_jobs=1)

    assert len({job.jobId for job in hub.submit([greeting("a")] * 3, user_id=ADA)}) == 1


def test_a_user_may_submit_so_many_jobs_a_day(
    hub: LocalHub,
    limit: Callable[..., None],
    greeting: NewJobMaker,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit(jobs_a_day=2)
    for name in "ab":
        hub.submit([greeting(name)], user_id=ADA)
        worker.complete(worker.claim())

    with pytest.raises(QuotaExceeded, match="up to 2 jobs of a user within 24 hours") as refused:
        hub.submit([greeting("c")], user_id=ADA)

    wait = refused.value.retry_after_sec
    assert wait is not None
    assert DAY_SEC - 600 < wait <= DAY_SEC
    later = time.time() + wait + 1
    monkeypatch.setattr(time, "time", lambda: later)
    hub.submit([greeting("c")], user_id=ADA)


def test_who_has_as_many_bytes_as_they_may_submits_nothing_more(
    hub: LocalHub, limit: Callable[..., None], greeting: NewJobMaker, worker: Worker
) -> None:
    limit(stored_bytes=10)
    [job] = hub.submit([greeting("a")], user_id=ADA)
    worker.complete(worker.claim(), content=b"0123456", console=b"789")
    with pytest.raises(QuotaExceeded, match="have 10 bytes; this hub keeps up to 10") as refused:
        hub.submit([greeting("b")], user_id=ADA)
    assert refused.value.retry_after_sec is None

    hub.delete([job.jobId])

    hub.submit([greeting("b")], user_id=ADA)


def test_a_file_is_refused_that_is_too_large_or_with_which_it_is_too_much(
    hub: LocalHub, limit: Callable[..., None], greeting: NewJobMaker, worker: Worker
) -> None:
    limit(stored_bytes=100, upload_bytes=60)
    hub.submit([greeting("a")], user_id=ADA)
    worker.complete(worker.claim(), content=bytes(50))

    hub.check_may_store(ADA, 50)
    with pytest.raises(TooLarge, match="has 51 bytes, .* have 50; this hub keeps up to 100"):
        hub.check_may_store(ADA, 51)
    with pytest.raises(TooLarge, match="has 61 bytes; this hub takes files of up to 60"):
        hub.check_may_store(BOB, 61)


def test_a_user_may_send_so_many_bytes_of_inputs_a_day(
    hub: LocalHub, limit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(stored_bytes=100, upload_bytes=60)
    hub.check_may_send(ADA, 60, 60)
    hub.check_may_send(ADA, 40, 0)

    with pytest.raises(QuotaExceeded, match="up to 100 bytes of inputs .* and 60 have come"):
        hub.check_may_send(ADA, 41, 41)
    with pytest.raises(TooLarge):
        hub.check_may_send(ADA, 61, 0)

    later = time.time() + DAY_SEC + 1
    monkeypatch.setattr(time, "time", lambda: later)
    hub.check_may_send(ADA, 41, 41)


def test_the_user_whose_store_it_is_has_no_limits(
    hub: LocalHub, limit: Callable[..., None], greeting: NewJobMaker
) -> None:
    limit(pending_jobs=1, jobs_a_day=1, stored_bytes=1, upload_bytes=1)

    hub.submit([greeting(name) for name in "abc"])

    hub.check_may_store(hub.user_id, 10**15)
    hub.check_may_send(hub.user_id, 10**15, 10**15)


def test_a_hub_that_is_not_public_has_no_limits(hub: LocalHub, greeting: NewJobMaker) -> None:
    hub.submit([greeting(str(number)) for number in range(5)], user_id=ADA)

    hub.check_may_store(ADA, 10**15)


@pytest.mark.parametrize("value", ["", "0", "-1", "1.5", "many", "9" * 30])
def test_a_limit_that_is_no_number_is_told(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    (hub.store.folder.root / "config.toml").write_text(f'quota_stored_bytes = "{value}"')

    with pytest.raises(InvalidRequest, match="quota_stored_bytes, from config.toml"):
        hub.limit_users()


def test_the_bytes_of_users_follow_their_jobs(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    holdings = hub.store.holdings
    [first] = hub.submit([greeting("a")], user_id=ADA)
    worker.complete(worker.claim(), content=bytes(10))
    [second] = hub.submit([greeting("b")], user_id=BOB)
    worker.complete(worker.claim(), content=bytes(20), console=bytes(5))

    assert (holdings.stored_bytes(ADA), holdings.stored_bytes(BOB)) == (10, 25)

    hub.delete([first.jobId])
    assert (holdings.stored_bytes(ADA), holdings.stored_bytes(BOB)) == (0, 25)
    hub.delete([second.jobId])
    assert holdings.stored_bytes(BOB) == 0
