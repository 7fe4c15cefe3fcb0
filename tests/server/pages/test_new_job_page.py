"""The form for a new job as the hub sends it, what it takes, and whom it lets do what."""

import asyncio
import hashlib
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import msgspec
import pytest

from dendro_local.hub import JobQuery, NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest, Job, JobParameter, ServiceUser
from dendro_local.server.v1.incoming import size_of
from tests.hub.conftest import Worker, counting  # noqa: F401 - a fixture
from tests.live_hub import LiveHub
from tests.server.conftest import ADA, BASE_URL, OWNER, SERVICE, Served
from tests.server.login.conftest import Browser
from tests.server.pages.odd_app import APP, parameter, processor, register

Making = Callable[..., NewJob]

HELLO = {"service": SERVICE, "app": "hello_world", "processor": "hello_world_2"}
ODD = {"service": SERVICE, "app": APP, "processor": "odd"}
COUNTING = {"service": SERVICE, "app": "hello_world", "processor": "count_characters"}


@pytest.fixture
def user(served: Served) -> Browser:
    """The browser of the hub's owner."""
    return Browser(served).log_in()


def look(browser: Browser, **query: str) -> str:
    """The text of the page at /new."""
    reply = browser.send("GET", "/new", params=query)
    assert reply.status_code == 200, reply.text
    return " ".join(unescape(reply.text).split())


def verdict(browser: Browser, **query: str) -> str:
    """What the page says would come of the form."""
    shown = look(browser, **query).partition('id="verdict"')[2].partition('<div class="line">')[0]
    return " ".join(re.sub("<[^>]*>", "", shown.partition(">")[2]).split())


def submitted(hub: LocalHub) -> list[Job]:
    """All jobs, the newest last."""
    return hub.find_jobs(JobQuery())[::-1]


def test_without_a_processor_it_asks_what_is_to_be_run(user: Browser) -> None:
    every = look(user)
    of_app = look(user, service=SERVICE, app="hello_world")

    assert "hello_neurosift" in every
    assert f"/new?service={SERVICE}&app=hello_world&processor=hello_world_2" in every
    assert "hello_neurosift" not in of_app
    assert "Show all apps" in of_app


def test_what_is_not_there_is_told(user: Browser) -> None:
    for query, told in (
        ({**HELLO, "app": "hello_wrld"}, "hello_world"),
        ({**HELLO, "processor": "nothing"}, "hello_world_2"),
        ({"from": "nothing"}, "No job id begins with"),
    ):
        reply = user.send("GET", "/new", params=query)
        assert (reply.status_code, told in reply.text) == (404, True), reply.text


def test_an_address_that_says_of_no_job_and_no_processor_leads_to_all(user: Browser) -> None:
    assert "What is to be run?" in look(user, **{"from": ""})


def test_it_tells_before_it_is_submitted_whether_it_would_be_a_hit(
    user: Browser,
    hub: LocalHub,
    worker: Worker,
    greeting: Making,
) -> None:
    register(hub, processor(parameter("name")))
    values = {**HELLO, "o.output": "output.txt"}
    assert verdict(user, **ODD) == "Before it can be submitted: name: Give a value."
    assert verdict(user, **values, **{"p.name": "Ada"}) == "It will run: no such job is there yet."

    [job] = hub.submit([greeting("Ada")])
    values["p.name"] = "Ada"
    assert f"It is there already: job {job.jobId[:8]} pending" in verdict(user, **values)
    # It would be given the tag, and not run.
    assert "It is there already" in verdict(user, **values, tags="new")
    worker.fail(worker.claim())
    failed = verdict(user, **values)
    assert "Nothing will run, unless it is to run again if it had failed." in failed
    assert verdict(user, **values, rerunFailing="yes") == (
        f"It will run: Job {job.jobId} had failed, and failing jobs were to run again."
    )
    assert "The cache was skipped" in verdict(user, **values, skipCache="yes")


