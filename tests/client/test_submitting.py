"""What is refused at submit, and many at once."""

from typing import Any

import pytest

from dendro_local import (
    DendroJobDefinition,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
    submit_jobs,
)
from dendro_local.errors import (
    AppNotFound,
    HubUnreachable,
    IncompatibleDefinition,
    InvalidDefinition,
    InvalidRequest,
    ServiceNotFound,
)
from tests.client.conftest import RESOURCES, Submitter


def greeting(name: Any) -> DendroJobDefinition:
    return DendroJobDefinition(
        appName="hello_world",
        processorName="hello_world_1",
        inputFiles=[],
        outputFiles=[],
        parameters=[DendroJobParameter(name="name", value=name)],
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (float("nan"), "nan"),
        ({"a": 1}, "dict"),
        ([1, "a"], "mixes"),
        ((1, 2), "list"),
        (b"x", "bytes"),
        (2**60, "2\\*\\*53"),
        ("\ud800", "surrogate"),
    ],
)
def test_values_that_the_contract_cannot_carry_are_refused_by_name(
    submit: Submitter, value: object, says: str
) -> None:
    with pytest.raises(InvalidDefinition, match=says) as refused:
        submit("hello_world_1", name=value)

    assert "parameters[0].value" in str(refused.value)
    assert "'name'" in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"service_name": ""}, "service_name"),
        ({"service_name": None}, "service_name"),
        ({"tags": "example"}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"target_compute_client_ids": [""]}, "target_compute_client_ids"),
        ({"required_resources": {"numCpus": 1}}, "required_resources"),
        ({"job_definition": {}}, "job_definition"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused_by_name(
    submit: Submitter, changes: dict[str, Any], says: str
) -> None:
    request: dict[str, Any] = {
        "service_name": "hello_world_service",
        "job_definition": greeting("a"),
        "required_resources": RESOURCES,
    }

    with pytest.raises(InvalidRequest, match=says):
        submit_job(**{**request, **changes})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("numCpus", 1.5),
        ("numGpus", -1),
        ("memoryGb", 0),
        ("timeSec", float("inf")),
        ("numCpus", True),
    ],
)
def test_resources_that_no_job_can_have_are_refused_by_name(
    submit: Submitter, field: str, value: Any
) -> None:
    wanted = {"numCpus": 1, "numGpus": 0, "memoryGb": 1.0, "timeSec": 60.0, field: value}

    with pytest.raises(InvalidRequest, match=f"requiredResources.{field}"):
        submit_job(
            service_name="hello_world_service",
            job_definition=greeting("a"),
            required_resources=DendroJobRequiredResources(**wanted),
        )


def test_what_is_unknown_is_named_with_what_there_is(submit: Submitter) -> None:
    with pytest.raises(ServiceNotFound, match="Service not found: nope. There are: hello_world"):
        submit_job(service_name="nope", job_definition=greeting("a"), required_resources=RESOURCES)
    with pytest.raises(IncompatibleDefinition, match="Did you mean 'hello_world_1'"):
        submit("hello_world1", outputs=[])
    with pytest.raises(IncompatibleDefinition, match="no parameter 'nmae'. Did you mean 'name'"):
        submit("hello_world_1", nmae="a")
    with pytest.raises(IncompatibleDefinition, match="needs output 'output'"):
        submit("hello_world_2", outputs=[], name="a")
    with pytest.raises(IncompatibleDefinition, match="needs input 'input'"):
        submit("count_characters")
    definition = greeting("a")
    definition.appName = "nope"
    with pytest.raises(AppNotFound, match="Service hello_world_service has: .*hello_world"):
        submit_job(
            service_name="hello_world_service",
            job_definition=definition,
            required_resources=RESOURCES,
        )


def test_a_value_of_the_wrong_type_is_refused(submit: Submitter) -> None:
    wrong = [DendroJobOutputFile(name="output", fileBaseName="o.json")]

    with pytest.raises(IncompatibleDefinition, match="'name' takes str, not bool"):
        submit("hello_world_1", name=True)
    with pytest.raises(IncompatibleDefinition, match="needs input"):
        submit("count_characters", outputs=wrong, include_whitespace=True)


def test_many_jobs_are_recorded_in_one_go(submit: Submitter) -> None:
    requests = [
        {
            "service_name": "hello_world_service",
            "job_definition": greeting(str(number % 50)),
            "required_resources": RESOURCES,
        }
        for number in range(100)
    ]

    jobs = submit_jobs(requests)

    assert len({job.jobId for job in jobs}) == 50
    assert jobs[0].jobId == jobs[50].jobId


def test_a_hub_elsewhere_that_is_not_there_is_told_with_its_address(
    submit: Submitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DENDRO_API_URL", "http://localhost:1")

    with pytest.raises(HubUnreachable, match="http://localhost:1 does not answer"):
        submit("hello_world_1", name="a")


def test_the_hash_of_a_dict_is_the_hash_of_the_job(submit: Submitter) -> None:
    import dendro_local

    job = submit("hello_world_1", name="world")

    assert job.jobDefinitionHash == "bdcb6312bd8cc42bb71ad90fbebad2b2f5d305e2"
    assert job.jobDefinitionHash == dendro_local.definition_hash(
        {
            "processorName": "hello_world_1",
            "appName": "hello_world",
            "inputFiles": [],
            "outputFiles": [],
            "parameters": [{"name": "name", "value": "world"}],
        }
    )
