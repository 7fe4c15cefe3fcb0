"""Who may do what on a service, as a table."""

import pytest

from dendro_local.errors import InvalidRequest
from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Service, ServiceUser
from tests.hub.conftest import NewJobMaker

SERVICE = "hello_world_service"


@pytest.fixture
def service(hub: LocalHub) -> Service:
    """A service of Olga's with users of every kind."""
    users = [
        ServiceUser(userId="admin", admin=True, createJobs=False, processJobs=False),
        ServiceUser(userId="creator", admin=False, createJobs=True, processJobs=False),
        ServiceUser(userId="processor", admin=False, createJobs=False, processJobs=True),
        ServiceUser(userId="nothing", admin=False, createJobs=False, processJobs=False),
        ServiceUser(userId="*", admin=False, createJobs=True, processJobs=False),
    ]
    service = Service(serviceName=SERVICE, userId="olga", users=users)
    with hub.store.transaction():
        hub.store.services.put(service)
    return service


@pytest.mark.parametrize(
    ("user_id", "create", "process", "administer", "own"),
    [
        ("olga", True, True, True, True),
        ("local|me", True, True, True, True),
        ("admin", True, True, True, False),
        ("creator", True, False, False, False),
        ("processor", True, True, False, False),
        ("nothing", True, False, False, False),
        ("stranger", True, False, False, False),
    ],
)
def test_rights_are_those_that_the_service_gives(
    hub: LocalHub,
    service: Service,
    user_id: str,
    create: bool,
    process: bool,
    administer: bool,
    own: bool,
) -> None:
    asked = hub.user_id if user_id == "local|me" else user_id

    assert hub.may_create_jobs(asked, service) is create
    assert hub.may_process_jobs(asked, service) is process
    assert hub.may_administer(asked, service) is administer
    assert hub.is_owner(asked, service) is own


@pytest.mark.parametrize(
    ("user_id", "delete", "cancel"),
    [
        ("olga", True, True),
        ("submitter", True, True),
        ("admin", True, True),
        ("creator", True, False),
        ("processor", False, False),
        ("stranger", False, False),
    ],
)
def test_a_job_is_deleted_and_canceled_by_those_who_may(
    hub: LocalHub,
    service: Service,
    greeting: NewJobMaker,
    user_id: str,
    delete: bool,
    cancel: bool,
) -> None:
    [job] = hub.submit([greeting()], user_id="submitter")

    assert hub.may_delete(user_id, job) is delete
    assert hub.may_change(user_id, job) is cancel


def test_the_jobs_of_a_service_that_is_gone_are_their_users(
    hub: LocalHub, greeting: NewJobMaker
) -> None:
    request: NewJob = greeting()
    [job] = hub.submit([request], user_id="submitter")
    hub.remove_service(SERVICE)

    assert hub.may_delete("submitter", job)
    assert not hub.may_delete("stranger", job)


def test_the_rights_of_some_are_changed_and_the_others_stay(
    hub: LocalHub, service: Service
) -> None:
    changed = ServiceUser(userId="creator", admin=False, createJobs=False, processJobs=True)
    new = ServiceUser(userId="new", admin=False, createJobs=True, processJobs=False)

    hub.change_service_users(SERVICE, [changed, new], ["*", "nothing", "nobody"])

    users = {user.userId: user for user in hub.service(SERVICE).users}
    assert list(users) == ["admin", "creator", "processor", "new"]
    assert (users["creator"], users["new"]) == (changed, new)


def test_everybody_can_only_be_let_create_jobs(hub: LocalHub, service: Service) -> None:
    everybody = ServiceUser(userId="*", admin=False, createJobs=True, processJobs=True)

    with pytest.raises(InvalidRequest, match="only be given createJobs"):
        hub.change_service_users(SERVICE, [everybody])

    assert hub.service(SERVICE) == service
