"""Lists of jobs."""

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest

from dendro_local.store import JobQuery, job_search
from tests.hub.conftest import Worker
from tests.server.conftest import ADA, BASE_URL, OWNER, SERVICE
from tests.server.v1.conftest import V1, new_job

CREATED_LONG_AGO = {"created_until": "2020-01-01"}


def names(jobs: list[dict[str, Any]]) -> list[str]:
    """What each job greets."""
    return [job["jobDefinition"]["parameters"][0]["value"] for job in jobs]


@pytest.fixture
def greetings(v1: V1, worker: Worker) -> dict[str, dict[str, Any]]:
    """Jobs by whom they greet: a is completed, b failed, c and d wait; updated in this order."""
    v1.let(ADA, createJobs=True)
    jobs = {
        "a": v1.submit(new_job("a", tags=["red", "round"], batchId="early"))[0],
        "b": v1.submit(new_job("b", tags=["red"]))[0],
    }
    worker.complete(worker.claim())
    worker.fail(worker.claim(), "ValueError: no spikes in 100% of it")
    jobs["c"] = v1.submit(new_job("c", tags=["round"]), by=ADA)[0]
    jobs["d"] = v1.submit(new_job("d/x_y", batchId="early"))[0]
    return jobs


FOUND_BY: list[tuple[dict[str, Any], str]] = [
    ({}, "dcba"),
    ({"status": "pending"}, "dc"),
    ({"status": "failed"}, "b"),
    ({"service": SERVICE}, "dcba"),
    ({"service": "other"}, ""),
    ({"app": "hello_world"}, "dcba"),
    ({"app": "other"}, ""),
    ({"processor": "hello_world_2"}, "dcba"),
    ({"processor": "hello_world_1"}, ""),
    ({"tag": "red"}, "ba"),
    ({"tag": ["red", "round"]}, "a"),
    ({"user": ADA}, "c"),
    ({"user": OWNER, "status": "pending"}, "d"),
    ({"batch": "early"}, "da"),
    ({"batch": ""}, "cb"),
    ({"service": SERVICE, "status": "completed", "tag": "red"}, "a"),
    ({"limit": 2}, "dc"),
    ({"created_since": "2020-01-01", "tag": "red"}, "ba"),
    (CREATED_LONG_AGO, ""),
    ({"since": "2020-01-01T00:00:00Z"}, "dcba"),
    ({"until": "2020-01-01T00:00:00+01:00"}, ""),
    ({"since": "1577836800.5"}, "dcba"),
]


def test_jobs_are_found_latest_update_first(v1: V1, greetings: dict[str, Any]) -> None:
    for query, found in FOUND_BY:
        jobs = v1.get("/jobs", **query)["jobs"]
        assert [name[0] for name in names(jobs)] == list(found), query


FOUND_BY_TEXT = [
    ("spikes", "b"),  # of an error
    ("SPIKES", "b"),
    ("100%", "b"),
    ("1%0", ""),  # signs that mean something to a database mean nothing here
    ("x_y", "d"),
    ("x.y", ""),
    ("d/x", "d"),  # of a parameter
    ("output.txt", "dcba"),
    ("round", "ca"),
    ("red spikes", "b"),  # all words, wherever each is
    ("red spikes nothing", ""),
    ("hello_world_2", "dcba"),
    ("hello_world_service", "dcba"),
    ("github|ada", "c"),
    ("early", "da"),
    ("fileBaseName", ""),  # a key of each definition, and in none
    ('","', ""),
    ("nothing", ""),
]


def test_a_text_is_found_wherever_a_person_would_see_it(v1: V1, greetings: dict[str, Any]) -> None:
    for text, found in FOUND_BY_TEXT:
        jobs = v1.get("/jobs", text=text)["jobs"]
        assert [name[0] for name in names(jobs)] == list(found), text