def test_a_job_that_left_defaults_out_is_found_too(user: Browser, hub: LocalHub) -> None:
    register(hub, processor(parameter("n", "int", defaultValue=3), parameter("name")))
    explicit = user.send("POST", "/new", data={**ODD, "p.name": "a", "p.n": "3"})
    [job] = submitted(hub)
    assert [each.name for each in job.jobDefinition.parameters] == ["n", "name"]
    definition = msgspec.structs.replace(
        job.jobDefinition, parameters=[JobParameter(name="name", value="b")]
    )
    [left_out] = hub.submit(
        [
            NewJob(
                serviceName=SERVICE,
                jobDefinition=definition,
                requiredResources=job.requiredResources,
            )
        ]
    )

    assert f"job {left_out.jobId[:8]}" in verdict(user, **ODD, **{"p.name": "b"})
    reply = user.send("POST", "/new", data={**ODD, "p.name": "b", "p.n": "3"})
    other = user.send("POST", "/new", data={**ODD, "p.name": "b", "p.n": "4"})

    assert reply.headers["location"] == f"/jobs/{left_out.jobId}"
    assert other.headers["location"] not in (
        reply.headers["location"],
        explicit.headers["location"],
    )


def test_it_tells_what_an_input_makes_of_it(
    user: Browser,
    hub: LocalHub,
    worker: Worker,
    greeting: Making,
    counting: Making,  # noqa: F811
) -> None:
    first, second, third = hub.submit([greeting("a"), greeting("b"), greeting("c")])
    worker.complete(worker.claim(), b"same")
    hub.submit([counting(hub.get_job(first.jobId))])
    worker.complete(worker.claim(), b"same")
    worker.fail(worker.claim())
    counted = worker.complete(worker.claim(), b"{}")

    def of(job: Job, output: str = "output") -> str:
        place = f"dendro:{job.jobId}/{output} as input.txt"
        return verdict(user, **COUNTING, **{"i.input": place, "o.output": "output.json"})

    assert f"It is there already: job {counted.jobId[:8]}" in of(first)
    assert f"from inputs with the same bytes: job {counted.jobId[:8]}" in of(second)
    assert f"It would fail at once: it needs job {third.jobId[:8]}" in of(third)
    [fourth] = hub.submit([greeting("d")])
    assert f"It will run, after job {fourth.jobId[:8]}" in of(fourth)
    assert "has no output 'nothing'. It has: output." in of(first, "nothing")


def test_a_form_is_submitted_once_however_often_it_is_sent(user: Browser, hub: LocalHub) -> None:
    values = {**HELLO, "p.name": "Ada", "tags": "a, b", "skipCache": "yes", "request": "r" * 32}

    first = user.send("POST", "/new", data=values)
    again = user.send("POST", "/new", data=values)
    edited = user.send("POST", "/new", data={**values, "p.name": "Bob"})

    ada, bob = submitted(hub)
    assert (first.status_code, first.headers["location"]) == (303, f"/jobs/{ada.jobId}")
    assert again.headers["location"] == f"/jobs/{ada.jobId}"
    assert edited.headers["location"] == f"/jobs/{bob.jobId}"
    assert ada.tags == ["a", "b"]


def test_what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays(
    user: Browser, hub: LocalHub
) -> None:
    register(hub, processor(parameter("name")))
    values = {**ODD, "p.name": "", "numCpus": "many", "tags": "kept & <b>"}
    for path in ("/new", "/new/check"):
        reply = user.send("POST", path, data=values)

        assert reply.status_code == 400
        assert 'aria-invalid="true"' in reply.text
        assert re.search('<p class="fault" id="p-[0-9]-fault">Give a value.</p>', reply.text)
        assert "Give a number; not &#39;many&#39;." in reply.text
        assert 'value="kept &amp; &lt;b&gt;"' in reply.text


def test_what_was_checked_is_in_the_address(user: Browser) -> None:
    values = {**HELLO, "p.name": "Ada", "numCpus": "1", "memoryGb": "2", "csrf": "x"}
    reply = user.send("POST", "/new/check", data=values)
    too_long = user.send("POST", "/new/check", data={**values, "p.name": "x" * 50_000})

    assert reply.status_code == 303
    path, _, query = reply.headers["location"].partition("?")
    assert path == "/new"
    assert dict(parse_qsl(query)) == {**HELLO, "p.name": "Ada", "memoryGb": "2"}
    assert too_long.status_code == 200
    assert "it cannot be shared" in too_long.text
    assert "x" * 50_000 in too_long.text


