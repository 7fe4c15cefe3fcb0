"""Remotes in the pages and over ``/v1``, as the hub sends them: what they tell, and to whom."""

import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_sync import add_remote, own_key, trust_key
from tests.hub.conftest import NewJobMaker, Worker
from tests.server.conftest import ADA, OWNER, Served
from tests.server.login.conftest import Browser
from tests.server.pages.far_hub import FarHub
from tests.server.v1.conftest import V1

LIMIT_SEC = 60.0

BAD = "\"'><script>window.hasRun = 1</script>"


@pytest.fixture
def user(served: Served) -> Browser:
    """The browser of the hub's owner."""
    return Browser(served).log_in()


@pytest.fixture
def v1(served: Served) -> V1:
    """The hub's ``/v1``."""
    return V1(served)


@pytest.fixture
def far(tmp_path: Path, greeting: NewJobMaker) -> Iterator[FarHub]:
    """Another hub, with a completed job."""
    far = FarHub(tmp_path, greeting)
    far.complete("far")
    yield far
    far.close()


def add(user: Browser, name: str, url: str, **more: str) -> httpx.Response:
    """The reply to the form that adds a remote."""
    return user.send("POST", "/remotes", data={"name": name, "url": url, **more})


def text_of(user: Browser, path: str) -> str:
    """A page, as it is read."""
    reply = user.send("GET", path)
    assert reply.status_code == 200
    return unescape(reply.text)


def ended(v1: V1, name: str) -> Any:
    """The exchange with a remote, once it has ended."""
    ends_at = time.monotonic() + LIMIT_SEC
    while True:
        found = v1.get(f"/remotes/{name}/exchange", by=OWNER)
        if found["endedAt"] is not None:
            return found
        assert time.monotonic() < ends_at, found
        time.sleep(0.01)


def exchanged(v1: V1, user: Browser, name: str, action: str, **more: str) -> Any:
    """What came of an exchange that was begun by the form."""
    reply = user.send("POST", f"/remotes/{name}/exchange", data={"action": action, **more})
    assert (reply.status_code, reply.headers["location"]) == (303, f"/remotes/{name}#exchange")
    return ended(v1, name)


def test_remotes_are_only_for_the_user_whose_hub_it_is(
    served: Served, v1: V1, hub: LocalHub, tmp_path: Path
) -> None:
    add_remote(hub, "disk", str(tmp_path / "disk"))
    read = ("/remotes", "/remotes/disk", "/remotes/disk/exchange", "/keys")
    for path in read:
        assert v1.refusal("GET", path, by=None)[:2] == (401, "not_authenticated")
    guest = Browser(served)
    served.key_of(ADA)
    ada = Browser(served).log_in(ADA)
    actions: list[tuple[str, dict[str, str]]] = [
        ("/remotes", {"name": "x", "url": "/x"}),
        ("/remotes/disk/ask", {}),
        ("/remotes/disk/exchange", {"action": "push"}),
        ("/remotes/disk/cancel", {}),
        ("/remotes/disk/remove", {"confirmed": "yes"}),
        ("/keys", {"name": "x", "public_key": "x"}),
        ("/keys/untrust", {"key": "x"}),
    ]

    for path in ("/remotes", "/remotes/disk"):
        reply = guest.send("GET", path)
        assert (reply.status_code, reply.headers["location"]) == (303, "/login")
        refused = ada.send("GET", path)
        assert refused.status_code == 403
        assert "disk" not in refused.text.replace(path, "")
        assert f"You are {ADA}." in unescape(refused.text)
    for path, data in actions:
        assert guest.send("POST", path, data=data).status_code in (401, 403), path
        assert ada.send("POST", path, data=data).status_code == 403, path
    for path in read:
        assert v1.refusal("GET", path, by=ADA)[:2] == (403, "not_allowed")
    assert v1.refusal("DELETE", "/remotes/disk", by=ADA)[0] == 403
    body = {"direction": "push"}
    assert v1.refusal("POST", "/remotes/disk/exchange", by=ADA, json=body)[0] == 403
    assert not (tmp_path / "disk").exists()


def test_without_any_it_says_what_to_do_and_shows_the_own_key_to_be_copied(
    user: Browser, hub: LocalHub
) -> None:
    page = text_of(user, "/remotes")

    assert "No remotes yet" in page
    assert "dendro-local remote add NAME URL" in page
    assert f'data-copy="{own_key(hub).publicKey}"' in page


def test_a_key_that_is_given_is_used_and_never_shown_or_kept_readable(
    user: Browser, v1: V1, hub: LocalHub, far: FarHub
) -> None:
    key = far.key()

    assert add(user, "far", far.url, key=key, cache="on").headers["location"] == "/remotes/far"
    user.send("POST", "/remotes/far/ask")

    entry = v1.get("/remotes/far", by=OWNER)
    assert entry["answer"]["userId"] == far.hub.user_id
    assert (entry["kind"], entry["hasKey"], entry["cache"]) == ("hub", True, True)
    told = [text_of(user, "/remotes"), text_of(user, "/remotes/far"), str(entry)]
    assert not any(key in each for each in told)
    files = [file for file in hub.store.folder.root.rglob("*") if file.is_file()]
    assert files
    assert not any(key.encode() in file.read_bytes() for file in files)


