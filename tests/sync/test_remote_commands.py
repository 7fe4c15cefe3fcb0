"""`remote`."""

from pathlib import Path

import pytest

from dendro_sync import opening, own_key
from tests.cli.conftest import Run, RunJson, run, run_json  # noqa: F401 - fixtures
from tests.live_hub import served
from tests.sync.conftest import Stores


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
    run("users", "key", "--user", "ann", "--to", file, code=2)
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


@pytest.mark.parametrize("address", ["127.0.0.1:61777", "workstation:61423", "[::1]:8000/x"])
def test_the_address_of_a_hub_without_http_is_no_folder(
    run: Run,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    told = run("remote", "add", "lab", address, code=3).stderr

    assert f"give http://{address}, or https://" in told
    assert "No remotes yet" in run("remote", "list").stderr
    Path("here:8000").mkdir()
    assert run("remote", "add", "here", "here:8000").stdout.startswith("Added remote here")
    assert run("remote", "add", "new", "./new:8000").stdout.startswith("Added remote new")


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
        assert "no API key" in new.stderr
        assert "Bearer" not in new.stderr
        (tmp_path / "empty").touch()
        empty = run("remote", "set", "lab", "--key-file", tmp_path / "empty", code=3).stderr
        assert f"The key file {tmp_path / 'empty'} is empty." in empty
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
