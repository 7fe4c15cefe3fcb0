"""Jobs side by side: what differs, and what a page and a program are told of it."""

import json
import math
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dendro_local.hub import NewJob, RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.model import (
    Job,
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    RequiredResources,
)
from dendro_local.server.comparing import MOST_VALUES, compared_values, leaves
from tests.hub.conftest import RESOURCES, Worker
from tests.server.conftest import SERVICE, Served
from tests.server.login.conftest import Browser
from tests.server.pages.odd_app import APP, parameter, processor, register
from tests.server.pages.test_job_in_a_browser import usage

Making = Callable[..., NewJob]

BAD = "\"'><script>window.hasRun = 1</script>"

Run = Callable[..., Job]


@pytest.fixture
def run(hub: LocalHub, worker: Worker) -> Run:
    """Run a job that gives some JSON: ``run({'a': 1}, x=3, url='http://x/a')``."""
    register(
        hub,
        processor(
            parameter("x", "Optional[float]"),
            parameter("y", "Optional[str]"),
            inputs=("file",),
            outputs=("table", "figure"),
        ),
    )

    def make(table: object, *, url: str = "http://x/a", figure: bytes = b"", **given: Any) -> Job:
        resources = given.pop("resources", RESOURCES)
        definition = JobDefinition(
            appName=APP,
            processorName="odd",
            inputFiles=[JobInputFile(name="file", fileBaseName="a", url=url)],
            outputFiles=[
                JobOutputFile(name="table", fileBaseName="table.json"),
                JobOutputFile(name="figure", fileBaseName="figure.png"),
            ],
            parameters=[JobParameter(name=name, value=value) for name, value in given.items()],
        )
        request = NewJob(
            serviceName=SERVICE,
            jobDefinition=definition,
            requiredResources=resources,
            skipCache=True,
        )
        [job] = hub.submit([request])
        claim = worker.claim()
        hub.set_running(claim)
        content = table if isinstance(table, bytes) else json.dumps(table).encode()
        outputs = {
            "table": worker.file(f"{job.jobId}-table", content),
            "figure": worker.file(f"{job.jobId}-figure", figure),
        }
        log = worker.file(f"{job.jobId}-usage", usage(5))
        hub.complete(claim, RunResult(outputs=outputs, usage=log))
        return hub.get_job(job.jobId)

    return make


def ask(served: Served, *jobs: Job) -> Any:
    """What /v1/compare answers."""
    reply = served.send("GET", "/v1/compare", params={"job": [job.jobId for job in jobs]})
    assert reply.status_code == 200, reply.text
    return reply.json()


def by_name(rows: list[dict[str, Any]]) -> Mapping[str, tuple[list[Any], bool | None]]:
    """The values of rows, and whether they are equal."""
    return {row["name"]: (row["values"], row["isEqual"]) for row in rows}


def test_what_was_given_differs_first(served: Served, run: Run) -> None:
    more = RequiredResources(numCpus=2, numGpus=0, memoryGb=1, timeSec=60)
    first = run({}, y="same", x=1)
    second = run({}, y="same", x=1.0, resources=more, url="http://x/b")
    third = run({}, y="same", x=None)

    two, three = ask(served, first, second), ask(served, first, second, third)

    assert by_name(two["parameters"]) == {"x": ([1, 1], True), "y": (["same", "same"], True)}
    assert list(by_name(three["parameters"])) == ["x", "y"]
    assert by_name(three["parameters"])["x"] == ([1, 1, None], False)
    assert by_name(two["resources"])["numCpus"] == ([1, 2], False)
    assert [job["jobId"] for job in three["jobs"]] == [first.jobId, second.jobId, third.jobId]
    [file] = [each for each in two["files"] if each["kind"] == "input"]
    assert (file["urls"], file["isEqual"]) == (["http://x/a", "http://x/b"], None)


def test_outputs_are_compared_by_their_bytes_and_json_by_its_values(
    served: Served, run: Run
) -> None:
    first = run({"a": {"b": [1, 2], "c": [{"d": 1}]}, "e": 1.0, "nan": math.nan}, figure=b"same")
    second = run({"e": 1, "a": {"c": [{"d": True}], "b": [1, 2]}, "f": 2}, figure=b"same")

    found = ask(served, first, second)

    outputs = [each for each in found["files"] if each["kind"] == "output"]
    assert [(each["name"], each["isEqual"]) for each in outputs] == [
        ("table", False),
        ("figure", True),
    ]
    assert len(set(outputs[1]["digests"])) == 1
    [table] = found["jsonOutputs"]
    assert by_name(table["values"]) == {
        "a.c[0].d": ([1, True], False),
        "nan": (["nan", None], False),
        "f": ([None, 2], False),
        "a.b": ([[1, 2], [1, 2]], True),
        "e": ([1, 1], True),
    }
    assert table["values"][1]["isGiven"] == [True, False]