def test_what_is_wrong_with_a_new_remote_is_told_beside_the_form(
    user: Browser, v1: V1, far: FarHub
) -> None:
    wrong = {
        "lab/2": (far.url, "cannot be the name of a remote"),
        "there": ("folder", "is no address"),
        "home": ("~nobody-is-called-so/x", "no user of that name"),
        "nul": ("/x\0y", "is no address"),
        "gone": ("http://127.0.0.1:1", "does not answer"),
        "odd": ("http://[", "is no place for a remote"),
        "key": (far.url, "does not take the key of the remote"),
    }

    for name, (url, words) in wrong.items():
        reply = add(user, name, url, key="nobodys-key")
        assert reply.status_code == 400, name
        assert words in unescape(reply.text)
        assert f'value="{url}"' in reply.text
        assert "nobodys-key" not in reply.text
    assert v1.get("/remotes", by=OWNER) == {"remotes": []}


def test_a_remote_that_is_asked_tells_what_it_has_and_its_key_can_be_trusted(
    user: Browser, far: FarHub
) -> None:
    add(user, "far", far.url)
    assert "Jobs there" not in text_of(user, "/remotes/far")

    user.send("POST", "/remotes/far/ask")
    page = text_of(user, "/remotes/far")
    assert "<dt>Jobs there</dt><dd>1</dd>" in page
    assert "<dt>May push</dt><dd>no</dd>" in page
    assert "not trusted" in page

    trusts = {"remote": "far", "name": "far", "public_key": far.public_key}
    assert user.send("POST", "/keys", data=trusts).headers["location"] == "/remotes/far"
    assert "not trusted" not in text_of(user, "/remotes/far")

    far.live.stop()
    user.send("POST", "/remotes/far/ask")
    assert "does not answer" in text_of(user, "/remotes/far")


def test_keys_are_trusted_and_no_more_and_their_names_are_only_text(
    user: Browser, v1: V1, far: FarHub
) -> None:
    reply = user.send("POST", "/keys", data={"name": "x", "public_key": "no key"})
    assert reply.status_code == 400
    assert "That is no public key" in reply.text

    user.send("POST", "/keys", data={"name": BAD, "public_key": far.public_key})
    reply = user.send("GET", "/remotes")
    assert BAD in unescape(reply.text)
    assert "<script>window" not in reply.text
    [key] = v1.get("/keys", by=OWNER)["trusted"]
    assert (key["name"], key["publicKey"]) == (BAD, far.public_key)

    user.send("POST", "/keys/untrust", data={"key": key["keyId"]})
    assert "No other key is trusted yet" in text_of(user, "/remotes")
    assert v1.refusal("DELETE", f"/keys/{key['keyId']}")[:2] == (404, "not_found")


def test_refused_jobs_are_listed_with_the_reason_until_their_key_is_trusted(
    user: Browser, v1: V1, hub: LocalHub, far: FarHub
) -> None:
    far.complete("another")
    add(user, "far", far.url)

    [report] = exchanged(v1, user, "far", "pull")["reports"]
    assert (report["new"], report["refusedCount"]) == (0, 2)
    page = text_of(user, "/remotes/far")
    assert "Refused when pulled" in page
    assert "which is not trusted" in page
    assert all(job.jobId in page for job in far.hub.find_jobs(JobQuery()))

    trust_key(hub, "far", far.public_key)
    [report] = exchanged(v1, user, "far", "pull")["reports"]
    assert (report["new"], report["refusedCount"]) == (2, 0)
    assert "Refused when" not in text_of(user, "/remotes/far")


def test_a_dry_run_tells_jobs_and_bytes_and_moves_nothing(
    user: Browser, v1: V1, hub: LocalHub, greeting: NewJobMaker, worker: Worker, tmp_path: Path
) -> None:
    hub.submit([greeting()])
    worker.complete(worker.claim(), b"x" * 2_500_000)
    add(user, "disk", str(tmp_path / "disk"))

    tried = exchanged(v1, user, "disk", "try")
    pushed, pulled = tried["reports"]
    assert (pushed["new"], pushed["files"], pushed["bytes"]) == (1, 1, 2_500_000)
    assert pulled["new"] == 0
    assert not (tmp_path / "disk").exists()
    assert "Dry run" in (page := text_of(user, "/remotes/disk"))
    assert "2.5 MB" in page
    assert "<dt>Last push</dt><dd>never</dd>" in page

    [pushed] = exchanged(v1, user, "disk", "push")["reports"]
    assert (pushed["new"], pushed["bytes"]) == (1, 2_500_000)
    assert (tmp_path / "disk").is_dir()
    assert "<dt>Last push</dt><dd>never</dd>" not in text_of(user, "/remotes/disk")


