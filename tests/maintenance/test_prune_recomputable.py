"""Outputs are dropped of jobs that can run again, and these run again when they are submitted."""

import shutil
from pathlib import Path

import msgspec
import pytest

from dendro_local.errors import OutputNotFound
from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.pruning import PrunePlan, PruneRules
from dendro_local.model import Job, JobInputFile
from tests.conftest import AppMaker
from tests.hub.conftest import NewJobMaker, Worker
from tests.maintenance.conftest import (
    DAY,
    JobMaker,
    blob_of,
    blobs_on_disk,
    change,
    findings,
    finish,
    lab_request,
)

RECOMPUTABLE = PruneRules(recomputable=True)


def drop(hub: LocalHub, rules: PruneRules = RECOMPUTABLE) -> PrunePlan:
    return hub.prune(hub.plan_prune(rules))


def dropped(plan: PrunePlan) -> list[str]:
    return [each.job_id for each in plan.jobs]


def with_input(request: NewJob, url: str) -> NewJob:
    file = JobInputFile(name="input", fileBaseName="input.txt", url=url)
    definition = msgspec.structs.replace(request.jobDefinition, inputFiles=[file])
    return msgspec.structs.replace(request, jobDefinition=definition)


@pytest.fixture
def counting_of(completed: JobMaker, counting: NewJobMaker) -> JobMaker:
    """A completed count of the characters behind a URL: ``counting_of(url, b'4')``."""
    some = completed("whose URL is replaced", b"some text")

    def make(url: str, content: bytes, **more: object) -> Job:
        return completed(with_input(counting(some), url), content, **more)

    return make


def test_the_record_stays_and_a_submit_runs_the_job_again(
    hub: LocalHub, completed: JobMaker, greeting: NewJobMaker, worker: Worker
) -> None:
    job = completed("a", b"Hello!", console=b"printed")

    pruned = drop(hub)

    assert (dropped(pruned), pruned.freed_bytes) == ([job.jobId], 6)
    assert hub.get_job(job.jobId) == job
    assert hub.console(job.jobId) == b"printed"
    with pytest.raises(OutputNotFound, match="no longer in the store. Submit the job again"):
        hub.output_file(job.jobId, "output")
    assert findings(hub) == []

    [again] = hub.submit([greeting("a")])
    assert again.jobId != job.jobId
    assert job.jobId in hub.why(again.jobId)
    worker.complete(worker.claim(), b"Hello!")
    assert blob_of(hub, again).read_bytes() == blob_of(hub, job).read_bytes() == b"Hello!"
    assert findings(hub) == []


def test_what_is_dropped_is_not_dropped_again(hub: LocalHub, completed: JobMaker) -> None:
    completed("a")
    drop(hub)

    assert drop(hub).jobs == []


def test_failed_jobs_are_left_alone(hub: LocalHub, failed: JobMaker) -> None:
    failed("a")

    assert drop(hub).jobs == []
    assert drop(hub, PruneRules(recomputable=True, status="failed")).jobs == []


def test_other_rules_choose_among_them(hub: LocalHub, completed: JobMaker) -> None:
    jobs = [completed(name, name.encode() * 100) for name in "abcd"]
    for days, job in enumerate(jobs):
        finish(hub, job, days_ago=days)

    old = PruneRules(recomputable=True, older_than_sec=2.5 * DAY)
    assert dropped(drop(hub, old)) == [jobs[3].jobId]
    small = PruneRules(recomputable=True, to_size_bytes=250)
    assert dropped(drop(hub, small)) == [jobs[2].jobId]


def test_pinned_jobs_and_what_waits_needs_keep_their_outputs(
    hub: LocalHub, completed: JobMaker, counting: NewJobMaker
) -> None:
    pinned, needed = completed("a", b"1"), completed("b", b"2")
    hub.pin([pinned.jobId])
    hub.submit([counting(needed)])

    plan = drop(hub)

    assert (plan.jobs, plan.kept) == ([], 2)


def test_an_output_that_is_also_what_was_printed_stays(hub: LocalHub, completed: JobMaker) -> None:
    completed("a", b"same", console=b"same")

    assert drop(hub).jobs == []


def test_an_output_that_frees_nothing_stays(hub: LocalHub, completed: JobMaker) -> None:
    pinned, other = completed("a", b"same"), completed("b", b"same")
    hub.pin([pinned.jobId])

    assert drop(hub).jobs == []
    assert blob_of(hub, other).exists()


def make_version(hub: LocalHub, make_app: AppMaker, version: str | None, word: str = "") -> Path:
    folder = make_app(
        "lab",
        "@app.processor\ndef work(output: OutputFile) -> None:\n    " + repr(word),
        version=version,
    )
    hub.add_app(str(folder), "lab")
    return folder


def test_outputs_of_an_app_that_changed_stay(
    hub: LocalHub, completed: JobMaker, make_app: AppMaker
) -> None:
    make_version(hub, make_app, "1")
    completed(lab_request())

    make_version(hub, make_app, "2")
    plan = drop(hub)
    assert (plan.jobs, plan.not_recomputable) == ([], 1)

    make_version(hub, make_app, "1")
    assert len(drop(hub).jobs) == 1


def test_outputs_of_an_app_whose_folder_was_edited_stay(
    hub: LocalHub, completed: JobMaker, make_app: AppMaker
) -> None:
    folder = make_version(hub, make_app, None)
    completed(lab_request())
    (folder / "more.py").write_text("edited = True")

    assert drop(hub).not_recomputable == 1


