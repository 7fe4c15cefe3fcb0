"""Pins."""

import pytest

from dendro_local.errors import JobNotFound
from dendro_local.local_hub import LocalHub
from dendro_local.model import JobId
from tests.hub.conftest import NewJobMaker
from tests.maintenance.conftest import JobMaker, ids


def test_pinned_jobs_are_listed_in_the_order_of_their_pins(
    hub: LocalHub, completed: JobMaker, greeting: NewJobMaker
) -> None:
    first, second = completed("a"), completed("b")
    [pending] = hub.submit([greeting("c")])

    hub.pin([second.jobId])
    hub.pin([first.jobId, pending.jobId, second.jobId])

    assert ids(hub.pinned_jobs()) == ids([second, first, pending])


def test_unpinning_says_what_was_pinned(hub: LocalHub, completed: JobMaker) -> None:
    first, second = completed("a"), completed("b")
    hub.pin([first.jobId])

    assert hub.unpin([first.jobId, second.jobId]) == [first.jobId]
    assert hub.pinned_jobs() == []


def test_of_several_jobs_all_are_pinned_or_none(hub: LocalHub, completed: JobMaker) -> None:
    job = completed("a")

    with pytest.raises(JobNotFound):
        hub.pin([job.jobId, JobId("0" * 20)])

    assert hub.pinned_jobs() == []


def test_a_job_that_is_deleted_is_pinned_no_more(hub: LocalHub, completed: JobMaker) -> None:
    job = completed("a")
    hub.pin([job.jobId])

    hub.delete([job.jobId])

    assert hub.pinned_jobs() == []
