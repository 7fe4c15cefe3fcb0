"""A cached result must come from the version of the app that is registered now."""

from pathlib import Path

import pytest

from dendro_local.errors import InvalidApp
from dendro_local.hub import Hub, NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import JobDefinition
from tests.conftest import AppMaker
from tests.hub.conftest import EITHER_HUB, RESOURCES, Worker

pytestmark = EITHER_HUB

DOUBLE = """
@app.processor
def work():
    '''Does something.'''
    print({word!r})
"""


def work(app: str) -> NewJob:
    return NewJob(
        serviceName="lab",
        jobDefinition=JobDefinition(
            appName=app, processorName="work", inputFiles=[], outputFiles=[], parameters=[]
        ),
        requiredResources=RESOURCES,
    )


def edit(folder: Path, before: str, after: str) -> None:
    main = folder / "main.py"
    main.write_text(main.read_text().replace(before, after))


def test_editing_an_app_makes_its_jobs_run_again(
    hub: Hub, local_hub: LocalHub, make_app: AppMaker, worker: Worker
) -> None:
    folder = make_app("mine", DOUBLE.format(word="first"))
    local_hub.add_app(str(folder), "lab")
    [old] = hub.submit([work("mine")])
    worker.complete(worker.claim())

    edit(folder, "first", "other")
    [new] = hub.submit([work("mine")])

    assert new.jobId != old.jobId
    assert old.jobId in hub.why(new.jobId)
    assert "version" in hub.why(new.jobId)


def test_undoing_the_edit_finds_the_old_result_again(
    hub: Hub, local_hub: LocalHub, make_app: AppMaker, worker: Worker
) -> None:
    folder = make_app("mine", DOUBLE.format(word="first"))
    local_hub.add_app(str(folder), "lab")
    [old] = hub.submit([work("mine")])
    worker.complete(worker.claim())
    edit(folder, "first", "other")
    hub.submit([work("mine")])

    edit(folder, "other", "first")

    assert hub.submit([work("mine")])[0].jobId == old.jobId


def test_a_new_file_beside_main_counts_as_an_edit(
    hub: Hub, local_hub: LocalHub, make_app: AppMaker
) -> None:
    folder = make_app("mine", DOUBLE.format(word="first"))
    local_hub.add_app(str(folder), "lab")
    [old] = hub.submit([work("mine")])

    (folder / "parameters.py").write_text("THRESHOLD = 5\n")

    assert hub.submit([work("mine")])[0].jobId != old.jobId


def test_bytecode_and_hidden_files_do_not_count(
    hub: Hub, local_hub: LocalHub, make_app: AppMaker
) -> None:
    folder = make_app("mine", DOUBLE.format(word="first"))
    local_hub.add_app(str(folder), "lab")
    [old] = hub.submit([work("mine")])

    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "main.cpython-311.pyc").write_bytes(b"x")
    (folder / ".main.py.swp").write_bytes(b"x")

    assert hub.submit([work("mine")])[0].jobId == old.jobId


def test_a_declared_version_keeps_results_across_edits(
    hub: Hub, local_hub: LocalHub, make_app: AppMaker
) -> None:
    folder = make_app("mine", DOUBLE.format(word="first"), version="1.0")
    local_hub.add_app(str(folder), "lab")
    [old] = hub.submit([work("mine")])

    edit(folder, "first", "# a comment changed")

    assert hub.submit([work("mine")])[0].jobId == old.jobId


def test_a_new_declared_version_makes_jobs_run_again(
    hub: Hub, local_hub: LocalHub, make_app: AppMaker
) -> None:
    folder = make_app("mine", DOUBLE.format(word="first"), version="1.0")
    local_hub.add_app(str(folder), "lab")
    [old] = hub.submit([work("mine")])

    edit(folder, "'1.0'", "'1.1'")
    [new] = hub.submit([work("mine")])

    assert new.jobId != old.jobId
    assert "1.0" in hub.why(new.jobId)
    assert "1.1" in hub.why(new.jobId)


def test_another_process_sees_the_edit_too(
    hub: Hub, local_hub: LocalHub, store_folder: Path, make_app: AppMaker
) -> None:
    folder = make_app("mine", DOUBLE.format(word="first"))
    local_hub.add_app(str(folder), "lab")
    [old] = hub.submit([work("mine")])
    edit(folder, "first", "other")

    fresh = LocalHub(store_folder)
    try:
        [new] = fresh.submit([work("mine")])
    finally:
        fresh.close()

    assert new.jobId != old.jobId


def test_an_edit_that_breaks_the_app_is_told_at_submit(
    hub: Hub, local_hub: LocalHub, make_app: AppMaker
) -> None:
    folder = make_app("mine", DOUBLE.format(word="first"))
    local_hub.add_app(str(folder), "lab")

    edit(folder, "print(", "print((")

    with pytest.raises(InvalidApp, match="SyntaxError"):
        hub.submit([work("mine")])
    assert hub.facts().jobs_by_status == {}


def test_what_runs_is_what_counts_when_an_app_changes_between_submit_and_run(
    hub: Hub, local_hub: LocalHub, make_app: AppMaker, worker: Worker
) -> None:
    folder = make_app("mine", DOUBLE.format(word="first"))
    local_hub.add_app(str(folder), "lab")
    [old] = hub.submit([work("mine")])
    edit(folder, "first", "other")

    claim = worker.claim()
    hub.app_of(claim)
    worker.complete(claim)

    # The job now counts as a result of the edited app, and is a hit for it.
    assert hub.submit([work("mine")])[0].jobId == old.jobId
    edit(folder, "other", "first")
    assert hub.submit([work("mine")])[0].jobId != old.jobId
