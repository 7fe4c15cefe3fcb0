"""What a request for a file is answered with."""

from collections.abc import Mapping

import pytest

from dendro_local.byte_ranges import ByteRange
from dendro_local.server.files.content_types import content_type
from dendro_local.server.files.replies import FileFacts, FileReply, file_reply

DIGEST = "ab" * 32
TAG = f'"{DIGEST}"'
FACTS = FileFacts(name="output.txt", digest=DIGEST, size=10, modified_at=1_700_000_000.5)
WRITTEN_NOW = FileFacts(name="output.txt", digest=None, size=10, modified_at=1_700_000_000.5)
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"


def reply(facts: FileFacts = FACTS, **headers: str) -> FileReply:
    return file_reply(facts, {name.replace("_", "-"): value for name, value in headers.items()})


def shown(reply: FileReply) -> Mapping[str, str]:
    return {name.decode(): value.decode() for name, value in reply.headers}


def test_a_whole_file_tells_its_digest_and_that_ranges_are_taken() -> None:
    found = reply()
    assert (found.status, found.pieces) == (200, (ByteRange(0, 10),))
    assert shown(found)["etag"] == TAG
    assert shown(found)["accept-ranges"] == "bytes"
    assert shown(found)["last-modified"] == DATE
    assert "immutable" in shown(found)["cache-control"]


def test_one_range_is_a_part() -> None:
    found = reply(range="bytes=2-5")
    assert (found.status, found.pieces) == (206, (ByteRange(2, 6),))
    assert shown(found)["content-range"] == "bytes 2-5/10"


def test_a_range_longer_than_a_short_file_is_a_part_of_all_of_it() -> None:
    found = reply(range="bytes=0-1535")
    assert found.status == 206
    assert shown(found)["content-range"] == "bytes 0-9/10"


def test_several_ranges_are_parts_between_boundaries() -> None:
    found = file_reply(FACTS, {"range": "bytes=0-1,-1"}, boundary=lambda: "EDGE")
    assert found.status == 206
    assert shown(found)["content-type"] == "multipart/byteranges; boundary=EDGE"
    texts = [piece.decode() for piece in found.pieces if isinstance(piece, bytes)]
    assert "Content-Range: bytes 0-1/10\r\n" in texts[0]
    assert "Content-Type: text/plain; charset=utf-8\r\n" in texts[0]
    assert texts[-1] == "\r\n--EDGE--\r\n"
    ranges = [piece for piece in found.pieces if isinstance(piece, ByteRange)]
    assert ranges == [ByteRange(0, 2), ByteRange(9, 10)]
    assert found.length == sum(len(text) for text in texts) + 3


def test_what_lies_behind_the_end_is_refused_with_the_size() -> None:
    found = reply(range="bytes=10-")
    assert (found.status, found.length) == (416, 0)
    assert shown(found)["content-range"] == "bytes */10"


@pytest.mark.parametrize("tags", [TAG, f"W/{TAG}", f'"other", {TAG}', "*"])
def test_whoever_has_the_bytes_is_told_so(tags: str) -> None:
    assert reply(if_none_match=tags).status == 304


def test_other_bytes_are_sent() -> None:
    assert reply(if_none_match='"other"').status == 200


def test_whoever_has_the_file_since_is_told_so() -> None:
    assert reply(if_modified_since=DATE).status == 304
    assert reply(if_modified_since="Mon, 13 Nov 2023 22:13:20 GMT").status == 200
    assert reply(if_modified_since="yesterday").status == 200
    assert reply(if_none_match='"other"', if_modified_since=DATE).status == 200


@pytest.mark.parametrize("condition", [TAG, DATE])
def test_a_range_of_the_same_bytes_is_a_part(condition: str) -> None:
    assert reply(range="bytes=0-1", if_range=condition).status == 206


@pytest.mark.parametrize("condition", ['"other"', f"W/{TAG}", "Mon, 13 Nov 2023 22:13:20 GMT"])
def test_a_range_of_other_bytes_is_the_whole_file(condition: str) -> None:
    assert reply(range="bytes=0-1", if_range=condition).status == 200


def test_of_a_file_that_is_still_written_nothing_is_kept_and_no_part_is_the_same() -> None:
    found = reply(WRITTEN_NOW)
    assert shown(found)["cache-control"] == "no-cache"
    assert shown(found)["etag"].startswith("W/")
    assert reply(WRITTEN_NOW, range="bytes=0-1").status == 206
    assert reply(WRITTEN_NOW, range="bytes=0-1", if_range=shown(found)["etag"]).status == 200


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("output.mp4", "video/mp4"),
        ("info.json", "application/json"),
        ("units.nwb", "application/x-hdf5"),
        ("output.nwb.lindi.tar", "application/x-tar"),
        ("input.avi", "video/x-msvideo"),
        ("output.TXT", "text/plain; charset=utf-8"),
        ("log.jsonl", "application/x-ndjson"),
        ("figures/fit.png", "image/png"),
        ("README", "application/octet-stream"),
        ("data.xyz", "application/octet-stream"),
    ],
)
def test_the_content_type_goes_by_the_names_ending(name: str, kind: str) -> None:
    assert content_type(name) == kind


@pytest.mark.parametrize("name", ["report.html", "plot.svg", "data.xml"])
def test_what_may_run_in_a_browser_is_kept_from_acting_as_the_user(name: str) -> None:
    facts = FileFacts(name=name, digest=DIGEST, size=1, modified_at=0)
    assert shown(file_reply(facts, {}))["content-security-policy"] == "sandbox"
