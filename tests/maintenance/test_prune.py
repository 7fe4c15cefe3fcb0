"""What goes by which rule, and what stays whatever the rules say."""

from pathlib import Path

import pytest

from dendro_local.errors import JobNotFound
from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.pruning import PrunePlan, PruneRules
from dendro_local.model import JobInputFile
from tests.hub.conftest import NewJobMaker, Worker
from tests.maintenance.conftest import (
    DAY,
    JobMaker,
    blob_of,
    blobs_on_disk,
    findings,
    finish,
    ids,
)

ALL = PruneRules(older_than_sec=0)


def prune(hub: LocalHub, rules: PruneRules = ALL) -> PrunePlan:
    """Prune, having seen what would go."""
    return hub.prune(hub.plan_prune(rules))


def left(hub: LocalHub) -> set[str]:
    return set(ids(hub.find_jobs(JobQuery())))


def test_record_and_bytes_go_together(hub: LocalHub, completed: JobMaker) -> None:
    job = completed("a", b"output", console=b"printed")

    pruned = prune(hub)

    assert [each.job_id for each in pruned.jobs] == [job.jobId]
    assert pruned.freed_bytes == len(b"output") + len(b"printed")
    assert blobs_on_disk(hub) == set()
    with pytest.raises(JobNotFound):
        hub.get_job(job.jobId)
    assert findings(hub) == []


def test_a_plan_removes_nothing(hub: LocalHub, completed: JobMaker) -> None:
    job = completed("a")

    plan = hub.plan_prune(ALL)

    assert plan.jobs[0].job_id == job.jobId
    assert hub.get_job(job.jobId) == job
    assert blob_of(hub, job).exists()


def test_bytes_that_another_job_holds_stay_and_are_not_counted(
    hub: LocalHub, completed: JobMaker
) -> None:
    old = completed("a", b"same", console=b"only of a", days_ago=2)
    new = completed("b", b"same")

    pruned = prune(hub, PruneRules(older_than_sec=DAY))

    assert [each.job_id for each in pruned.jobs] == [old.jobId]
    assert (pruned.jobs[0].size_bytes, pruned.freed_bytes) == (13, 9)
    assert blob_of(hub, new).read_bytes() == b"same"


def test_links_to_outputs_go_too(hub: LocalHub, completed: JobMaker) -> None:
    link = hub.output_file(completed("a").jobId, "output")

    prune(hub)

    assert not link.is_symlink()


def test_rules_are_met_by_jobs_to_which_all_of_them_apply(
    hub: LocalHub, completed: JobMaker, failed: JobMaker
) -> None:
    old = completed("a", b"x" * 100, days_ago=9, tags=["t", "u"])
    large = completed("b", b"y" * 1000, days_ago=1, tags=["t"])
    bad = failed("c")

    def met(**rules: object) -> list[str]:
        plan = hub.plan_prune(PruneRules(**rules))  # type: ignore[arg-type]  # of many kinds
        return [each.job_id for each in plan.jobs]

    assert met(older_than_sec=3 * DAY) == [old.jobId]
    assert met(larger_than_bytes=99) == [old.jobId, large.jobId]
    assert met(larger_than_bytes=100) == met(tags=("t",), larger_than_bytes=500) == [large.jobId]
    assert met(tags=("t", "u")) == [old.jobId]
    assert met(status="failed") == [bad.jobId]
    assert met(status="completed", older_than_sec=3 * DAY, tags=("u",)) == [old.jobId]
    assert met(status="failed", tags=("t",)) == []