def test_whoever_may_not_create_jobs_reads_the_form_and_is_not_offered_to_send_it(
    user: Browser, served: Served, hub: LocalHub
) -> None:
    query = {**HELLO, "p.name": "Ada"}
    guest, ada = Browser(served), Browser(served)
    served.key_of(ADA)
    ada.log_in(ADA)

    assert '<button class="primary">' in look(user, **query)
    assert '<button class="primary">' not in look(guest, **query)
    assert "Log in</a> to submit it" in look(guest, **query)
    assert "You may not create jobs" in look(ada, **query)
    reply = ada.send("POST", "/new", data=query)
    assert (reply.status_code, "may not create jobs" in reply.text) == (403, True)
    assert guest.send("POST", "/new", data=query).status_code in (401, 403)
    upload = {"upload-offset": "0"}
    assert ada.send("POST", "/new/upload", headers=upload, content=b"x").status_code == 403
    assert submitted(hub) == []


def test_only_the_owner_names_files_of_the_machine(
    user: Browser, served: Served, hub: LocalHub, tmp_path: Path
) -> None:
    rights = ServiceUser(userId=ADA, admin=False, createJobs=True, processJobs=False)
    hub.set_service_users(SERVICE, [rights])
    served.key_of(ADA)
    ada = Browser(served).log_in(ADA)
    file = tmp_path / "some text.txt"
    file.write_bytes(b"12345")
    values = {**COUNTING, "i.input": str(file)}

    assert "give an http(s) url" in ada.send("POST", "/new", data=values).text.lower()
    reply = user.send("POST", "/new", data=values)

    assert reply.status_code == 303, reply.text
    [job] = submitted(hub)
    [given] = job.jobDefinition.inputFiles
    digest = hashlib.sha256(b"12345").hexdigest()
    assert (given.url, given.fileBaseName) == (f"dendro:sha256/{digest}", "input.txt")
    assert hub.input_paths(job.jobId) == {given.url: str(file)}
    assert "is a folder" in user.send("POST", "/new", data={**values, "i.input": "/"}).text
    assert "There is no file" in user.send("POST", "/new", data={**values, "i.input": "/x"}).text
    assert "not a regular file" in verdict(user, **{**values, "i.input": "/dev/zero"})


def test_a_job_is_run_again_with_an_edit(user: Browser, hub: LocalHub, greeting: Making) -> None:
    [job] = hub.submit([greeting(" text\nof lines ", tags=["with, comma"])])

    shown = look(user, **{"from": job.jobId})
    assert f"It is there already: job {job.jobId[:8]}" in verdict(user, **{"from": job.jobId})
    assert '<input type="hidden" name="from"' in shown
    values = {**HELLO, "from": job.jobId, "p.name": "new"}
    assert user.send("POST", "/new", data=values).status_code == 303
    # It was deleted while the form was open: what the form has is enough.
    hub.delete([job.jobId])
    reply = user.send("POST", "/new", data={**values, "p.name": "newer"})
    assert reply.status_code == 303

    edited, later = submitted(hub)
    assert [each.value for each in edited.jobDefinition.parameters] == ["new"]
    assert edited.tags == ["with, comma"]
    assert edited.jobDefinition.outputFiles == job.jobDefinition.outputFiles
    assert later.jobDefinition.parameters[0].value == "newer"


def test_three_hundred_parameters_are_sent_and_read(user: Browser, hub: LocalHub) -> None:
    many = [parameter(f"g{n // 10}.p{n}", "int", defaultValue=n) for n in range(300)]
    register(hub, processor(*many))
    place = {"service": SERVICE, "app": APP, "processor": "odd"}
    assert "Find among 300 parameters" in look(user, **place)

    sent = {f"p.g{n // 10}.p{n}": str(n + 1) for n in range(300)}
    assert user.send("POST", "/new", data={**place, **sent}).status_code == 303

    [job] = submitted(hub)
    given = {each.name: each.value for each in job.jobDefinition.parameters}
    assert given == {f"g{n // 10}.p{n}": n + 1 for n in range(300)}


# Uploads


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what comes within moments, on a machine that has other work too."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def upload(
    browser: Browser, content: bytes | AsyncIterator[bytes], **headers: str
) -> tuple[int, str]:
    """What is answered to a file that is sent as the page's script does."""
    sent = {"upload-offset": "0", "content-type": "application/octet-stream", **headers}
    reply = browser.send("POST", "/new/upload", headers=sent, content=content)
    return reply.status_code, reply.text


