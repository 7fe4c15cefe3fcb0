"""`remote`, `push`, `pull`, `sync`, `export`, `import`, `verify` and `key`."""

import json
import signal
import time
from pathlib import Path

import pytest

from dendro_local.local_hub import LocalHub
from dendro_sync import opening, own_key, push
from tests.cli.conftest import (  # noqa: F401 - fixtures
    Run,
    RunJson,
    Start,
    run,
    run_json,
    start,
)
from tests.hub.conftest import Worker
from tests.live_hub import served
from tests.sync.conftest import Stores, counting, greeting, ids_in, url_of

LIMIT_SEC = 60.0


@pytest.fixture
def bucket(stores: Stores) -> str:
    """A folder to which a store ``a`` pushed two jobs, one of which took the other's output."""
    first = stores.complete("a", greeting("x", tags=["t"]), b"12345")
    stores.complete("a", counting(url_of(first)), b"5")
    push(stores["a"])
    return stores.url


@pytest.fixture
def key(stores: Stores) -> str:
    """The public key of the store ``a``."""
    return own_key(stores["a"]).publicKey


def test_remotes_are_added_listed_shown_tried_and_removed(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
) -> None:
    assert "No remotes yet" in run("remote", "list").stderr
    assert run("remote", "add", "pub", bucket, "--cache", "--read-only", "--trust", key).stdout == (
        f"Added remote pub: a bucket at {Path(bucket).as_uri()}.\n"
    )

    [listed] = run_json("remote", "list")
    shown = run_json("remote", "show", "pub")
    assert listed == shown
    assert {name: shown[name] for name in ("name", "kind", "url", "readOnly", "cache")} == {
        "name": "pub",
        "kind": "bucket",
        "url": Path(bucket).as_uri(),
        "readOnly": True,
        "cache": True,
    }
    assert shown["lastPullSec"] is None
    run("pull")
    assert run_json("remote", "show", "pub")["lastPullSec"] is not None
    tried = run_json("remote", "test", "pub")
    assert (tried["kind"], tried["canWrite"]) == ("bucket", False)
    assert "read only" in run("remote", "show", "pub").stdout
    assert "answers" in run("remote", "test", "pub").stdout

    run("remote", "remove", "pub")
    assert run_json("remote", "list") == []
    assert run_json("key", "list")[0]["name"] == "pub"


def test_what_cannot_be_a_remote_is_refused(run: Run, tmp_path: Path, bucket: str) -> None:  # noqa: F811
    run("remote", "add", "pub", bucket)

    assert "already" in run("remote", "add", "pub", bucket, code=3).stderr
    assert "name of a remote" in run("remote", "add", "a/b", bucket, code=3).stderr
    assert "no place" in run("remote", "add", "ftp", "ftp://host/x", code=3).stderr
    assert "password" in run("remote", "add", "s", "https://me:pw@host/", code=3).stderr
    assert "no public key" in run("remote", "add", "t", bucket, "--trust", "x", code=3).stderr
    assert "There is no remote 'x'" in run("pull", "x", code=10).stderr
    run("remote", "add", "other", tmp_path / "other")
    assert "Name one" in run("pull", code=3).stderr


def test_a_hub_is_known_by_asking(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    stores: Stores,
    tmp_path: Path,
) -> None:
    hub = stores.open("far")
    _, key = hub.add_api_key(hub.user_id, "test")
    (tmp_path / "key").write_text(key + "\n")
    with served(hub) as live:
        added = run_json("remote", "add", "lab", live.url, "--key-file", tmp_path / "key")
        tried = run_json("remote", "test", "lab")
        (tmp_path / "key").write_text("wrong")
        assert run("remote", "test", "lab", code=24).stderr

    assert (added["kind"], added["keyFile"]) == ("hub", str(tmp_path / "key"))
    assert (tried["userId"], tried["canWrite"]) == (hub.user_id, True)
    assert tried["publicKey"] == own_key(hub).publicKey
    assert tried["isTrusted"] is False


def test_where_nothing_answers_is_no_remote(
    run: Run,  # noqa: F811
    stores: Stores,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opening, "PATIENCE_SEC", 0.1)
    hub = stores.open("far")
    with served(hub) as live:
        url = live.url

    run("remote", "add", "lab", url, code=50)


def test_jobs_are_pulled_and_pushed(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
    tmp_path: Path,
) -> None:
    run("remote", "add", "pub", bucket, "--trust", key)

    assert run("pull", "--dry-run").stdout == "Would pull 2 jobs and 2 files (6 B) from pub.\n"
    assert run("pull").stdout == "Pulled 2 jobs and 2 files (6 B) from pub.\n"
    assert run("pull").stdout == "Pulled 0 jobs from pub.\n"
    report = run_json("sync")
    assert (report["push"]["new"], report["pull"]["new"]) == (0, 0)
    assert run("sync").stdout == "Pushed 0 jobs to pub.\nPulled 0 jobs from pub.\n"
    run("remote", "add", "further", tmp_path / "further")
    assert run("push", "further", "--tag", "t").stdout == (
        "Pushed 1 job and 1 file (5 B) to further.\n"
    )
    assert run_json("push", "further")["new"] == 1


