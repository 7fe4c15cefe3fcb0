"""addUser, resetUserApiKey, setUserInfo and computeUserStats: each row of the contract."""

import pytest

from dendro_local.model import JobId
from tests.hub.conftest import Worker
from tests.server.conftest import ADA, BOB, OWNER, Answer, Served, job_request, refusal

UNAUTHORIZED = refusal(401, "Unauthorized")
NOTHING = {"numJobs": 0, "cpuHours": 0, "gpuHours": 0, "gbHours": 0, "jobHours": 0}


def test_a_user_is_added_by_the_user_whose_store_it_is(served: Served) -> None:
    assert served.get("addUser", {"userId": ADA}, served.key_of(OWNER)) == {}

    assert served.hub.user(ADA).user_id == ADA


@pytest.mark.parametrize("user", [ADA, OWNER])
def test_a_key_is_reset_by_its_user_and_by_the_user_whose_store_it_is(
    served: Served, user: str
) -> None:
    before = served.key_of(ADA)

    reply = served.get("resetUserApiKey", {"userId": ADA}, served.key_of(user))

    assert set(reply) == {"apiKey"}
    assert reply["apiKey"].isalnum()
    assert len(reply["apiKey"]) == 32
    assert served.ask("setUserInfo", {"userId": ADA}, before) == UNAUTHORIZED
    assert served.get("setUserInfo", {"userId": ADA}, reply["apiKey"]) == {}


def test_resetting_takes_every_earlier_key_out_of_use(served: Served) -> None:
    first, second = served.key_of(ADA), served.hub.add_api_key(ADA, "laptop")[1]

    served.get("resetUserApiKey", {"userId": ADA}, second)

    for key in (first, second):
        assert served.ask("resetUserApiKey", {"userId": ADA}, key) == UNAUTHORIZED


def test_what_a_user_tells_of_themselves_stays_where_it_is_not_given(served: Served) -> None:
    key = served.key_of(ADA)

    served.get("setUserInfo", {"userId": ADA, "name": "Ada", "email": "ada@example.org"}, key)
    served.get("setUserInfo", {"userId": ADA, "name": "Ada L."}, key)

    assert served.hub.user(ADA).info == {"name": "Ada L.", "email": "ada@example.org"}


@pytest.mark.parametrize(
    ("call", "user_id", "key_of", "answer"),
    [
        ("addUser", ADA, None, UNAUTHORIZED),
        ("addUser", ADA, BOB, UNAUTHORIZED),
        ("addUser", BOB, BOB, refusal(400, "User already exists")),
        ("addUser", OWNER, OWNER, refusal(400, "User already exists")),
        ("resetUserApiKey", BOB, None, UNAUTHORIZED),
        ("resetUserApiKey", OWNER, BOB, UNAUTHORIZED),
        ("resetUserApiKey", "nobody", OWNER, refusal(404, "User not found")),
        ("setUserInfo", BOB, None, UNAUTHORIZED),
        ("setUserInfo", OWNER, BOB, UNAUTHORIZED),
        ("setUserInfo", "nobody", OWNER, refusal(404, "User not found")),
    ],
)
def test_what_is_not_the_users_own_is_refused(
    served: Served, call: str, user_id: str, key_of: str | None, answer: Answer
) -> None:
    served.key_of(BOB)
    key = None if key_of is None else served.key_of(key_of)

    assert served.ask(call, {"userId": user_id}, key) == answer


@pytest.mark.parametrize("user_id", ["", "*", "a b", "a\x1bb", "a" * 201])
def test_what_no_user_can_be_called_is_refused(served: Served, user_id: str) -> None:
    assert served.ask("addUser", {"userId": user_id}, served.key_of(OWNER))[0] == 400


def test_a_revoked_key_is_nobodys(served: Served) -> None:
    key = served.key_of(ADA)
    [known] = served.hub.api_keys(ADA)

    served.hub.revoke_api_key(ADA, known.key_id)

    assert served.ask("resetUserApiKey", {"userId": ADA}, key) == UNAUTHORIZED


def test_the_statistics_of_a_user_have_exactly_the_documented_keys(served: Served) -> None:
    assert served.get("computeUserStats", {"userId": "nobody"}) == {
        "userStats": {
            "consumed": NOTHING,
            "provided": NOTHING,
            "consumedDeleted": NOTHING,
            "providedDeleted": NOTHING,
        }
    }


def test_the_statistics_tell_what_jobs_used_where(served: Served, worker: Worker) -> None:
    served.get(
        "setServiceInfo",
        {
            "serviceName": "hello_world_service",
            "users": [{"userId": ADA, "admin": False, "createJobs": True, "processJobs": False}],
        },
        served.key_of(OWNER),
    )
    resources = {"numCpus": 2, "numGpus": 0, "memoryGb": 0.5, "timeSec": 60}
    request = job_request("Ada", requiredResources=resources)
    served.get("createJob", request, served.key_of(ADA))
    job = worker.complete(worker.claim())
    assert job.timestampFinishedSec is not None
    assert job.timestampStartedSec is not None
    hours = (job.timestampFinishedSec - job.timestampStartedSec) / 3600
    used = {
        "numJobs": 1,
        "cpuHours": pytest.approx(2 * hours),
        "gpuHours": 0,
        "gbHours": pytest.approx(0.5 * hours),
        "jobHours": pytest.approx(hours),
    }

    consumed = served.get("computeUserStats", {"userId": ADA})["userStats"]
    provided = served.get("computeUserStats", {"userId": OWNER})["userStats"]

    assert (consumed["consumed"], consumed["provided"]) == (used, NOTHING)
    assert (provided["consumed"], provided["provided"]) == (NOTHING, used)

    request = {"userId": ADA, "jobIds": [JobId(job.jobId)]}
    served.get("deleteJobs", request, served.key_of(ADA))

    consumed = served.get("computeUserStats", {"userId": ADA})["userStats"]
    provided = served.get("computeUserStats", {"userId": OWNER})["userStats"]
    assert (consumed["consumed"], consumed["consumedDeleted"]) == (NOTHING, used)
    assert (provided["provided"], provided["providedDeleted"]) == (NOTHING, used)
