"""The page of a job, as the hub sends it: what it tells, and to whom it offers what."""

from collections.abc import Callable
from html import unescape

import pytest

from dendro_local.hub import NewJob, RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.model import (
    Job,
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    RequiredResources,
    ServiceUser,
)
from tests.hub.conftest import Worker, counting  # noqa: F401 - a fixture
from tests.server.conftest import ADA, BOB, OWNER, SERVICE, Served
from tests.server.login.conftest import Browser
from tests.store_rows import came_from

Making = Callable[..., NewJob]

BAD = "\"'><script>window.hasRun = 1</script>"


@pytest.fixture
def user(served: Served) -> Browser:
    """The browser of the hub's owner."""
    return Browser(served).log_in()


def text_of(browser: Browser, job: Job) -> str:
    """The page of a job."""
    reply = browser.send("GET", f"/jobs/{job.jobId}")
    assert reply.status_code == 200
    return reply.text


def test_it_tells_everything_of_its_record(
    user: Browser, hub: LocalHub, worker: Worker, greeting: Making
) -> None:
    [job] = hub.submit([greeting("Ada", tags=["first", "a & b"], batchId="batch 7")])
    job = worker.complete(worker.claim(), b"Hello Ada!")

    page = unescape(text_of(user, job))

    digest = hub.job_facts(job.jobId).files[0].digest
    for told in (
        job.jobId,
        job.jobDefinitionHash,
        "batch 7",
        "a & b",
        OWNER,
        SERVICE,
        "1 CPU, 1 GB, at most 1 min 00 s",
        "Completed on",
        digest,
        "10 B",
        f"/jobs/{job.jobId}/files/output/output",
        "It depends on no other job, and none depends on it.",
        '"processorName": "hello_world_2"',
    ):
        assert told is not None
        assert told in page, told


def test_a_failed_job_shows_its_error_and_what_it_failed_of(
    user: Browser, hub: LocalHub, worker: Worker, greeting: Making
) -> None:
    [job] = hub.submit([greeting("Ada")])
    worker.fail(worker.claim(), f"ValueError: no spikes {BAD}")

    page = text_of(user, job)

    assert "<script>window" not in page
    assert '<pre class="error" tabindex="0">ValueError: no spikes' in page
    assert "is-failed" in page


def test_a_job_that_ran_again_says_why(
    user: Browser, hub: LocalHub, worker: Worker, greeting: Making
) -> None:
    [first] = hub.submit([greeting("Ada")])
    worker.complete(worker.claim())
    again = hub.rerun(first.jobId)

    page = unescape(text_of(user, again))

    assert f"The cache was skipped; job {first.jobId} had been there." in page


def test_a_signature_is_told_with_whether_it_was_verified(
    user: Browser, hub: LocalHub, greeting: Making
) -> None:
    [job] = hub.submit([greeting("Ada")])
    assert "this hub" in text_of(user, job)

    with hub.store.transaction():
        hub.store.sharing.trusted_keys.put("abc", "the lab", bytes(32))
    came_from(hub, job.jobId, "bucket", "abc", is_verified=True)
    verified = " ".join(text_of(user, job).split())
    came_from(hub, job.jobId, "user:github|ada", "abc", is_verified=False)
    unverified = " ".join(text_of(user, job).split())
    came_from(hub, job.jobId, "bucket", None, is_verified=False)
    unsigned = text_of(user, job)

    assert "remote bucket" in verified
    assert 'is-ok">signature verified</span>: key the lab' in verified
    assert "pushed by github|ada" in unverified
    assert 'is-warn">signature not verified</span>' in unverified
    assert 'is-warn">not signed</span>' in unsigned


def test_an_output_of_nwb_leads_to_neurosift(
    user: Browser, hub: LocalHub, worker: Worker, greeting: Making
) -> None:
    request = greeting("Ada")
    outputs = [JobOutputFile(name="output", fileBaseName="output.nwb.lindi.tar")]
    definition = JobDefinition(
        appName="hello_world",
        processorName="hello_world_2",
        inputFiles=[],
        outputFiles=outputs,
        parameters=request.jobDefinition.parameters,
    )
    [job] = hub.submit(
        [
            NewJob(
                serviceName=SERVICE,
                jobDefinition=definition,
                requiredResources=request.requiredResources,
            )
        ]
    )
    assert "neurosift.app" not in text_of(user, job)

    worker.complete(worker.claim())

    address = f"f%2F{SERVICE}%2Fhello_world%2Fhello_world_2%2F{job.jobId}%2Foutput%2Foutput.nwb"
    link = f"https://neurosift.app/nwb?url=http%3A%2F%2Fhub.test%2F{address}.lindi.tar&st=lindi"
    assert f'href="{link}"' in unescape(text_of(user, job))


