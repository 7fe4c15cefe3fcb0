"""Previews over HTTP: of outputs, logs and inputs of jobs, as JSON and as pages."""

import json
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.model import JobId
from tests.server.previews.conftest import DATA, Complete
from tests.server.v1.conftest import V1, new_job

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


def preview(v1: V1, job_id: str, **more: Any) -> Any:
    return v1.get(f"/jobs/{job_id}/preview", **{"kind": "output", "name": "output", **more})


def page(v1: V1, job_id: str, query: str = "", *, file: str = "output/output") -> str:
    """The page of a file, which must be there, without a script asking."""
    reply = v1.served.send("GET", f"/jobs/{job_id}/files/{file}{query}")
    assert reply.status_code == 200, reply.text
    return reply.text


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(html)
    return parser.found


@pytest.mark.parametrize(
    ("name", "content", "shown", "field"),
    [
        ("a.txt", b"Hello!", "text", "text"),
        ("a.csv", b"a,b\n1,2\n", "table", "table"),
        ("a.json", b'{"a": [1, 2]}', "json", "json"),
        ("a.bin", b"\0\1\2", "bytes", "text"),
        ("a.nwb", (DATA / "film_tiny.nwb").read_bytes(), "hdf5", "object"),
        ("a.lindi.json", b'{"refs": {".zgroup": {}}}', "lindi", "object"),
        ("a.mp4", (DATA / "ten_grays.mp4").read_bytes(), "video", None),
        ("a.html", b"<script>alert(1)</script>", "text", "text"),
        ("a.svg", b"<svg onload='alert(1)'/>", "text", "text"),
    ],
)
def test_an_output_is_shown_as_what_it_is(
    v1: V1, complete: Complete, name: str, content: bytes, shown: str, field: str | None
) -> None:
    job_id = complete(name, content)
    found = preview(v1, job_id)
    assert (found["format"], found["fileName"], found["size"]) == (shown, name, len(content))
    assert found["url"].startswith("http://hub.test/f/")
    assert found["note"] is None
    there = {each for each in ("text", "table", "json", "object") if found[each] is not None}
    assert there == ({field} if field else set())
    assert f"<h1>{name}</h1>" in page(v1, job_id)


def test_an_image_is_shown_and_a_false_one_is_not(v1: V1, complete: Complete) -> None:
    image = complete("a.png", b"\x89PNG\r\n\x1a\n rest")
    false = complete("b.png", b"<script>alert(1)</script>")
    [source] = [a["src"] for tag, a in tags(page(v1, image)) if tag == "img"]
    assert (source or "").endswith("/output/a.png")
    assert [tag for tag, _ in tags(page(v1, false)) if tag == "img"] == []


def test_more_of_a_text_and_its_end_are_asked_for(v1: V1, complete: Complete) -> None:
    job_id = complete("a.txt", b"".join(b"line %d\n" % number for number in range(100_000)))
    first = preview(v1, job_id)
    assert first["text"]["text"].startswith("line 0\n")
    assert first["tail"]["text"].endswith("line 99999\n")
    more = preview(v1, job_id, first=first["text"]["next"])
    assert more["text"]["first"] == first["text"]["end"]
    assert more["tail"] is None
    html = page(v1, job_id)
    assert f"?first={first['text']['next']}" in html
    assert "line 99999" in html


def test_what_is_no_json_is_shown_as_text_with_the_reason(v1: V1, complete: Complete) -> None:
    found = preview(v1, complete("a.json", b"<html>"))
    assert (found["format"], found["text"]["text"]) == ("text", "<html>")
    assert found["note"] == "The file is no JSON."


def test_a_damaged_file_is_told_of_and_the_hub_goes_on(v1: V1, complete: Complete) -> None:
    job_id = complete("a.nwb", (DATA / "film_tiny.nwb").read_bytes()[:5000])
    found = preview(v1, job_id)
    assert (found["format"], found["object"]) == ("hdf5", None)
    assert "damaged" in found["note"]
    assert "damaged" in page(v1, job_id)
    assert v1.get("/stats")