def test_a_text_in_quotation_marks_is_found_as_it_stands(v1: V1) -> None:
    v1.submit(new_job('say "hé\\"'), new_job("other"))

    assert names(v1.get("/jobs", text='"hé\\"')["jobs"]) == ['say "hé\\"']


def test_the_beginning_of_an_id_or_hash_leads_to_its_job(
    v1: V1, greetings: dict[str, dict[str, Any]]
) -> None:
    wanted = greetings["b"]

    assert v1.get("/jobs", text=wanted["jobId"][:7])["jobs"][0]["jobId"] == wanted["jobId"]
    assert (
        v1.get("/jobs", text=wanted["jobDefinitionHash"][:9])["jobs"][0]["jobId"]
        == (wanted["jobId"])
    )
    assert v1.get("/jobs", text=wanted["jobId"][:7], status="pending")["jobs"] == []


def test_ids_are_found_by_how_they_begin(v1: V1, greetings: dict[str, dict[str, Any]]) -> None:
    job_id = greetings["a"]["jobId"]

    assert names(v1.get("/jobs", id_prefix=job_id[:8])["jobs"]) == ["a"]
    assert v1.get("/jobs", id_prefix=job_id[:8] + "_")["jobs"] == []


def test_jobs_are_found_by_the_urls_that_replies_have(
    v1: V1, greetings: dict[str, dict[str, Any]]
) -> None:
    url = greetings["a"]["outputFileResults"][0]["url"]
    counting = new_job()
    counting["jobDefinition"] |= {
        "processorName": "count_characters",
        "inputFiles": [{"name": "input", "fileBaseName": "input.txt", "url": url}],
        "outputFiles": [{"name": "output", "fileBaseName": "output.json"}],
        "parameters": [],
    }
    (child,) = v1.submit(counting)

    assert url.startswith(f"{BASE_URL}/f/")
    assert [each["jobId"] for each in v1.get("/jobs", input_url=url)["jobs"]] == [child["jobId"]]
    assert names(v1.get("/jobs", output_url=url)["jobs"]) == ["a"]
    assert v1.get("/jobs", output_url="https://example.org/x")["jobs"] == []


def test_jobs_are_found_by_the_compute_client_that_ran_them(
    v1: V1, greetings: dict[str, Any], worker: Worker
) -> None:
    found = v1.get("/jobs", compute_client=worker.run.compute_client_id)["jobs"]

    assert names(found) == ["b", "a"]


def pages(v1: V1, between: Callable[[], None] = lambda: None, **query: Any) -> list[list[str]]:
    """The names on each page until there is no next one."""
    found = []
    after: dict[str, Any] = {}
    while True:
        page = v1.get("/jobs", **query, **after)
        found.append(names(page["jobs"]))
        if page["next"] is None:
            return found
        after = {"after": page["next"]}
        between()


def test_pages_have_every_job_once(v1: V1) -> None:
    v1.submit(*[new_job(str(number), tags=["t"]) for number in range(5)])

    assert pages(v1, limit=2, tag="t") == [["4", "3"], ["2", "1"], ["0"]]
    assert pages(v1, limit=5) == [["4", "3", "2", "1", "0"]]


def test_jobs_that_come_or_change_while_pages_are_read_neither_repeat_nor_hide_others(
    v1: V1,
) -> None:
    jobs = v1.submit(*[new_job(str(number)) for number in range(6)])
    new = itertools.count(100)

    def change() -> None:
        v1.submit(new_job(str(next(new))))
        v1.send("POST", f"/jobs/{jobs[5]['jobId']}/tags", json={"tags": [str(next(new))]})

    found = pages(v1, change, limit=2)

    assert list(itertools.chain(*found)) == ["5", "4", "3", "2", "1", "0"]


