"""Checking jobs and what they came of once more."""

import pytest

from dendro_local.errors import JobNotFound
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job
from dendro_sync import Report, pull, push, untrust_key, verify
from tests.cli.conftest import Run, run  # noqa: F401 - a fixture
from tests.maintenance.conftest import change
from tests.sync.conftest import Stores, counting, greeting, url_of


@pytest.fixture
def chain(stores: Stores) -> list[Job]:
    """Three jobs that take each other's outputs, pulled by ``b`` from ``a``; the last first."""
    first = stores.complete("a", greeting("x"), b"abc")
    second = stores.complete("a", counting(url_of(first)), b"3")
    third = stores.complete("a", counting(url_of(second)), b"1")
    push(stores["a"])
    stores.trust("b", "a")
    report: Report = pull(stores["b"])
    assert report.new == 3
    return [third, second, first]


def damage(hub: LocalHub, job: Job, content: bytes) -> None:
    blob = hub.output_file(job.jobId, "output").resolve()
    blob.chmod(0o644)
    blob.write_bytes(content)


def test_a_chain_is_verified_down_to_its_beginning(stores: Stores, chain: list[Job]) -> None:
    for name, signer in (("a", "this store"), ("b", "a")):
        found = verify(stores[name], chain[0].jobId)

        assert found.isVerified
        assert [each.jobId for each in found.jobs] == [job.jobId for job in chain]
        assert {each.signer for each in found.jobs} == {signer}
        assert [each.files[0].state for each in found.jobs] == ["whole", "there", "there"]


def test_bytes_that_changed_are_told(stores: Stores, chain: list[Job]) -> None:
    damage(stores["b"], chain[0], b"2")

    found = verify(stores["b"], chain[0].jobId)

    assert not found.isVerified
    assert [each.isVerified for each in found.jobs] == [False, True, True]
    assert "output output" in (found.jobs[0].fault or "")


def test_bytes_of_ancestors_are_read_if_asked_for(stores: Stores, chain: list[Job]) -> None:
    damage(stores["b"], chain[2], b"abd")

    assert verify(stores["b"], chain[0].jobId).isVerified
    found = verify(stores["b"], chain[0].jobId, deep=True)

    assert [each.isVerified for each in found.jobs] == [True, True, False]


def test_a_record_that_changed_is_told(stores: Stores, chain: list[Job]) -> None:
    change(stores["b"], "update jobs set user_id = 'someone' where job_id = ?", chain[1].jobId)

    found = verify(stores["b"], chain[0].jobId)

    assert [each.isVerified for each in found.jobs] == [True, False, True]
    assert "does not verify" in (found.jobs[1].fault or "")


def test_who_is_not_trusted_any_more_does_not_count(stores: Stores, chain: list[Job]) -> None:
    untrust_key(stores["b"], "a")

    found = verify(stores["b"], chain[0].jobId)

    assert {each.keyId for each in found.jobs} == {None}
    assert not found.isVerified


def test_an_ancestor_that_is_gone_ends_the_chain(stores: Stores, chain: list[Job]) -> None:
    stores["b"].delete([chain[2].jobId])

    found = verify(stores["b"], chain[0].jobId)

    assert [each.isVerified for each in found.jobs] == [True, True, False]
    assert not found.isVerified


def test_files_that_are_not_here_are_told(
    stores: Stores,
    chain: list[Job],
    run: Run,  # noqa: F811
) -> None:
    store = ("--store", str(stores["b"].store.folder.root))
    gone = stores["b"].stored(chain[0].jobId).files.outputs["output"].digest
    assert gone is not None
    stores["b"].store.blobs.path(gone).unlink()

    failed = run(*store, "verify", chain[0].jobId, code=14)

    assert "Signatures and records of 3 jobs are right; 1 file is not here." in failed.stderr
    assert "All is as it was signed" not in failed.stderr
    assert run(*store, "verify", chain[1].jobId).stderr == "All is as it was signed: 2 jobs.\n"


def test_files_that_are_still_to_come_are_told_and_are_no_fault(
    stores: Stores,
    run: Run,  # noqa: F811
) -> None:
    job = stores.complete("a", greeting("x"), b"abc")
    push(stores["a"])
    stores.trust("b", "a")
    pull(stores["b"], outputs="lazy")
    store = ("--store", str(stores["b"].store.folder.root))

    told = run(*store, "verify", job.jobId).stderr

    assert "1 file is not here (1 to be fetched when first read)." in told


def test_what_has_not_ended_cannot_be_verified(stores: Stores) -> None:
    [pending] = stores["a"].submit([greeting("x")])

    with pytest.raises(JobNotFound, match="has not ended"):
        verify(stores["a"], pending.jobId)
