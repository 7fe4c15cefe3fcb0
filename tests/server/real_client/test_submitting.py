"""Scripts of the original's client, unchanged, whose jobs `dendro-local up` runs."""

import re
from pathlib import Path

import pytest

from tests.server.real_client.conftest import Original

pytestmark = pytest.mark.process

EXAMPLES = """
first = hello("hello_world_1", outputs=(), tags=["example"], rerun_failing=True)
second = hello("hello_world_2", tags=["example"], rerun_failing=True)
third = submit(
    "count_characters",
    app="hello_world",
    service="hello_world_service",
    inputs=[("input", second.get_output("output"))],
    parameters=[("include_whitespace", True)],
    rerun_failing=True,
)
jobs = [first, second, third]
at_once = [job.status for job in jobs]
for job in jobs:
    job.wait_until_done()
tell(
    ids=[job.jobId for job in jobs],
    at_once=at_once,
    statuses=[job.status for job in jobs],
    dependencies=known(third).jobDependencies,
    console=read(known(first).consoleOutputUrl).decode(),
    greeting=read(second.get_output("output").url).decode(),
    count=read(third.get_output("output").url).decode(),
    sizes=[second.get_output("output").size, third.get_output("output").size],
)
"""


def test_the_three_examples_run_and_hit_when_they_come_again(up: Original, tmp_path: Path) -> None:
    found = up.run(EXAMPLES, tmp_path)

    assert found["statuses"] == ["completed"] * 3
    assert found["console"] == "Hello, world!\n"
    assert found["greeting"] == "Hello, world!"
    assert found["dependencies"] == found["ids"][1:2]
    assert found["count"] == '{"num_characters": 13}'
    assert found["sizes"] == [13, 22]

    again = up.run(EXAMPLES, tmp_path)

    assert again["at_once"] == ["completed"] * 3
    assert again["ids"] == found["ids"]


def test_a_failed_job_is_a_hit_until_it_is_to_run_again(up: Original, tmp_path: Path) -> None:
    found = up.run(
        """
first = submit("fail")
first.wait_until_done()
same = submit("fail")
again = submit("fail", rerun_failing=True)
again.wait_until_done()
instead = submit("fail", rerun_failing=True, delete_failing=True)
tell(
    status=first.status,
    error=known(first).error,
    same=same.jobId == first.jobId,
    ids=[first.jobId, again.jobId, instead.jobId],
    left=[known(job) is not None for job in (first, again, instead)],
)
""",
        tmp_path,
    )

    assert found["status"] == "failed"
    assert found["error"].endswith("ValueError: no spikes")
    assert found["same"]
    assert len(set(found["ids"])) == 3
    # Of the jobs that it might have taken, the newest was deleted.
    assert found["left"] == [True, False, True]


def test_the_cache_is_skipped_if_that_is_asked(up: Original, tmp_path: Path) -> None:
    found = up.run(
        """
first = hello("hello_world_2", "Ada")
second = hello("hello_world_2", "Ada", skip_cache=True)
third = hello("hello_world_2", "Ada")
for job in (first, second):
    job.wait_until_done()
tell(
    ids=[job.jobId for job in (first, second, third)],
    texts=[read(job.get_output("output").url).decode() for job in (first, second)],
)
""",
        tmp_path,
    )

    first, second, third = found["ids"]
    assert first != second == third
    assert found["texts"] == ["Hello, Ada!"] * 2


def test_a_job_for_another_compute_client_is_left_alone(up: Original, tmp_path: Path) -> None:
    found = up.run(
        """
away = hello("hello_world_2", "away", target_compute_client_ids=["cc0000000000"])
here = hello("hello_world_2", "here", target_compute_client_ids=["*"])
here.wait_until_done()
away.wait_until_done(wait_sec=0)
tell(
    here=here.status,
    away=[away.status, away.isRunnable],
    targets=known(away).targetComputeClientIds,
)
""",
        tmp_path,
    )

    assert found["here"] == "completed"
    assert found["away"] == ["pending", True]
    assert found["targets"] == ["cc0000000000"]


def test_apps_of_its_sdk_run_one_after_another(up: Original, tmp_path: Path) -> None:
    found = up.run(
        """
parent = submit("files", parameters=[("size", 100_000)])
child = submit("count", inputs=[("input", parent.get_output("output"))])
child.wait_until_done()
tell(
    status=child.status,
    error=child.error,
    size=len(read(parent.get_output("output").url)),
    counted=read(child.get_output("output").url).decode(),
    console=read(known(parent).consoleOutputUrl).decode(),
)
""",
        tmp_path,
    )

    assert (found["status"], found["error"]) == ("completed", None)
    assert found["size"] == int(found["counted"]) == 100_000
    assert re.search("^writing 100000 bytes$", found["console"], re.MULTILINE)
