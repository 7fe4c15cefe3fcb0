"""`remote`, `push`, `pull`, `sync`, `export`, `import`, `verify` and `key`."""

import json
import signal
import time
from pathlib import Path

import pytest

from dendro_local.hub import JobQuery
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


def test_a_job_from_elsewhere_says_whose_key_signed_it_and_where_its_files_are(
    run: Run,  # noqa: F811
    bucket: str,
    key: str,
    stores: Stores,
) -> None:
    run("key", "trust", "ada", key)
    run("remote", "add", "disk", bucket)
    pulled = run("pull", "--outputs", "lazy").stdout
    assert "when first read" in pulled
    count = run("remote", "show", "disk").stdout.partition("To come")[2].split()[0]
    assert f"; {count} files (" in pulled
    [first] = ids_in(stores["a"]) - {
        job.jobId for job in stores["a"].find_jobs(JobQuery(processor="count_characters"))
    }

    shown = run("job", first).stdout

    assert "signature verified: key ada (" in shown
    assert "on remote disk, not fetched yet (5 B)" in shown
    assert "It did not run here: it came from remote disk." in shown
    assert "No job had this definition" not in shown


def test_a_key_for_a_user_is_written_for_their_eyes_only_and_one_for_all_eyes_is_told_of(
    run: Run,  # noqa: F811
    tmp_path: Path,
    bucket: str,
) -> None:
    file = tmp_path / "ann.key"
    run("users", "add", "ann")
    written = run("users", "key", "--user", "ann", "--to", file)

    assert written.stdout == f"Wrote a key of ann to {file}.\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text().split()) == 1
    before = file.read_text()
    run("users", "key", "--user", "ann", "--to", file, code=1)
    assert file.read_text() == before
    assert "may read" not in run("remote", "add", "one", bucket, "--key-file", file).stderr
    file.chmod(0o644)
    assert f"chmod 600 {file}" in run("remote", "add", "two", bucket, "--key-file", file).stderr


def test_what_cannot_be_a_remote_is_refused(run: Run, tmp_path: Path, bucket: str) -> None:  # noqa: F811
    run("remote", "add", "pub", bucket)

    assert "already" in run("remote", "add", "pub", bucket, code=3).stderr
    assert "name of a remote" in run("remote", "add", "a/b", bucket, code=3).stderr
    assert "no place" in run("remote", "add", "ftp", "ftp://host/x", code=3).stderr
    assert "names no bucket" in run("remote", "add", "s", "s3://", code=3).stderr
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "other.txt").touch()
    assert "other files in it" in run("remote", "add", "f", tmp_path / "folder", code=3).stderr
    in_it = tmp_path / "folder" / "other.txt"
    assert "is a file. A remote is a folder" in run("remote", "add", "f", in_it, code=3).stderr
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


def test_a_key_that_is_not_taken_is_told_with_what_to_do(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    stores: Stores,
    tmp_path: Path,
) -> None:
    hub = stores.open("far")
    _, key = hub.add_api_key(hub.user_id, "test")
    (tmp_path / "key").write_text(key)
    (tmp_path / "wrong").write_text("wrong")
    with served(hub) as live:
        new = run("remote", "add", "lab", live.url, "--key-file", tmp_path / "wrong", code=24)
        assert f"does not take the key in {tmp_path / 'wrong'}" in new.stderr
        assert "--key-file FILE names a file with a key" in new.stderr
        assert "remote set" not in new.stderr
        run("remote", "add", "lab", live.url, "--key-file", tmp_path / "key")
        (tmp_path / "key").write_text("another")

        known = run("push", "lab", code=24).stderr

        assert "`dendro-local remote set lab --key-file FILE` gives remote 'lab'" in known
        (tmp_path / "newer").write_text(key)
        assert run("remote", "set", "lab", "--key-file", tmp_path / "wrong", code=24).stderr
        assert run_json("remote", "show", "lab")["keyFile"] == str(tmp_path / "key")
        run("remote", "set", "lab", "--key-file", tmp_path / "newer")
        assert run("push", "lab").stdout == "Pushed 0 jobs to lab.\n"


def test_a_remote_is_changed_in_what_is_said(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
    tmp_path: Path,
) -> None:
    run("remote", "add", "pub", bucket, "--cache", "--trust", key)
    run("pull")
    before = run_json("remote", "show", "pub")

    after = run_json("remote", "set", "pub", "--read-only", "--outputs", "lazy", "--no-cache")

    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"readOnly", "outputs", "cache"}
    assert (after["readOnly"], after["outputs"], after["cache"]) == (True, "lazy", False)
    assert "--read-only" in run("push", code=20).stderr
    assert "Say what to change" in run("remote", "set", "pub", code=2).stderr
    assert "There is no remote 'x'" in run("remote", "set", "x", "--cache", code=10).stderr
    assert "Changed remote pub." in run("remote", "set", "pub", "--require", "2").stdout