def test_what_is_refused_is_listed_and_the_exit_code_says_so(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    stores: Stores,
) -> None:
    run("remote", "add", "pub", bucket)

    result = run("pull", code=33)
    report = run_json("pull", "--full", code=33)

    job_ids = ids_in(stores["a"])
    assert all(f"Refused {job_id} (untrusted)" in result.stderr for job_id in job_ids)
    assert {each["job_id"] for each in report["refused"]} == job_ids
    assert {each["code"] for each in report["refused"]} == {"untrusted"}


def test_a_job_tells_where_it_came_from(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
    stores: Stores,
) -> None:
    run("remote", "add", "pub", bucket, "--trust", key)
    run("pull")
    job_id = min(ids_in(stores["a"]))

    shown = run("job", job_id).stdout
    origin = run_json("job", job_id)["origin"]

    assert "Came from" in shown
    assert "signed by key" in shown
    assert (origin["origin"], origin["is_verified"]) == ("pub", True)


def test_jobs_are_exported_and_imported(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
    tmp_path: Path,
) -> None:
    run("remote", "add", "pub", bucket, "--trust", key)
    run("pull")
    [child] = [
        job for job in run_json("jobs") if job["jobDefinition"]["processorName"] != "hello_world_2"
    ]
    file = tmp_path / "jobs.zip"

    assert run_json("export", file, "--job", child["jobId"][:8])["new"] == 2
    other = ("--store", tmp_path / "other")
    assert run_json(*other, "import", file, code=33)["refused_count"] == 2
    run(*other, "key", "trust", "a", key)
    assert run(*other, "import", file).stdout == f"Pulled 2 jobs and 2 files (6 B) from {file}.\n"
    verified = run_json(*other, "verify", child["jobId"])
    assert verified["isVerified"]
    assert len(verified["jobs"]) == 2
    assert "All is as it was signed: 2 jobs." in run(*other, "verify", child["jobId"]).stderr
    run(*other, "key", "untrust", "a")
    assert "NOT VERIFIED" in run(*other, "verify", child["jobId"], code=34).stdout


def test_keys_are_shown_and_trusted(run: Run, run_json: RunJson, key: str) -> None:  # noqa: F811
    own = run_json("key", "show")

    assert set(own) == {"keyId", "publicKey"}
    assert run("key", "show").stdout.strip() == own["publicKey"]
    assert run("key", "trust", "ada", key).stdout.startswith("Trusting ada")
    [listed] = run_json("key", "list")
    assert (listed["name"], listed["publicKey"]) == ("ada", key)
    assert "ada" in run("key", "list").stdout
    run("key", "untrust", "ada")
    assert run_json("key", "list") == []


def test_progress_is_told_where_it_is_asked_for(
    run: Run,  # noqa: F811
    bucket: str,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dendro_local.cli import exchange_report

    monkeypatch.setattr(exchange_report, "SHOW_EVERY_SEC", 0.0)
    run("remote", "add", "pub", bucket, "--trust", key)

    assert run("pull", "--dry-run").stderr == ""
    told = run("pull", "--progress").stderr

    assert "Pulling: " in told
    assert "6 B of 6 B" in told


def test_watching_keeps_both_ends_together_until_it_is_stopped(
    run: Run,  # noqa: F811
    start: Start,  # noqa: F811
    bucket: str,
    key: str,
    stores: Stores,
    store_folder: Path,
) -> None:
    run("remote", "add", "pub", bucket, "--trust", key)
    stores.trust("a", "a")
    hub = LocalHub(store_folder)
    process = start("sync", "--watch", "--json")
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    assert first["report"]["pull"]["new"] == 2

    stores.complete("a", greeting("later"))
    push(stores["a"])
    there = json.loads(process.stdout.readline())
    assert there["report"]["pull"]["new"] == 1
    hub.submit([greeting("here")])
    worker = Worker(hub, store_folder / "worker")
    worker.complete(worker.claim())
    here = json.loads(process.stdout.readline())
    assert here["report"]["push"]["new"] == 1

    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT_SEC) == 0
    hub.close()


def test_watching_waits_for_a_remote_that_is_away(
    run: Run,  # noqa: F811
    start: Start,  # noqa: F811
    stores: Stores,
    store_folder: Path,
    tmp_path: Path,
) -> None:
    from tests.live_hub import LiveHub

    far = stores.open("far")
    _, key = far.add_api_key(far.user_id, "test")
    (tmp_path / "key").write_text(key)
    live = LiveHub(far)
    run("remote", "add", "lab", live.url, "--key-file", tmp_path / "key")
    hub = LocalHub(store_folder)
    worker = Worker(hub, store_folder / "worker")
    live.stop()
    process = start("sync", "--watch", "--json")
    assert process.stdout is not None
    away = json.loads(process.stdout.readline())
    assert away["report"] is None
    assert away["retry_sec"] > 0

    hub.submit([greeting("meanwhile")])
    worker.complete(worker.claim())
    live = LiveHub(far, port=live.port)
    deadline = time.monotonic() + LIMIT_SEC
    while not ids_in(far):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT_SEC) == 0
    live.stop()
    hub.close()