def test_what_the_form_says_limits_what_moves(
    user: Browser, v1: V1, hub: LocalHub, greeting: NewJobMaker, worker: Worker, tmp_path: Path
) -> None:
    for name, size in (("small", 10), ("large", 2_000_000)):
        hub.submit([greeting(name, tags=[name])])
        worker.complete(worker.claim(), b"x" * size)
    add(user, "disk", str(tmp_path / "disk"))

    [by_tag] = exchanged(v1, user, "disk", "push", tags="large", max_size_mb="1")["reports"]
    [by_size] = exchanged(v1, user, "disk", "push", max_size_mb="1.5")["reports"]

    assert (by_tag["new"], by_tag["leftOutCount"]) == (0, 1)
    assert (by_size["new"], by_size["leftOutCount"]) == (1, 1)
    page = text_of(user, "/remotes/disk")
    assert "A file of it is larger than was to be sent." in page
    assert 'value="1.5"' in page  # to be changed, and sent again
    reply = user.send("POST", "/remotes/disk/exchange", data={"action": "x"})
    assert reply.status_code == 400


def test_a_remote_that_is_only_read_is_not_pushed_to(user: Browser, v1: V1, tmp_path: Path) -> None:
    add(user, "disk", str(tmp_path / "disk"), read_only="on")

    assert ">Push</button>" not in text_of(user, "/remotes/disk")
    told = exchanged(v1, user, "disk", "push")
    assert told["status"] == "failed"
    assert "--read-only" in told["error"]
    page = re.sub("<[^>]*>", "", text_of(user, "/remotes/disk"))
    assert told["error"].replace("`", "") in page  # a command is shown as code


def test_a_remote_is_removed_after_a_question_that_names_what_is_lost(
    user: Browser, v1: V1, hub: LocalHub, far: FarHub
) -> None:
    trust_key(hub, "far", far.public_key)
    add(user, "far", far.url, outputs="lazy")
    exchanged(v1, user, "far", "pull")

    asks = unescape(user.send("POST", "/remotes/far/remove").text)
    assert "Remove remote far?" in asks
    assert "lie only there" in asks
    assert [each["name"] for each in v1.get("/remotes", by=OWNER)["remotes"]] == ["far"]

    user.send("POST", "/remotes/far/remove", data={"confirmed": "yes"})
    assert v1.get("/remotes", by=OWNER) == {"remotes": []}
    assert user.send("GET", "/remotes/far").status_code == 404


def test_settings_are_changed_and_what_is_left_alone_stays(
    user: Browser, v1: V1, hub: LocalHub, far: FarHub, tmp_path: Path
) -> None:
    key = far.key()
    add(user, "far", far.url, key=key, outputs="lazy")
    before = v1.get("/remotes/far", by=OWNER)
    page = text_of(user, "/remotes/far")
    assert f'value="{far.url}"' in page
    assert '<option value="lazy" selected>' in page
    assert key not in page

    fields = {"url": far.url, "outputs": "eager", "require": "2", "cache": "on", "key": ""}
    reply = user.send("POST", "/remotes/far/settings", data=fields)

    assert (reply.status_code, reply.headers["location"]) == (303, "/remotes/far")
    told = v1.get("/remotes/far", by=OWNER)
    changed = {"outputs": "eager", "require": 2, "cache": True}
    assert told == {**before, **changed}
    assert told["hasKey"] is True
    forget = {"url": far.url, "outputs": "eager", "forget_key": "on"}
    assert user.send("POST", "/remotes/far/settings", data=forget).status_code == 303
    told = v1.get("/remotes/far", by=OWNER)
    assert (told["hasKey"], told["cache"], told["require"]) == (False, False, 1)


def test_a_setting_that_cannot_be_used_is_told_beside_the_form_and_changes_nothing(
    user: Browser, v1: V1, hub: LocalHub, far: FarHub, tmp_path: Path
) -> None:
    add(user, "far", far.url, key=far.key())
    before = v1.get("/remotes/far", by=OWNER)
    good = {"url": far.url, "outputs": "eager", "require": "1"}

    for wrong in (
        {"url": "nowhere"},
        {"url": str(tmp_path / "folder")},
        {"key": "wrong"},
        {"require": "x"},
        {"outputs": BAD},
    ):
        reply = user.send("POST", "/remotes/far/settings", data={**good, **wrong})
        assert reply.status_code == 400, wrong
        assert 'class="alert bad"' in reply.text
        assert BAD not in reply.text
        assert v1.get("/remotes/far", by=OWNER) == before, wrong


def test_settings_are_changed_over_v1_by_the_hubs_own_user(
    v1: V1, hub: LocalHub, tmp_path: Path
) -> None:
    add_remote(hub, "disk", str(tmp_path / "disk"))

    told = v1.send("PATCH", "/remotes/disk", json={"readOnly": True}).json()
    assert (told["readOnly"], told["outputs"]) == (True, "eager")

    moved = {"url": (tmp_path / "moved").as_uri()}
    assert v1.send("PATCH", "/remotes/disk", json=moved).json()["url"] == moved["url"]
    assert v1.refusal("PATCH", "/remotes/disk", json={"require": 0})[0] == 400
    assert v1.refusal("PATCH", "/remotes/none", json={"cache": True})[0] == 404
    for who, status in ((None, 401), (ADA, 403)):
        assert v1.refusal("PATCH", "/remotes/disk", by=who, json={"cache": True})[0] == status
