"""Jobs of an app whose code is in one store alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job, JobDefinition, JobOutputFile, ServiceUser
from dendro_local.v1 import NewExchange
from dendro_sync import add_remote, own_key, pull, push, trust_key
from dendro_sync.underway import UnderWay
from tests.cli.conftest import Run, run  # noqa: F401 - a fixture
from tests.conftest import AppMaker
from tests.hub.conftest import RESOURCES
from tests.live_hub import served
from tests.sync.conftest import SERVICE, Stores

LIMIT_SEC = 60.0

APP = """
@app.processor(image="example/mine:1")
def write(output: OutputFile) -> None:
    pass
"""


def of_mine(service: str = SERVICE) -> NewJob:
    """A request for a job of the app ``mine``."""
    return NewJob(
        serviceName=service,
        jobDefinition=JobDefinition(
            appName="mine",
            processorName="write",
            inputFiles=[],
            outputFiles=[JobOutputFile(name="output", fileBaseName="output.txt")],
            parameters=[],
        ),
        requiredResources=RESOURCES,
    )


@pytest.fixture
def lab(stores: Stores) -> Iterator[LocalHub]:
    """A hub that has no remote, served at ``stores.url``."""
    hub = stores.open("lab")
    with served(hub) as live:
        stores.url = live.url
        yield hub


def member(stores: Stores, lab: LocalHub, name: str) -> LocalHub:
    """The store of a user of the hub, who may process its jobs and trusts it."""
    lab.add_user(name)
    _, key = lab.add_api_key(name, "test")
    users = [*lab.service(SERVICE).users, may_process(name)]
    lab.set_service_users(SERVICE, users)
    file = stores.folder / f"{name}.key"
    file.write_text(key)
    hub = stores.open(name)
    stores.add(name, hub)
    add_remote(hub, "r", stores.url, key_file=file, trust=own_key(lab).publicKey)
    return hub


def may_process(name: str) -> ServiceUser:
    return ServiceUser(userId=name, admin=False, createJobs=True, processJobs=True)


@pytest.fixture
def ann(stores: Stores, lab: LocalHub, make_app: AppMaker) -> LocalHub:
    """The store of a user with an app of her own."""
    hub = member(stores, lab, "ann")
    hub.add_app(str(make_app("mine", APP)), SERVICE)
    return hub


@pytest.fixture
def ben(stores: Stores, lab: LocalHub, ann: LocalHub) -> LocalHub:
    """The store of a user who trusts ann."""
    hub = member(stores, lab, "ben")
    stores.trust("ben", "ann")
    return hub


def done_by(stores: Stores, name: str) -> Job:
    return stores.complete(name, of_mine())


def image_of(hub: LocalHub) -> str:
    [app] = hub.apps(service=SERVICE, name="mine")
    return app.record.appSpecification.processors[0].image


def test_jobs_of_ones_own_app_hit_at_others_who_pull_them_from_a_hub(
    stores: Stores, lab: LocalHub, ann: LocalHub, ben: LocalHub
) -> None:
    job = done_by(stores, "ann")

    assert push(ann).apps == 1
    report = pull(ben)

    assert (report.new, report.apps, report.unknown_apps) == (1, 1, [])
    assert [each.jobId for each in ben.submit([of_mine()])] == [job.jobId]


def test_an_app_that_has_changed_is_told_of_again(
    stores: Stores, lab: LocalHub, ann: LocalHub, ben: LocalHub, make_app: AppMaker
) -> None:
    done_by(stores, "ann")
    push(ann)
    pull(ben)
    make_app("mine", f"{APP}\n# a change\n")
    job = done_by(stores, "ann")

    push(ann)
    pull(ben)

    assert [each.jobId for each in ben.submit([of_mine()])] == [job.jobId]


def test_who_has_an_older_record_of_an_app_does_not_bring_it_back(
    stores: Stores, lab: LocalHub, ann: LocalHub, ben: LocalHub, make_app: AppMaker
) -> None:
    done_by(stores, "ann")
    push(ann)
    pull(ben)
    make_app("mine", f"{APP}\n# a change\n")
    done_by(stores, "ann")
    push(ann)

    push(ben)

    assert lab.app(SERVICE, "mine").version == ann.app(SERVICE, "mine").version


def test_an_app_that_came_with_its_jobs_goes_on_with_them(
    stores: Stores, lab: LocalHub, ann: LocalHub, ben: LocalHub
) -> None:
    done_by(stores, "ann")
    push(ann)
    pull(ben)
    add_remote(ben, "disk", str(stores.folder / "disk"))

    assert (push(ben, "disk").new, push(ben, "disk").apps) == (1, 0)

    cy = stores.open("cy")
    add_remote(cy, "disk", str(stores.folder / "disk"), trust=own_key(ben).publicKey)
    trust_key(cy, "ann", own_key(ann).publicKey)
    assert pull(cy).unknown_apps == []


def test_a_hub_takes_no_app_that_it_could_run_from_who_does_not_own_the_service(
    stores: Stores, lab: LocalHub, ann: LocalHub
) -> None:
    assert image_of(ann)

    push(ann)

    assert not image_of(lab)
    assert lab.app(SERVICE, "mine").source is None


def test_an_app_that_the_owner_registered_stays_when_another_of_its_name_is_pushed(
    stores: Stores, lab: LocalHub, ann: LocalHub, make_app: AppMaker
) -> None:
    other = stores.folder / "owners"
    make_app("mine", APP.replace("mine:1", "owners:1")).rename(other)
    lab.add_app(str(other), SERVICE)
    make_app("mine", APP)

    push(ann)

    assert image_of(lab) == "example/owners:1"
    assert lab.app(SERVICE, "mine").source == f"folder:{other}"


def test_an_app_that_a_hub_does_not_take_is_not_said_to_be_pushed_and_goes_once_it_may(
    stores: Stores, lab: LocalHub, ann: LocalHub, make_app: AppMaker
) -> None:
    ann.add_app(str(make_app("mine", APP)), "anns")
    stores.complete("ann", of_mine("anns"))

    report = push(ann)

    assert (report.new, report.apps) == (0, 1)
    assert {each.code for each in report.refused} == {"not_allowed"}
    assert "App mine of service anns" in " ".join(each.reason for each in report.refused)
    lab.add_service("anns", lab.user_id)
    lab.set_service_users("anns", [may_process("ann")])
    report = push(ann)
    assert (report.new, report.apps, report.refused) == (1, 1, [])
    assert [app.record.appName for app in lab.apps(service="anns")] == ["mine"]


def test_a_push_with_nothing_new_tells_of_no_app(
    stores: Stores, lab: LocalHub, ann: LocalHub
) -> None:
    assert push(ann).apps == 1

    assert push(ann).apps == 0


def test_the_owner_of_a_hub_brings_an_app_with_its_service(
    stores: Stores, make_app: AppMaker
) -> None:
    hub = stores.serve()
    stores["a"].add_app(str(make_app("mine", APP)), "mine_service")

    report = push(stores["a"])

    assert (report.apps, report.refused) == (1, [])
    assert image_of_service(hub, "mine_service") == "example/mine:1"


def image_of_service(hub: LocalHub, service: str) -> str:
    [app] = hub.apps(service=service, name="mine")
    return app.record.appSpecification.processors[0].image


def test_jobs_that_come_without_their_app_are_told(
    stores: Stores, lab: LocalHub, ann: LocalHub, ben: LocalHub
) -> None:
    done_by(stores, "ann")
    push(ann)
    lab.remove_app(SERVICE, "mine")

    report = pull(ben)

    assert report.unknown_apps == [f"{SERVICE}/mine"]


def test_an_exchange_of_a_hub_tells_of_jobs_that_came_without_their_app(
    stores: Stores, lab: LocalHub, ann: LocalHub, ben: LocalHub
) -> None:
    done_by(stores, "ann")
    push(ann)
    lab.remove_app(SERVICE, "mine")

    exchange = UnderWay(ben, "r", NewExchange(direction="pull"))
    assert exchange.wait(LIMIT_SEC)

    [report] = exchange.told().reports
    assert (report.new, report.unknown_apps) == (1, [f"{SERVICE}/mine"])


def test_an_app_that_is_not_registered_is_said_to_be_had_from_a_remote(
    run: Run,  # noqa: F811
    tmp_path: Path,
) -> None:
    without = run("submit", "nobodys", "write", code=13).stderr
    run("remote", "add", "lab", tmp_path / "bucket")

    assert "dendro-local pull" not in without
    assert "pull REMOTE --app nobodys" in run("submit", "nobodys", "write", code=13).stderr


def test_a_job_that_a_cache_has_by_an_unknown_key_runs_and_says_so(
    stores: Stores, lab: LocalHub, ann: LocalHub, ben: LocalHub
) -> None:
    job = done_by(stores, "ann")
    push(ann)
    cy = stores.open("cy")
    add_remote(cy, "lab", stores.url, is_cache=True, trust=own_key(lab).publicKey)
    pull(cy)
    [ran] = cy.submit([of_mine()])

    assert ran.jobId != job.jobId
    assert "Remote lab has this job" in cy.why(ran.jobId)
    assert own_key(ann).keyId in cy.why(ran.jobId)
    trust_key(cy, "ann", own_key(ann).publicKey)
    cy.delete([ran.jobId])
    assert cy.submit([of_mine()])[0].jobId == job.jobId