def test_a_table_or_json_can_be_seen_as_text(v1: V1, complete: Complete) -> None:
    job_id = complete("a.json", b'{"a": 1}')
    assert preview(v1, job_id, as_text=True)["text"]["text"] == '{"a": 1}'
    assert "{&#34;a&#34;: 1}" in page(v1, job_id, "?as_text=true")


def test_logs_are_shown(v1: V1, complete: Complete) -> None:
    job_id = complete("a.txt", b"", console=b"printed\n")
    assert preview(v1, job_id, kind="console", name="output.txt")["text"]["text"] == "printed\n"
    assert "printed" in page(v1, job_id, file="console/output.txt")
    assert "The file is empty." in page(v1, job_id)


def test_inputs_are_shown_if_the_hub_has_them(v1: V1, complete: Complete, hub: LocalHub) -> None:
    parent = complete("a.txt", b"from the parent")
    url = hub.get_job(JobId(parent)).outputFileResults[0].url
    elsewhere = "https://elsewhere.test/b.nwb?<x>"

    found = preview(v1, _counting(v1, url), kind="input", name="input")
    other = preview(v1, _counting(v1, elsewhere), kind="input", name="input")
    html = page(v1, _counting(v1, elsewhere), file="input/input")

    assert found["text"]["text"] == "from the parent"
    assert "from the parent" in page(v1, found["jobId"], file="input/input")
    assert (other["format"], other["url"], other["size"]) == ("elsewhere", elsewhere, None)
    assert elsewhere in [attributes.get("href") for _, attributes in tags(html)]


def _counting(v1: V1, url: str) -> str:
    """The id of a job that has an input."""
    request = new_job()
    request["jobDefinition"] |= {
        "processorName": "count_characters",
        "inputFiles": [{"name": "input", "fileBaseName": "input.txt", "url": url}],
        "outputFiles": [{"name": "output", "fileBaseName": "output.json"}],
        "parameters": [],
    }
    [job] = v1.submit(request)
    return str(job["jobId"])


def test_what_is_not_there_yet_or_any_more_says_so(v1: V1) -> None:
    [job] = v1.submit(new_job())
    found = preview(v1, job["jobId"])
    assert (found["format"], "pending" in found["note"]) == ("elsewhere", True)
    assert "pending" in page(v1, job["jobId"])


def test_what_nobody_has_is_not_found(v1: V1, complete: Complete) -> None:
    job_id = complete("a.json", b'{"a": 1}')
    for path in (
        f"/jobs/{job_id}/preview?kind=output&name=nothing",
        f"/jobs/{job_id}/preview?kind=other&name=output",
        f"/jobs/{job_id}/preview?kind=output&name=output&path=/b",
        "/jobs/nojob/preview?kind=output&name=output",
    ):
        assert v1.refusal("GET", path)[0] == 404
    assert v1.refusal("GET", f"/jobs/{job_id}/preview?kind=secret&name=output")[0] == 400
    for path in (
        f"/jobs/{job_id}/files/output/nothing",
        f"/jobs/{job_id}/files/secret/output",
        f"/jobs/{job_id}/files/output/output?path=/b",
        "/jobs/nojob/files/output/output",
    ):
        reply = v1.served.send("GET", path)
        assert reply.status_code == 404, path
        assert "text/html" in reply.headers["content-type"], reply.text
    for name in ("../../store.db", "..%2f..%2fstore.db", "//etc/passwd"):
        reply = v1.served.send("GET", f"/jobs/{job_id}/files/output/{name}")
        assert reply.status_code == 404