@pytest.mark.parametrize("content", [b"", b"some bytes"])
def test_what_is_uploaded_is_kept_by_its_digest(
    user: Browser, hub: LocalHub, content: bytes
) -> None:
    digest = hashlib.sha256(content).hexdigest()

    for _ in range(2):
        status, text = upload(user, content)
        assert status == 200, text
        assert json.loads(text) == {"url": f"dendro:sha256/{digest}", "size": len(content)}

    assert hub.store.blobs.path(Digest(digest)).read_bytes() == content
    # What tells that it came, so that it is removed if no job takes it.
    assert [file.name for file in hub.store.folder.uploads.iterdir()] == [f"blob.{digest}.came"]


def test_one_file_that_is_uploaded_for_several_inputs_at_once_is_kept_for_each(
    user: Browser, hub: LocalHub
) -> None:
    form_token = re.search('<meta name="csrf" content="([^"]+)">', user.send("GET", "/login").text)
    assert form_token is not None
    headers = {
        "cookie": "; ".join(f"{name}={value}" for name, value in user.cookies.items()),
        "origin": BASE_URL,
        "upload-offset": "0",
        "x-csrf-token": form_token[1],
    }

    async def upload_often(content: bytes) -> list[httpx.Response]:
        client = user.served.client
        sent = [client.post("/new/upload", headers=headers, content=content) for _ in range(4)]
        return await asyncio.gather(*sent)

    for number in range(8):
        content = bytes([number]) * 100_000
        replies = user.served.loop.run(upload_often(content))

        digest = hashlib.sha256(content).hexdigest()
        assert {reply.status_code for reply in replies} == {200}
        assert {reply.json()["url"] for reply in replies} == {f"dendro:sha256/{digest}"}
        assert hub.store.blobs.path(Digest(digest)).read_bytes() == content


def test_of_an_upload_that_breaks_off_nothing_is_left(live: LiveHub, hub: LocalHub) -> None:
    token = hub.new_login_token(OWNER)
    with httpx.Client(base_url=live.url, trust_env=False) as client:
        page = client.get(f"/login?token={token}", follow_redirects=True).text
        cookies = client.cookies
    form_token = re.search('<meta name="csrf" content="([^"]+)">', page)
    assert form_token is not None
    head = [
        "POST /new/upload HTTP/1.1",
        f"Host: 127.0.0.1:{live.port}",
        f"Origin: {live.url}",
        f"Cookie: {'; '.join(f'{name}={text}' for name, text in cookies.items())}",
        f"X-CSRF-Token: {form_token[1]}",
        "Upload-Offset: 0",
        f"Content-Length: {10 << 20}",
    ]

    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + b"x" * (3 << 20))
        wait_until(lambda: any(size_of(file) for file in hub.store.folder.uploads.glob("blob.*")))

    wait_until(lambda: not any(hub.store.folder.uploads.iterdir()))


def test_an_upload_is_refused_that_is_too_large_or_finds_no_room(
    user: Browser, served: Served, hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DENDRO_QUOTA_UPLOAD_BYTES", "100")
    hub.limit_users()
    rights = ServiceUser(userId=ADA, admin=False, createJobs=True, processJobs=False)
    hub.set_service_users(SERVICE, [rights])
    served.key_of(ADA)
    ada = Browser(served).log_in(ADA)

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 50

    assert upload(ada, b"x" * 101)[0] == 413
    assert upload(ada, unannounced())[0] == 413
    assert upload(ada, b"x" * 100)[0] == 200
    status, text = upload(user, b"x", **{"content-length": str(2**60)})
    assert (status, "No room is left" in text) == (507, True)
    left = [file.name for file in hub.store.folder.uploads.iterdir()]
    assert [name for name in left if not name.endswith(".came")] == []


def test_an_upload_needs_the_token_of_a_page_before_its_body_is_looked_at(
    user: Browser, hub: LocalHub
) -> None:
    read: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        read.append("the body was read")
        yield b"x"

    for token in ("", "wrong"):
        assert upload(user, body(), **{"x-csrf-token": token})[0] == 403
    assert read == []
    form = 'form-data; name="csrf"'
    multipart = f"--b\r\nContent-Disposition: {form}\r\n\r\nx\r\n--b--\r\n".encode()
    reply = user.served.send(
        "POST",
        "/new/upload",
        headers={"origin": "http://hub.test", "content-type": "multipart/form-data; boundary=b"},
        content=multipart,
    )
    assert (reply.status_code, "was not sent by a page" in reply.text) == (403, True)
    assert not hub.store.folder.uploads.exists() or not any(hub.store.folder.uploads.iterdir())