def test_what_others_may_not_do_is_neither_offered_nor_done(
    served: Served, hub: LocalHub, greeting: Making
) -> None:
    hub.set_service_users(
        SERVICE, [ServiceUser(userId=ADA, admin=False, createJobs=True, processJobs=False)]
    )
    for each in (ADA, BOB):
        served.key_of(each)
    [job] = hub.submit([greeting("Ada")])
    offered = {
        name: [
            action
            for action in ("cancel", "rerun", "pin", "delete")
            if f"/jobs/{job.jobId}/{action}" in text_of(browser, job)
        ]
        for name, browser in (
            ("guest", Browser(served)),
            (BOB, Browser(served).log_in(BOB)),
            (ADA, Browser(served).log_in(ADA)),
            (OWNER, Browser(served).log_in()),
        )
    }

    assert offered == {
        "guest": [],
        BOB: [],
        ADA: ["rerun", "delete"],
        OWNER: ["cancel", "rerun", "pin", "delete"],
    }
    bob = Browser(served).log_in(BOB)
    for action in ("cancel", "rerun", "pin", "delete"):
        assert bob.send("POST", f"/jobs/{job.jobId}/{action}").status_code == 403
    assert hub.get_job(job.jobId).status == "pending"


def test_buttons_do_what_they_say_and_lead_on(
    user: Browser, hub: LocalHub, greeting: Making
) -> None:
    [job] = hub.submit([greeting("Ada")])
    path = f"/jobs/{job.jobId}"

    def press(action: str, **fields: str) -> str:
        reply = user.send("POST", f"{path}/{action}", data=fields)
        assert reply.status_code == 303, reply.text
        where: str = reply.headers["location"]
        return where

    assert press("pin") == path
    assert hub.job_facts(job.jobId).is_pinned
    assert f"{path}/unpin" in text_of(user, job)
    assert press("unpin") == path
    assert not hub.job_facts(job.jobId).is_pinned
    assert press("cancel") == path
    assert hub.get_job(job.jobId).canceled
    again = press("rerun", request="pressed once, and sent twice")
    assert again != path
    assert press("rerun", request="pressed once, and sent twice") == again
    assert press("delete") == "/"
    assert user.send("GET", path).status_code == 404
    assert user.send("POST", f"{path}/cancel").status_code == 404


def test_a_finished_job_cannot_be_canceled(
    user: Browser, hub: LocalHub, worker: Worker, greeting: Making
) -> None:
    [job] = hub.submit([greeting("Ada")])
    job = worker.complete(worker.claim())

    assert f"/jobs/{job.jobId}/cancel" not in text_of(user, job)
    reply = user.send("POST", f"/jobs/{job.jobId}/cancel")
    assert (reply.status_code, "is completed already" in reply.text) == (409, True)


def test_nothing_of_a_job_gets_out_of_its_place(
    user: Browser, hub: LocalHub, worker: Worker, greeting: Making
) -> None:
    request = greeting(BAD, tags=[BAD, "javascript:alert(1)"], batchId=BAD)
    definition = JobDefinition(
        appName="hello_world",
        processorName="hello_world_2",
        inputFiles=[],
        outputFiles=[JobOutputFile(name="output", fileBaseName="<img src=x onerror=alert(1)>.nwb")],
        parameters=request.jobDefinition.parameters,
        cacheBust=f"</code></pre>{BAD}",
    )
    hub.submit(
        [
            NewJob(
                serviceName=SERVICE,
                jobDefinition=definition,
                requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60),
                tags=request.tags,
                batchId=request.batchId,
            )
        ]
    )
    claim = worker.claim()
    hub.set_running(claim)
    console = worker.file("console", f"</pre>{BAD}\x00\x1b[31m".encode())
    output = worker.file("output", b"x")
    hub.complete(claim, RunResult(outputs={"output": output}, console=console))

    page = text_of(user, hub.get_job(claim.job.jobId))

    assert "window.hasRun" in page
    assert "<script>window" not in page
    assert "<img" not in page
    assert '</pre>"' not in page
    assert 'href="javascript:' not in page


def test_of_an_input_its_job_digest_and_size_are_told(
    user: Browser,
    hub: LocalHub,
    worker: Worker,
    greeting: Making,
    counting: Making,  # noqa: F811
) -> None:
    [parent] = hub.submit([greeting("Ada")])
    parent = worker.complete(worker.claim(), b"Hello Ada!!")
    [job] = hub.submit([counting(parent)])

    page = unescape(text_of(user, job))

    assert f'output of <a class="mono" href="/jobs/{parent.jobId}"' in " ".join(page.split())
    digest = hub.job_facts(parent.jobId).files[0].digest
    assert digest is not None
    assert digest in page
    assert "11 B" in page
    assert f"job={parent.jobId}" in page.partition("data-events=")[2].partition(">")[0]


def test_an_input_of_elsewhere_that_is_no_link_is_text(
    user: Browser,
    hub: LocalHub,
    counting: Making,  # noqa: F811
    worker: Worker,
    greeting: Making,
) -> None:
    hub.submit([greeting("Ada")])
    request = counting(worker.complete(worker.claim()))
    definition = JobDefinition(
        appName="hello_world",
        processorName="count_characters",
        inputFiles=[JobInputFile(name="input", fileBaseName="a.nwb", url="javascript:alert(1)")],
        outputFiles=request.jobDefinition.outputFiles,
        parameters=[],
    )
    [job] = hub.submit(
        [
            NewJob(
                serviceName=SERVICE,
                jobDefinition=definition,
                requiredResources=request.requiredResources,
            )
        ]
    )

    page = text_of(user, job)

    assert "javascript:alert(1)" in page
    assert 'href="javascript:' not in page
    assert "neurosift.app" not in page