def test_a_job_that_is_updated_while_pages_are_read_is_at_the_front_afterwards(v1: V1) -> None:
    jobs = v1.submit(*[new_job(str(number)) for number in range(4)])
    tag = f"/jobs/{jobs[0]['jobId']}/tags"

    found = pages(v1, lambda: void(v1.send("POST", tag, json={"tags": ["late"]})), limit=2)

    assert found == [["3", "2"], ["1"]]
    assert names(v1.get("/jobs", limit=1)["jobs"]) == ["0"]


def void(_: object) -> None:
    """Nothing."""


def test_a_page_that_looked_at_very_many_jobs_ends_and_says_how_far_it_came(
    v1: V1, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_search, "LOOKED_AT", 3)
    jobs = v1.submit(*[new_job(f"number-{number}") for number in range(8)])

    first = v1.get("/jobs", text="number-1")

    assert first["jobs"] == []
    assert first["next"] is not None
    assert first["lookedBackTo"] == jobs[5]["timestampUpdatedSec"]
    assert list(itertools.chain(*pages(v1, text="number-1"))) == ["number-1"]


def test_the_condition_that_is_true_of_the_fewest_leads(
    v1: V1, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_search, "LOOKED_AT", 3)
    v1.submit(new_job("rare", tags=["all", "rare"]))
    v1.submit(*[new_job(str(number), tags=["all"]) for number in range(8)])

    for tags in (["all", "rare"], ["rare", "all"]):
        page = v1.get("/jobs", tag=tags, app="hello_world")
        assert (names(page["jobs"]), page["next"]) == (["rare"], None)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"stauts": "failed"}, "There is no query parameter 'stauts' here. There are: status, "),
    ({"asked": "x"}, "There is no query parameter 'asked' here."),
    ({"status": "done"}, "query parameter 'status': Invalid enum value 'done'"),
    ({"limit": "0"}, "query parameter 'limit': Expected `int` >= 1"),
    ({"limit": "1001"}, "query parameter 'limit': Expected `int` <= 1000"),
    ({"limit": "many"}, "query parameter 'limit': Expected `int`, got `str`"),
    ({"limit": "9" * 30}, "query parameter 'limit': "),
    ({"since": "yesterday"}, "since is 'yesterday'. Give seconds since"),
    ({"until": "nan"}, "until is 'nan'."),
    ({"created_since": "1e300"}, "created_since is '1e300'."),
    ({"created_until": "9999999-01-01"}, "created_until is '9999999-01-01'."),
    ({"after": "x"}, "after is 'x'. Give the `next` of the page before."),
    ({"after": "é"}, "after is 'é'."),
    ({"after": "bmFuIDE"}, "after is 'bmFuIDE'."),
    ({"tag": ["t"] * 51}, "query parameter 'tag': "),
    ({"text": "t" * 1001}, "query parameter 'text': "),
]


def test_a_list_that_cannot_be_is_refused_with_what_is_wrong(v1: V1) -> None:
    for query, message in REFUSED:
        status, code, words = v1.refusal("GET", "/jobs", params=query)
        assert (status, code) == (400, "invalid_request"), query
        assert words.startswith(message), query


ODD = (
    "text=%00",
    "text=%ff%fe",
    "tag=%00&tag=",
    "limit=1&limit=2",
    "id_prefix=%F0%9F%98%80",
    "&&=",
)


def test_odd_queries_are_answered(v1: V1) -> None:
    for query in ODD:
        assert v1.send("GET", f"/jobs?{query}").status_code in (200, 400), query


def test_a_list_of_many_pages_can_be_had_in_one_go_from_the_hub(
    v1: V1, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_search, "LOOKED_AT", 2)
    v1.submit(*[new_job(f"n{number}", tags=["t"]) for number in range(7)])
    began = time.time()

    found = v1.hub.find_jobs(JobQuery(text="n", tags=("t",), until=began + 60, limit=5))

    assert [job.jobDefinition.parameters[0].value for job in found] == [
        f"n{number}" for number in (6, 5, 4, 3, 2)
    ]
