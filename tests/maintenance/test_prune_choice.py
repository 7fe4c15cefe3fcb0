"""Which candidates go, and what that frees."""

from hypothesis import given
from hypothesis import strategies as st

from dendro_local.local_hub.prune_choice import Candidate, choose
from dendro_local.model import Digest, JobId
from dendro_local.store.prune_search import FinishedJob

BLOBS = [Digest(letter * 64) for letter in "abcde"]


def candidate(number: int, *blobs: int) -> Candidate:
    job = FinishedJob(
        number=number,
        job_id=JobId(f"job{number}"),
        app_name="app",
        processor_name="processor",
        status="completed",
        finished_at=float(number),
    )
    return Candidate(job, frozenset(BLOBS[blob] for blob in blobs), 0)


def chosen(
    *candidates: Candidate, others: tuple[int, ...] = (), surplus: int | None = None
) -> list[tuple[int, int]]:
    """Number and freed bytes of those that go; each blob has 1, 10, 100, ... bytes."""
    held = [digest for each in candidates for digest in each.blobs]
    held += [BLOBS[blob] for blob in others]
    choices = choose(
        candidates,
        holders={digest: held.count(digest) for digest in BLOBS},
        sizes={digest: 10**power for power, digest in enumerate(BLOBS)},
        surplus_bytes=surplus,
    )
    return [(choice.candidate.job.number, choice.freed_bytes) for choice in choices]


def test_a_shared_blob_is_freed_once_with_the_last_that_holds_it() -> None:
    assert chosen(candidate(1, 0, 1), candidate(2, 1)) == [(1, 1), (2, 10)]


def test_a_blob_that_another_job_holds_is_not_freed() -> None:
    assert chosen(candidate(1, 0, 1), others=(1,)) == [(1, 1)]


def test_no_more_go_than_it_takes() -> None:
    jobs = (candidate(1, 0), candidate(2, 1), candidate(3, 2))

    assert chosen(*jobs, surplus=5) == [(1, 1), (2, 10)]


def test_nothing_goes_where_all_fits() -> None:
    assert chosen(candidate(1, 0), surplus=0) == []


def test_for_a_size_only_those_go_with_which_something_is_freed() -> None:
    jobs = (candidate(1), candidate(2, 4), candidate(3, 0))

    assert chosen(*jobs, others=(4,), surplus=1) == [(3, 1)]


def test_of_those_that_share_a_blob_all_go_or_it_is_not_worth_it() -> None:
    jobs = (candidate(1, 3), candidate(2, 0), candidate(3, 3))

    assert chosen(*jobs, surplus=1001) == [(1, 0), (2, 1), (3, 1000)]
    assert chosen(*jobs, surplus=1) == [(2, 1)]


SOME_BLOBS = st.frozensets(st.sampled_from(BLOBS))


@given(
    jobs=st.lists(SOME_BLOBS, max_size=8),
    others=st.lists(SOME_BLOBS, max_size=3),
    sizes=st.fixed_dictionaries({digest: st.integers(0, 1000) for digest in BLOBS}),
    surplus=st.none() | st.integers(0, 3000),
)
def test_what_is_freed_is_what_nobody_else_holds(
    jobs: list[frozenset[Digest]],
    others: list[frozenset[Digest]],
    sizes: dict[Digest, int],
    surplus: int | None,
) -> None:
    candidates = [Candidate(candidate(n).job, blobs, 0) for n, blobs in enumerate(jobs)]
    holders = {digest: sum(digest in each for each in [*jobs, *others]) for digest in BLOBS}

    choices = choose(candidates, holders=holders, sizes=sizes, surplus_bytes=surplus)

    going = {choice.candidate.job.number for choice in choices}
    staying = [blobs for number, blobs in enumerate(jobs) if number not in going] + others
    gone = frozenset[Digest]().union(*(each.candidate.blobs for each in choices))
    freed = gone - frozenset[Digest]().union(*staying)
    assert sum(choice.freed_bytes for choice in choices) == sum(sizes[each] for each in freed)
    if surplus is None:
        assert len(choices) == len(jobs)
    else:
        most = frozenset[Digest]().union(*jobs) - frozenset[Digest]().union(*others)
        enough = min(surplus, sum(sizes[each] for each in most))
        assert sum(sizes[each] for each in freed) >= enough