def test_usage_is_told_with_its_peaks(served: Served, run: Run, hub: LocalHub) -> None:
    found = ask(served, run({}), run({}, y="other"))

    assert [each["peakMemoryBytes"] for each in found["usage"]] == [5_000_000, 5_000_000]
    assert found["usage"][0]["meanCpuPercent"] == 100
    assert len(found["usage"][0]["series"]["at"]) == 5


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x" * 2_000_000, "too large"),
        (b"{", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "nested too deeply"),
        (json.dumps([{"n": n} for n in range(6000)]).encode(), "only its first 5,000"),
    ],
)
def test_what_cannot_be_compared_is_told(
    served: Served, run: Run, content: bytes, told: str
) -> None:
    first, second = run(content), run({"a": 1})

    [table] = ask(served, first, second)["jsonOutputs"]

    assert len(table["notes"]) == 1
    assert told in table["notes"][0]
    assert len(table["values"]) <= MOST_VALUES


def test_the_number_of_jobs_is_bounded_and_each_is_looked_for(served: Served, run: Run) -> None:
    job = run({})
    for jobs, status in (
        ([], 400),
        ([job.jobId], 400),
        ([job.jobId, job.jobId], 400),
        ([job.jobId] * 7, 400),
        ([job.jobId, "x" * 20], 404),
    ):
        reply = served.send("GET", "/v1/compare", params={"job": jobs})
        assert reply.status_code == status, (jobs, reply.text)


def test_a_job_that_is_given_many_times_counts_once(served: Served, run: Run) -> None:
    one, other = run("a"), run("b")

    page = served.send("GET", "/compare", params={"job": [one.jobId] * 7 + [other.jobId]})

    assert page.status_code == 200
    assert "Compare 2 jobs" in page.text


def test_too_few_or_too_many_jobs_lead_to_a_choice(
    served: Served,
    hub: LocalHub,
    run: Run,
    greeting: Making,
) -> None:
    browser = Browser(served).log_in()
    assert "Submit a job" in browser.send("GET", "/compare").text
    [other] = hub.submit([greeting("other")])
    jobs = [run({}, x=index) for index in range(7)]

    none = browser.send("GET", "/compare").text
    one = browser.send("GET", f"/compare?job={jobs[0].jobId}&job=").text
    wrong = browser.send("GET", f"/compare?job={jobs[0].jobId}&job=nothing").text
    many = browser.send("GET", "/compare", params={"job": [job.jobId for job in jobs]}).text

    assert f'value="{other.jobId}"' in none
    assert f'aria-label="Compare job {jobs[0].jobId}" checked' in one
    assert f'value="{jobs[1].jobId}"' in one
    assert other.jobId not in one
    assert "No job id begins with" in wrong or "is no job id" in wrong
    assert "These are 7 jobs; choose at most 6." in many


def test_the_page_tells_of_the_jobs_side_by_side_and_nothing_in_it_runs(
    served: Served, run: Run, hub: LocalHub
) -> None:
    browser = Browser(served).log_in()
    first = run({BAD: BAD}, y=BAD)
    second = run({BAD: 1}, y="long " * 500)
    hub.add_tags(first.jobId, [BAD])

    reply = browser.send("GET", "/compare", params={"job": [first.jobId, second.jobId]})

    assert reply.status_code == 200, reply.text
    assert "<script>window" not in reply.text
    assert "long " * 100 not in reply.text
    page = " ".join(unescape(reply.text).split())
    assert f"<td>{BAD}</td>" in page
    assert "completed" in page
    assert "5.0 MB" in page
    assert f"/v1/compare?job={first.jobId}&job={second.jobId}" in page


def test_jobs_that_were_selected_in_a_list_are_compared(served: Served, run: Run) -> None:
    browser = Browser(served).log_in()
    first, second = run({}), run({}, x=2)

    shown = browser.send("GET", "/").text
    reply = browser.send("POST", "/compare", data={"job": [first.jobId, second.jobId], "tag": ""})

    assert '<button formaction="/compare">' in shown
    assert f"/compare?job={first.jobId}" in browser.send("GET", f"/jobs/{first.jobId}").text
    assert reply.status_code == 303
    assert reply.headers["location"] == f"/compare?job={first.jobId}&job={second.jobId}"


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(trees)
def test_a_value_of_json_is_equal_to_itself_and_all_of_it_is_compared(tree: Any) -> None:
    found = dict(leaves(tree))

    assert all(each.is_equal for each in compared_values([found, found]))
    assert json.dumps(tree).count('"window"') == 0
    assert len(found) >= 1


@pytest.mark.parametrize(
    ("one", "other", "is_equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        ("1", 1, False),
        ([1, 2.0], [1.0, 2], True),
        (None, 0, False),
    ],
)
def test_numbers_are_equal_by_value_and_nothing_else_is(
    one: object, other: object, is_equal: bool
) -> None:
    [found] = compared_values([{"x": one}, {"x": other}])
    assert found.is_equal is is_equal