def test_jobs_that_are_not_finished_stay_with_all_that_they_depend_on(
    hub: LocalHub, completed: JobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    grandparent = completed("a")
    parent = completed(counting(grandparent), b"1")
    [pending] = hub.submit([counting(parent)])
    hub.set_running(worker.claim())
    unrelated = completed("b")

    plan = hub.plan_prune(ALL)

    assert [each.job_id for each in plan.jobs] == [unrelated.jobId]
    assert plan.kept == 2
    prune(hub)
    assert left(hub) == {grandparent.jobId, parent.jobId, pending.jobId}


def test_what_a_waiting_job_takes_as_a_file_stays(
    hub: LocalHub, completed: JobMaker, counting: NewJobMaker, tmp_path: Path
) -> None:
    job = completed("a", b"text")
    file = tmp_path / "copy.txt"
    file.write_bytes(blob_of(hub, job).read_bytes())
    request = counting(job)
    request.jobDefinition.inputFiles[0] = JobInputFile(
        name="input", fileBaseName="copy.txt", url=hub.file_url(file)
    )
    hub.submit([request])
    file.unlink()

    prune(hub)

    assert blob_of(hub, job).read_bytes() == b"text"


def test_pinned_jobs_stay_with_all_that_they_depend_on(
    hub: LocalHub, completed: JobMaker, counting: NewJobMaker
) -> None:
    parent = completed("a")
    pinned = completed(counting(parent), b"1")
    child = completed(counting(pinned), b"2")
    hub.pin([pinned.jobId])

    pruned = prune(hub)

    assert [each.job_id for each in pruned.jobs] == [child.jobId]
    assert pruned.kept == 2
    hub.unpin([pinned.jobId])
    prune(hub)
    assert left(hub) == set()


def test_a_job_may_go_before_those_that_took_its_outputs(
    hub: LocalHub, completed: JobMaker, counting: NewJobMaker
) -> None:
    parent = completed("a", days_ago=9)
    child = completed(counting(parent), b"1")

    pruned = prune(hub, PruneRules(older_than_sec=DAY))

    assert pruned.children == 1
    assert left(hub) == {child.jobId}
    assert blob_of(hub, child).read_bytes() == b"1"
    assert hub.get_job(child.jobId).inputFileUrlList == [parent.outputFileResults[0].url]
    assert findings(hub) == []


def test_to_a_size_the_first_finished_go_until_it_fits(hub: LocalHub, completed: JobMaker) -> None:
    jobs = [completed(name, name.encode() * 100) for name in "abcd"]
    for days, job in enumerate(jobs):
        finish(hub, job, days_ago=days)

    pruned = prune(hub, PruneRules(to_size_bytes=250))

    assert [each.job_id for each in pruned.jobs] == [jobs[3].jobId, jobs[2].jobId]
    assert hub.facts().blob_bytes == 200


def test_to_a_size_nothing_goes_with_which_no_byte_does(
    hub: LocalHub, completed: JobMaker, failed: JobMaker
) -> None:
    failed("without files")
    pinned = completed("a", b"shared")
    completed("b", b"shared")
    own = completed("c", b"its own")
    hub.pin([pinned.jobId])

    assert [each.job_id for each in prune(hub, PruneRules(to_size_bytes=0)).jobs] == [own.jobId]


def test_only_what_was_shown_goes(hub: LocalHub, completed: JobMaker) -> None:
    shown = completed("a")
    plan = hub.plan_prune(ALL)
    later = completed("b")

    assert [each.job_id for each in hub.prune(plan).jobs] == [shown.jobId]
    assert left(hub) == {later.jobId}


def test_what_has_become_needed_since_it_was_shown_stays(
    hub: LocalHub, completed: JobMaker, counting: NewJobMaker
) -> None:
    taken, pinned, deleted = completed("a", b"1"), completed("b", b"2"), completed("c", b"3")
    plan = hub.plan_prune(ALL)
    hub.submit([counting(taken)])
    hub.pin([pinned.jobId])
    hub.delete([deleted.jobId])

    assert hub.prune(plan).jobs == []
    assert blob_of(hub, taken).exists()
    assert blob_of(hub, pinned).exists()


def test_more_jobs_go_than_one_transaction_takes(
    hub: LocalHub, completed: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dendro_local.local_hub.pruning.BATCH", 2)
    for name in "abcde":
        completed(name, b"same")

    assert len(prune(hub).jobs) == 5
    assert (left(hub), blobs_on_disk(hub)) == (set(), set())
