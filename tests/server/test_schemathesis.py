"""Whatever is asked of a hub is answered as it says, and never with a failure of its own.

Schemathesis asks ``/v1`` what its description allows, and what it forbids. The calls of the
contract, which has no such description, are asked with valid requests that were broken.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from dendro_local.local_hub import LocalHub
from dendro_local.server.contract.routes import MODULES
from tests.server.conftest import OWNER, SERVICE, job_request
from tests.server.v1.conftest import Live

pytestmark = pytest.mark.process

EXAMPLES = 3
"""So many requests of each kind of each operation."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

settings = hypothesis.settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A hub that is served, which is asked by all tests of this file."""
    folder = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DENDRO_LOCAL_DIR", str(folder))
        patch.setenv("DENDRO_LOCAL_USER", OWNER)
        hub = LocalHub(folder)
        live = Live(hub)
        yield live
        live.close()
        hub.close()


@pytest.fixture(scope="module")
def key(asked: Live) -> str:
    """An API key of the user whose store it is."""
    return asked.hub.add_api_key(OWNER)[1]


@pytest.fixture(scope="module")
def job_id(asked: Live, key: str) -> str:
    """A job that is there, at least at first."""
    return created_job(asked, key)


def created_job(asked: Live, key: str) -> str:
    """A job that was there before or not."""
    body = {"type": "createJobRequest", **job_request()}
    status, reply = post(asked, "createJob", json.dumps(body), key=key)
    assert status == 200, reply
    found: str = reply["job"]["jobId"]
    return found


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_of_v1_is_as_described(
    asked: Live, key: str, job_id: str, mode: GenerationMode
) -> None:
    described = schemathesis.openapi.from_url(f"{asked.server.url}/v1/openapi.json")
    described.config.update(base_url=asked.server.url)
    # Each request is asked by nobody, and by the owner.
    askers: tuple[dict[str, str], ...] = ({}, {"Authorization": f"Bearer {key}"})
    # The stream of events has no end: the next test asks for it. And who regenerates their key
    # is refused from then on.
    asked_elsewhere = ["followJobs", "regenerateApiKey"]
    operations = [
        each.ok()
        for each in described.exclude(operation_id=asked_elsewhere).get_all_operations()
        if isinstance(each, Ok)
    ]
    failures: list[str] = []
    for operation in operations:

        @hypothesis.settings(settings, max_examples=EXAMPLES)
        @given(case=operation.as_strategy(mode), of_real_job=st.booleans())
        def ask(case: schemathesis.Case[Any], of_real_job: bool) -> None:
            if of_real_job and "job_id" in case.path_parameters:
                case.path_parameters["job_id"] = job_id
            for headers in askers:
                case.call_and_validate(headers=headers, checks=CHECKS, timeout=60)

        try:
            ask()
        except FailureGroup as error:
            failures.append(f"{operation.label}: {error}")
        except Unsatisfiable:
            continue  # nothing can be wrong with a request that has no parts

    assert len(operations) > 30
    assert not failures, "\n\n".join(failures)


def test_the_stream_of_events_begins_or_is_refused(asked: Live) -> None:
    @hypothesis.settings(settings, max_examples=40)
    @given(
        params=st.dictionaries(
            st.sampled_from(("job", "service", "after", "x")),
            st.one_of(
                st.text(max_size=50), st.from_regex(r"[a-z0-9]*-[0-9]{1,30}", fullmatch=True)
            ),
        )
    )
    def ask(params: dict[str, str]) -> None:
        with asked.client.stream("GET", "/events", params=params) as reply:
            if reply.status_code == 200:
                assert next(reply.iter_lines()).startswith("id: ")
            else:
                assert reply.status_code == 400
                assert list(json.loads(reply.read())) == ["error"]

    ask()


def valid_requests(job_id: str) -> Mapping[str, Mapping[str, Any]]:
    """A request of each call, but for its type, with values that the hub knows."""
    definition = job_request()["jobDefinition"]
    job: dict[str, Any] = {"jobId": job_id}
    service = {"serviceName": SERVICE}
    app = {**service, "appName": "hello_world"}
    client = {"computeClientId": "abcdefghijkl"}
    specification = {"name": "x", "description": "", "processors": []}
    slot = dict.fromkeys(
        ("numCpus", "numGpus", "memoryGb", "timeSec", "multiplicity"), 1
    ) | dict.fromkeys(("minNumCpus", "minNumGpus", "minMemoryGb", "minTimeSec"), 0)
    upload = {**job, "uploadType": "output", "outputName": "output", "size": 3}
    multipart = {**job, "url": "http://x/f/a", "uploadId": "u"}
    return {
        "createJob": job_request(),
        "findJobByDefinition": {**service, "jobDefinition": definition},
        "findJobs": {**service, "tags": ["a"], "status": "pending", "limit": 10},
        "getJob": {**job, "includePrivateKey": False},
        "deleteJobs": {"userId": OWNER, "jobIds": [job_id]},
        "cancelJob": job,
        "getRunnableJobsForComputeClient": {**client, "singleJob": True},
        "getRunnableJob": job,
        "setJobStatus": {**job, "computeClientId": "", "status": "failed", "error": "x"},
        "getSignedUploadUrl": upload,
        "finalizeMultipartUpload": {
            **multipart,
            "size": 3,
            "parts": [{"PartNumber": 1, "ETag": '"a"'}],
        },
        "cancelMultipartUpload": multipart,
        "setOutputFileUrl": {**job, "outputName": "output", "url": "http://x/a"},
        "getSignedDownloadUrl": {**job, "url": "http://x/a"},
        "getDandiApiKey": {**job, "outputName": "output"},
        "getPubsubSubscription": {**client, "protocolVersion": "1"},
        "pingComputeClients": service,
        "addService": {"serviceName": "another"},
        "getService": service,
        "getServices": {},
        "setServiceInfo": {
            **service,
            "users": [
                {"userId": "a", "admin": True, "createJobs": True, "processJobs": False},
            ],
        },
        "deleteService": {"serviceName": "another"},
        "addServiceApp": {
            "serviceApp": {
                **app,
                "appSpecificationUri": "",
                "appSpecificationCommit": "",
                "appSpecification": specification,
            }
        },
        "getServiceApp": app,
        "getServiceApps": app,
        "setServiceAppInfo": {**app, "appSpecification": specification},
        "deleteServiceApp": {**service, "appName": "other"},
        "createComputeClient": {
            "userId": OWNER,
            "serviceNames": [SERVICE],
            "computeClientName": "x",
        },
        "getComputeClient": client,
        "getComputeClients": service,
        "setComputeClientInfo": {
            **client,
            "computeClientName": "x",
            "description": "",
            "computeSlots": [slot],
            "serviceNames": [SERVICE],
        },
        "deleteComputeClient": client,
        "addUser": {"userId": "github|ada"},
        "resetUserApiKey": {"userId": "github|ada"},
        "setUserInfo": {"userId": OWNER},
        "computeUserStats": {"userId": OWNER},
    }


CALLS = sorted(call.name for module in MODULES for call in module.CALLS)

DEEP = json.loads("[" * 200 + "]" * 200)
ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1.5,
        1e308,
        2**63,
        10**40,
        "",
        "\0",
        "\ud800",
        "\U0001f9e0 \u202e",
        "../..",
    ),
    *("%00", "x" * 100_000, [], {}, [None], {"a": {}}, DEEP, "dendro:f/a/b", "github|", " "),
)


@st.composite
def broken(draw: st.DrawFn, request: Mapping[str, Any]) -> Any:
    """A request in which one to three things are not as they should be."""
    found = json.loads(json.dumps(request))
    for _ in range(draw(st.integers(1, 3))):
        place = found
        while True:
            names = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not names:
                break
            name = draw(st.sampled_from(names))
            if isinstance(place[name], dict | list) and place[name] and draw(st.booleans()):
                place = place[name]
                continue
            match draw(st.sampled_from(("odd", "odd", "odd", "drop", "rename", "wrap"))):
                case "odd":
                    place[name] = copy.deepcopy(draw(st.sampled_from(ODD)))
                case "drop":
                    del place[name]
                case "rename" if isinstance(place, dict):
                    place[draw(st.sampled_from(("x", "type", f"{name} ", "")))] = place.pop(name)
                case _:
                    place[name] = [place[name]]
            break
    return found


def post(
    asked: Live,
    call: str,
    body: str | bytes,
    *,
    key: str | None = None,
    method: str = "POST",
    content_type: str = "application/json",
) -> tuple[int, Any]:
    """Status and JSON of the answer to a call."""
    headers = {b"content-type": content_type.encode()}
    if key is not None:
        headers[b"authorization"] = f"Bearer {key}".encode("latin-1")
    reply = asked.client.request(
        method, f"{asked.server.url}/api/{call}", content=body, headers=headers
    )
    return reply.status_code, reply.json() if method not in ("HEAD", "OPTIONS") else None


def test_every_call_has_a_request_here() -> None:
    assert sorted(valid_requests("")) == CALLS


@pytest.mark.parametrize("call", CALLS)
def test_a_broken_request_of_the_contract_is_refused_in_words(
    asked: Live, key: str, call: str
) -> None:
    request = valid_requests(created_job(asked, key))[call]

    @hypothesis.settings(settings, max_examples=30)
    @given(
        body=broken({"type": f"{call}Request", **request}),
        given_key=st.sampled_from((None, key, key, "x" * 32, "\u00e9")),
        method=st.sampled_from((*["POST"] * 9, "GET", "PUT", "PATCH", "DELETE")),
        content_type=st.sampled_from(
            (*["application/json"] * 4, "text/plain", "multipart/form-data", "x")
        ),
        cut=st.sampled_from((0, 0, 0, 0, 0, 1, 7)),
    )
    def ask(body: Any, given_key: str | None, method: str, content_type: str, cut: int) -> None:
        text = json.dumps(body)
        status, reply = post(
            asked,
            call,
            text[: len(text) - cut],
            key=given_key,
            method=method,
            content_type=content_type,
        )
        assert status < 500, reply
        if status == 200:
            assert reply["type"] == f"{call}Response"
        else:
            assert list(reply) == ["error"]
            assert isinstance(reply["error"], str)
            assert reply["error"]
        if method != "POST":
            assert status == 405

    ask()