def test_a_remote_that_has_moved_goes_on(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
    stores: Stores,
    tmp_path: Path,
) -> None:
    run("remote", "add", "pub", bucket, "--trust", key)
    run("pull")
    moved = tmp_path / "moved"
    Path(bucket).rename(moved)

    assert run_json("remote", "set", "pub", "--url", moved)["url"] == moved.as_uri()

    assert run_json("pull") | {"seconds": 0, "requests": 0} == run_json("pull") | {
        "seconds": 0,
        "requests": 0,
    }
    assert run_json("pull")["known"] == 0
    with served(stores.open("far")) as live:
        refused = run("remote", "set", "pub", "--url", live.url, code=3).stderr
    assert "is of kind bucket, and what is there is of kind hub" in refused


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
    key: str,
    stores: Stores,
) -> None:
    run("remote", "add", "pub", bucket)

    result = run("pull", code=33)
    report = run_json("pull", "--full", code=33)

    job_ids = ids_in(stores["a"])
    assert "Refused 2 jobs (untrusted): It is signed by" in result.stderr
    assert result.stderr.count(f"`dendro-local key trust NAME {key}`") == 1
    assert all(job_id in result.stderr for job_id in job_ids)
    assert {each["job_id"] for each in report["refused"]} == job_ids
    assert {each["code"] for each in report["refused"]} == {"untrusted"}


def test_jobs_that_wait_for_a_key_to_be_trusted_are_told_until_it_is(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
) -> None:
    run("remote", "add", "pub", bucket)
    run("pull", code=33)

    again = run("pull")

    assert f"2 jobs are signed by a key that is not trusted: {key}." in again.stderr
    [waiting] = run_json("pull")["awaiting_trust"]
    assert (waiting["public_key"], waiting["jobs"]) == (key, 2)
    assert (
        f"2 jobs signed by keys that are not trusted: {key}" in run("remote", "show", "pub").stdout
    )
    run("key", "trust", "a", key)
    assert "not trusted" not in run("pull").stderr
    assert run_json("remote", "show", "pub")["refused"] == 0


def test_a_key_given_in_place_of_its_file_is_not_shown(
    run: Run,  # noqa: F811
    stores: Stores,
    tmp_path: Path,
) -> None:
    hub = stores.open("far")
    _, key = hub.add_api_key(hub.user_id, "test")
    with served(hub) as live:
        run("remote", "add", "lab", live.url)

        told = run("remote", "set", "lab", "--key-file", key, code=3).stderr

        assert key not in told
        assert "the name of a file with the key in it" in told
        missing = run("remote", "set", "lab", "--key-file", tmp_path / "nokey", code=3).stderr
        assert str(tmp_path / "nokey") in missing
        https = live.url.replace("http:", "https:")
        assert f"A hub without a certificate is at {live.url}." in (
            run("remote", "add", "web", https, code=52).stderr
        )


def test_the_list_of_remotes_shows_how_each_is_used(run: Run, tmp_path: Path) -> None:  # noqa: F811
    added = run("remote", "add", "x", tmp_path / "x", "--read-only", "--cache", "--outputs", "lazy")

    assert "a new bucket, which the first push makes, at file://" in added.stdout
    assert "read only, cache, lazy" in run("remote", "list").stdout
    assert "the first push makes a bucket" in run("remote", "test", "x").stdout


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
    assert "signature verified: key pub (" in shown
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
    assert run(*other, "import", file).stdout == f"Imported 2 jobs and 2 files (6 B) from {file}.\n"
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


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("pull", "pub"), "Stopped. The same command goes on from here."),
        (("import", "there.zip"), "Stopped. What has come is kept"),
        (("export", "new.zip"), "Stopped. No archive was written."),
    ],
)
def test_who_stops_an_exchange_is_told_how_it_goes_on(
    run: Run,  # noqa: F811
    bucket: str,
    command: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dendro_local.cli import archives
    from dendro_sync.exchange import Exchange

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    run("remote", "add", "pub", bucket)
    monkeypatch.chdir(tmp_path)
    Path("there.zip").touch()
    monkeypatch.setattr(Exchange, "pull", stop)
    monkeypatch.setattr(archives, "import_jobs", stop)
    monkeypatch.setattr(archives, "export_jobs", stop)

    assert says in run(*command, code=130).stderr


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