@pytest.mark.parametrize("how", ["removed", "without its folder", "by its spec alone"])
def test_outputs_of_an_app_that_is_not_there_stay(
    hub: LocalHub, completed: JobMaker, make_app: AppMaker, how: str
) -> None:
    folder = make_version(hub, make_app, "1")
    completed(lab_request())
    if how == "removed":
        hub.remove_app("lab", "lab")
    elif how == "without its folder":
        shutil.rmtree(folder)
    else:
        change(hub, "update service_apps set source = null where app_name = 'lab'")

    assert drop(hub).not_recomputable == 1


def test_an_input_from_the_web_counts_as_there(
    hub: LocalHub, completed: JobMaker, counting_of: JobMaker
) -> None:
    job = counting_of("https://example.org/a.nwb", b"4")

    assert job.jobId in dropped(drop(hub))


def test_an_input_of_unknown_kind_does_not(hub: LocalHub, counting_of: JobMaker) -> None:
    job = counting_of("s3://bucket/a.nwb", b"4")

    assert job.jobId not in dropped(drop(hub))


def test_an_input_on_this_machine_has_to_be_as_it_was(
    hub: LocalHub, counting_of: JobMaker, tmp_path: Path
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("spikes")
    job = counting_of(hub.file_url(file), b"6")
    change(hub, "update job_inputs set local_path = ? where url like '%sha256%'", str(file))

    file.write_text("others")
    assert job.jobId not in dropped(hub.plan_prune(RECOMPUTABLE))
    file.unlink()
    assert job.jobId not in dropped(hub.plan_prune(RECOMPUTABLE))
    file.write_text("spikes")
    assert job.jobId in dropped(drop(hub))


def test_bytes_that_lie_nowhere_else_stay_for_a_dropped_job_that_takes_them(
    hub: LocalHub, completed: JobMaker, counting_of: JobMaker, tmp_path: Path
) -> None:
    giver = completed("a", b"only here", days_ago=9)
    file = tmp_path / "a.txt"
    file.write_bytes(b"only here")
    taker = counting_of(hub.file_url(file), b"9")
    file.unlink()

    assert taker.jobId in dropped(drop(hub))

    assert blob_of(hub, giver).read_bytes() == b"only here"
    for rules in (RECOMPUTABLE, PruneRules(older_than_sec=DAY), PruneRules(to_size_bytes=0)):
        assert giver.jobId not in dropped(hub.plan_prune(rules))


def test_a_whole_chain_is_dropped_where_its_beginning_can_run_again(
    hub: LocalHub, completed: JobMaker, counting: NewJobMaker
) -> None:
    first = completed("a")
    second = completed(counting(first), b"1")
    third = completed(counting(second), b"2")

    assert len(drop(hub).jobs) == 3

    assert blobs_on_disk(hub) == set()
    assert findings(hub) == []
    assert hub.get_job(third.jobId) == third


def test_a_child_of_a_dropped_parent_can_be_dropped_later(
    hub: LocalHub, completed: JobMaker, counting: NewJobMaker
) -> None:
    parent = completed("a", days_ago=9)
    child = completed(counting(parent), b"1")
    drop(hub, PruneRules(recomputable=True, older_than_sec=DAY))

    assert dropped(drop(hub)) == [child.jobId]


def test_a_child_whose_parent_is_gone_keeps_its_outputs(
    hub: LocalHub, completed: JobMaker, counting: NewJobMaker
) -> None:
    parent = completed("a")
    child = completed(counting(parent), b"1")
    hub.delete([parent.jobId])

    assert drop(hub).not_recomputable == 1
    assert blob_of(hub, child).exists()


def test_what_a_dropped_output_can_be_made_of_is_not_pruned(
    hub: LocalHub, completed: JobMaker, counting: NewJobMaker
) -> None:
    parent = completed("a", b"12345", days_ago=9)
    child = completed(counting(parent), b"1")
    drop(hub)
    old = PruneRules(older_than_sec=DAY)

    assert (hub.plan_prune(old).jobs, hub.plan_prune(old).kept) == ([], 1)

    finish(hub, child, days_ago=9)
    assert {each.job_id for each in drop(hub, old).jobs} == {parent.jobId, child.jobId}


def test_a_dropped_child_keeps_its_parent_when_only_a_size_counts(
    hub: LocalHub, completed: JobMaker, counting: NewJobMaker
) -> None:
    parent = completed("a", b"12345", days_ago=9)
    child = completed(counting(parent), b"1")
    finish(hub, child, days_ago=10)
    drop(hub, PruneRules(recomputable=True, older_than_sec=9.5 * DAY))

    assert drop(hub, PruneRules(to_size_bytes=0)).jobs == []


def test_a_job_can_run_again_if_all_that_it_goes_back_to_can(
    hub: LocalHub,
    completed: JobMaker,
    counting: NewJobMaker,
    make_app: AppMaker,
) -> None:
    make_version(hub, make_app, "1")
    first = completed(lab_request(), b"first")
    second = completed(counting(first), b"second")
    both = msgspec.structs.replace(counting(second), jobDependencies=[first.jobId])
    drop(hub)
    third = completed(both, b"third")

    make_version(hub, make_app, "2")
    assert hub.plan_prune(RECOMPUTABLE).not_recomputable == 1
    make_version(hub, make_app, "1")
    assert dropped(drop(hub)) == [third.jobId]