def test_what_cannot_be_meant_is_refused(v1: V1, complete: Complete) -> None:
    job_id = complete("a.json", b"{}")
    for query in ("first=x", "first=99999999999999999999", "at=-1", "path=" + "x" * 5000):
        path = f"/jobs/{job_id}/preview?kind=output&name=output&{query}"
        assert v1.refusal("GET", path)[0] == 400
        reply = v1.served.send("GET", f"/jobs/{job_id}/files/output/output?{query}")
        assert reply.status_code == 400


@pytest.mark.parametrize("name", ["a.json", "a.txt", "a.csv", "a.bin", "a.nwb"])
def test_places_that_no_file_has_are_answered(v1: V1, complete: Complete, name: str) -> None:
    content = {"a.nwb": (DATA / "film_tiny.nwb").read_bytes(), "a.bin": b"\0"}
    job_id = complete(name, content.get(name, b'{"a": 1}'))
    for query in ("first=9007199254740992", "at=9007199254740992", "path=/a/../b%00"):
        path = f"/jobs/{job_id}/preview?kind=output&name=output&{query}"
        assert v1.send("GET", path).status_code in (200, 404)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", HOSTILE.encode()),
        ("a.csv", f'{HOSTILE},b\n"{HOSTILE}",2\n'.encode()),
        ("a.json", json.dumps({HOSTILE: HOSTILE, "list": {HOSTILE: list(range(999))}}).encode()),
        (
            "a.lindi.json",
            json.dumps(
                {
                    "refs": {
                        ".zgroup": {},
                        ".zattrs": {HOSTILE: HOSTILE},
                        f"{HOSTILE}/.zgroup": {},
                        f"{HOSTILE}/.zattrs": {"_SOFT_LINK": {"path": HOSTILE}},
                        "a/.zarray": {"shape": [1], "chunks": [1], "dtype": "<M8[<img>]"},
                        "b/.zarray": {"shape": [1], "chunks": [1], "dtype": "u1"},
                        "b/.zattrs": {"neurodata_type": HOSTILE},
                        "b/0": [f"javascript:{HOSTILE}", 0, 1],
                    }
                }
            ).encode(),
        ),
        (f"{HOSTILE.replace('/', '')}.txt", b"x"),
    ],
)
def test_nothing_in_a_file_becomes_markup(
    v1: V1, complete: Complete, name: str, content: bytes
) -> None:
    job_id = complete(name, content)
    for query in ("", "?path=b", f"?path={quote('/' + HOSTILE.replace('/', '~1'))}"):
        reply = v1.served.send("GET", f"/jobs/{job_id}/files/output/output{query}")
        found = tags(reply.text)
        assert "onerror" not in {key for _, attributes in found for key in attributes}
        assert "x" not in [attributes.get("src") for _, attributes in found]
        for tag, attributes in found:
            assert tag != "script" or (attributes.get("src") or "").startswith("/static/")
            assert not (attributes.get("href") or "").lower().startswith("javascript:")


def test_a_script_gets_what_the_page_has(v1: V1, complete: Complete) -> None:
    job_id = complete("a.json", json.dumps({"list": list(range(500))}).encode())
    path = f"/jobs/{job_id}/files/output/output?path=/list&first=100"
    part = v1.served.send("GET", path, headers={"hx-request": "true"}).text
    assert "<html" not in part
    assert 'class="tree tree-body flat"' in part
    assert part[part.index('<div class="preview">') :].strip() in v1.served.send("GET", path).text


def test_no_file_runs_in_the_hubs_own_origin(v1: V1, complete: Complete) -> None:
    for name in ("a.html", "a.HTM", "a.svg", "a.xml", "a.xhtml", "a.mhtml", "a"):
        job_id = complete(name, b"<html xmlns='http://www.w3.org/1999/xhtml'><script/></html>")
        url = preview(v1, job_id)["url"]
        reply = v1.served.send("GET", url.removeprefix("http://hub.test"))
        assert reply.headers["x-content-type-options"] == "nosniff"
        is_bytes = reply.headers["content-type"] == "application/octet-stream"
        assert is_bytes or reply.headers["content-security-policy"] == "sandbox"
