"""Which status may follow which."""

from itertools import pairwise

import pytest

from dendro_local.errors import Conflict
from dendro_local.lifecycle import STEPS, TERMINAL, check_step, requeue_or_fail
from dendro_local.model import JobStatus


def test_a_job_goes_from_pending_to_an_end() -> None:
    way: list[JobStatus] = ["pending", "starting", "running", "completed"]

    for now, then in pairwise(way):
        check_step("job", now, then)


@pytest.mark.parametrize("now", sorted(STEPS))
def test_a_job_may_fail_until_it_has_ended(now: JobStatus) -> None:
    if now in TERMINAL:
        with pytest.raises(Conflict, match="final"):
            check_step("job", now, "failed")
    else:
        check_step("job", now, "failed")


@pytest.mark.parametrize("now", sorted(TERMINAL))
@pytest.mark.parametrize("then", sorted(STEPS))
def test_an_end_is_final(now: JobStatus, then: JobStatus) -> None:
    with pytest.raises(Conflict, match=f"cannot become {then}"):
        check_step("job", now, then)


def test_a_job_that_was_claimed_does_not_complete_without_running() -> None:
    with pytest.raises(Conflict):
        check_step("job", "starting", "completed")


def test_a_job_that_need_not_run_completes_at_once() -> None:
    check_step("job", "pending", "completed")


def test_a_job_whose_compute_client_died_is_tried_again_until_its_attempts_are_used_up() -> None:
    assert [requeue_or_fail(attempts, 2) for attempts in (1, 2, 3)] == [
        "pending",
        "failed",
        "failed",
    ]
