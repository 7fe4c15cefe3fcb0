"""Jobs that a cache has and that are not taken, and caches that do not answer."""

import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dendro_local.file_urls import file_url
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job
from dendro_sync import add_remote, own_key, push, remove_remote, show_remote, trust_key
from dendro_sync import test_remote as remote_test  # it would be collected under its own name
from dendro_sync.remotes.pauses import Pauses
from tests.cli.conftest import Run, run  # noqa: F401 - fixtures
from tests.hub.conftest import Worker
from tests.live_hub import served
from tests.sync.conftest import Stores, counting, greeting, ids_in

SCRIPT = """
from dendro_local import *
submit_job(
    service_name="hello_world_service",
    job_definition=DendroJobDefinition(
        appName="hello_world",
        processorName="hello_world_2",
        inputFiles=[],
        outputFiles=[DendroJobOutputFile(name="output", fileBaseName="output.txt")],
        parameters=[DendroJobParameter(name="name", value="x")],
    ),
    required_resources=DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=4, timeSec=60),
)
"""


@pytest.fixture
def there(stores: Stores) -> Job:
    """A job that the store ``a`` ran, and that lies at the remote."""
    job = stores.complete("a", greeting("x"))
    push(stores["a"])
    return job


@pytest.fixture
def here(stores: Stores, there: Job) -> LocalHub:
    """The store ``b``, of which the remote is a cache, and which does not trust ``a``."""
    hub = stores.open("b")
    add_remote(hub, "cache", stores.url, is_cache=True)
    return hub


def test_a_job_that_has_not_begun_gives_way_once_its_key_is_trusted(
    stores: Stores, here: LocalHub, there: Job
) -> None:
    [pending] = here.submit([greeting("x")])
    assert "which is not trusted" in here.why(pending.jobId)
    assert here.submit([greeting("x")])[0].jobId == pending.jobId

    trust_key(here, "a", own_key(stores["a"]).publicKey)

    why = here.why(pending.jobId)
    assert "is not trusted" not in why
    assert "submitting the same again takes it" in why
    [taken] = here.submit([greeting("x")])
    assert (taken.jobId, taken.status) == (there.jobId, "completed")
    assert ids_in(here) == {there.jobId}


def test_a_job_that_gives_way_may_also_get_more_tags(
    stores: Stores, here: LocalHub, there: Job
) -> None:
    here.submit([greeting("x")])
    trust_key(here, "a", own_key(stores["a"]).publicKey)

    [taken] = here.submit([greeting("x", tags=["more"])])

    assert (taken.jobId, taken.tags) == (there.jobId, ["more"])


@pytest.mark.parametrize("what", ["a child", "begun", "the cache is gone"])
def test_a_job_stays_that_another_waits_for_or_that_has_begun_or_of_which_no_cache_is_left(
    stores: Stores, here: LocalHub, there: Job, tmp_path: Path, what: str
) -> None:
    [pending] = here.submit([greeting("x")])
    if what == "a child":
        definition = pending.jobDefinition
        url = file_url(
            pending.serviceName,
            definition.appName,
            definition.processorName,
            pending.jobId,
            "output",
            "output.txt",
        )
        here.submit([counting(url)])
    elif what == "begun":
        Worker(here, tmp_path / "worker").claim()
    else:
        remove_remote(here, "cache")
    trust_key(here, "a", own_key(stores["a"]).publicKey)

    assert here.submit([greeting("x")])[0].jobId == pending.jobId
    if what == "begun":
        assert "its key was not trusted then." in here.why(pending.jobId)


def test_a_job_of_another_user_stays(stores: Stores, here: LocalHub, there: Job) -> None:
    here.add_user("ann")
    [pending] = here.submit([greeting("x")], user_id="ann")
    trust_key(here, "a", own_key(stores["a"]).publicKey)

    assert here.submit([greeting("x")])[0].jobId == pending.jobId
    assert here.submit([greeting("x")], user_id="ann")[0].jobId == there.jobId


def test_a_script_is_told_of_a_job_that_is_not_taken(here: LocalHub) -> None:
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "DENDRO_LOCAL_DIR": str(here.store.folder.root)},
        check=True,
        capture_output=True,
        text=True,
    ).stderr

    assert told.count("Remote cache has this job, and it was not taken. It is signed by") == 1


def test_many_jobs_that_are_not_taken_are_told_in_one_line(
    stores: Stores, here: LocalHub, caplog: pytest.LogCaptureFixture
) -> None:
    stores.complete("a", greeting("y"))
    push(stores["a"])

    here.submit([greeting("x"), greeting("y"), greeting("z")])

    [told] = [each.getMessage() for each in caplog.records if "not taken" in each.getMessage()]
    assert "(So it is with 2 jobs.)" in told


def test_the_command_to_trust_a_hub_has_its_key_in_it(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    lab = stores.open("lab")
    stores.add("lab", lab)
    stores.complete("lab", greeting("x"))
    hub = stores.open("b")
    with served(lab) as live:
        add_remote(hub, "cache", live.url, is_cache=True)

        [pending] = hub.submit([greeting("x")])

    command = f"`dendro-local key trust NAME {own_key(lab).publicKey}`"
    assert command in hub.why(pending.jobId)
    assert command in caplog.text


def test_a_cache_that_does_not_answer_is_told_of_and_asked_again_once_a_test_finds_it(
    stores: Stores,
    here: LocalHub,
    there: Job,
    caplog: pytest.LogCaptureFixture,
    run: Run,  # noqa: F811
) -> None:
    trust_key(here, "a", own_key(stores["a"]).publicKey)
    folder = Path(stores.url)
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with here.store.transaction():
            saved = here.store.sharing.remotes.get("cache")
            assert saved is not None
            here.store.sharing.remotes.put("cache", url, "hub", saved.settings)
        for name in ("p", "q"):
            _submit_briefly(here, name)

    told = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(told) == 1
    assert "Remote cache is not asked for jobs until " in told[0].getMessage()
    known = show_remote(here, "cache")
    assert known.pausedUntilSec is not None
    assert "answer" in (known.pausedFor or "")
    shown = run("--store", here.store.folder.root, "remote", "show", "cache").stdout
    assert "Left alone  as a cache, until " in shown

    with here.store.transaction():
        here.store.sharing.remotes.put("cache", folder.as_uri(), "bucket", saved.settings)
    remote_test(here, "cache")

    assert Pauses(here.store).of("cache") is None
    assert show_remote(here, "cache").pausedUntilSec is None
    assert here.submit([greeting("x")])[0].jobId == there.jobId


def _submit_briefly(hub: LocalHub, name: str) -> None:
    """Submit, with a cache being waited for but shortly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DENDRO_CACHE_TIMEOUT", "0.3")
        hub.submit([greeting(name)])
