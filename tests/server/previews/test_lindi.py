"""LINDI files: as our apps write them, and as strangers may."""

import base64
import gzip
import json
import pickle
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dendro_local.server.previews.reading.lindi import LindiFile
from dendro_local.server.previews.reading.objects import NoSuchObject, object_node
from dendro_local.server.previews.reading.question import CannotRead, Question
from dendro_local.v1 import ObjectNode
from tests.server.previews.conftest import Ask

WRITER = Path(__file__).parents[3] / "apps" / "hello_neurosift" / "lindi_output.py"


def node(file: Path, path: str = "", first: int = 0) -> ObjectNode:
    with file.open("rb") as stream:
        lindi = LindiFile(stream.fileno())
        return object_node(lindi, Question(format="lindi", path=path, first=first))


def written(folder: Path, refs: dict[str, Any], **more: Any) -> Path:
    file = folder / "a.lindi.json"
    file.write_text(json.dumps({"refs": {".zgroup": {"zarr_format": 2}, **refs}, **more}))
    return file


def array(**more: Any) -> dict[str, Any]:
    """A description of three bytes in one chunk."""
    return {
        "chunks": [3],
        "compressor": None,
        "dtype": "|u1",
        "fill_value": 0,
        "filters": None,
        "order": "C",
        "shape": [3],
        "zarr_format": 2,
        **more,
    }


def packed(raw: bytes) -> str:
    return "base64:" + base64.b64encode(raw).decode()


def rows(found: ObjectNode) -> list[list[str]]:
    assert found.values is not None, found.note
    return list(found.values.rows)


def test_what_our_apps_write_is_read(tmp_path: Path) -> None:
    writer = runpy.run_path(str(WRITER))
    numbers = np.arange(30_000, dtype=np.int32).reshape(10_000, 3)
    file = tmp_path / "a.lindi.tar"
    writer["write_lindi_tar"](
        str(file),
        {
            "units/times": writer["LindiArray"](numbers, {"unit": "s"}, (999, 2)),
            "units/names": writer["LindiArray"](np.array(["a", "bü"])),
        },
        {"unit_ids": ["1", "2"]},
    )

    top = node(file)
    assert [(each.name, each.value) for each in top.attributes] == [("unit_ids", "[1, 2]")]
    [units] = top.children or ()
    assert [(child.name, child.shape) for child in units.children or ()] == [
        ("names", [2]),
        ("times", [10_000, 3]),
    ]
    times = node(file, "units/times", first=9990)
    assert (times.chunks, times.compression) == ([999, 2], "gzip 5")
    assert rows(times) == [[str(n) for n in row] for row in numbers[9990:].tolist()]
    assert rows(node(file, "units/names")) == [["a"], ["bü"]]


@pytest.mark.parametrize("codec", ["blosc", "zlib", "zstd", "lz4"])
def test_the_usual_ways_to_pack_are_known(tmp_path: Path, codec: str) -> None:
    from numcodecs.registry import get_codec

    chunk = get_codec({"id": codec}).encode(np.array([1, 2, 3], np.uint8))
    file = written(
        tmp_path, {"a/.zarray": array(compressor={"id": codec}), "a/0": packed(bytes(chunk))}
    )
    assert rows(node(file, "a")) == [["1"], ["2"], ["3"]]


def test_text_references_records_and_scalars_are_told_as_text(tmp_path: Path) -> None:
    reference = {"_REFERENCE": {"path": "/general/x", "source": "."}}
    objects = array(dtype="|O", filters=[{"id": "json2"}], shape=[2], chunks=[2], fill_value=None)
    records = [[1, "one", reference], [2, "two", None], "|O", [2]]
    file = written(
        tmp_path,
        {
            "text/.zarray": objects,
            "text/0": json.dumps(["a", reference, "|O", [2]]),
            "records/.zarray": objects,
            "records/.zattrs": {"_COMPOUND_DTYPE": [["n", "i4"], ["t", "O"], ["r", "O"]]},
            "records/0": json.dumps(records),
            "one/.zarray": {**array(), "shape": [1], "chunks": [1]},
            "one/.zattrs": {"_SCALAR": True},
            "one/0": packed(b"\7"),
            "way/.zgroup": {"zarr_format": 2},
            "way/.zattrs": {"_SOFT_LINK": {"path": "/text"}},
        },
    )
    assert rows(node(file, "text")) == [["a"], ["→ /general/x"]]
    assert rows(node(file, "records"))[0] == ["{n: 1, t: one, r: → /general/x}"]
    one = node(file, "one")
    assert (one.shape, rows(one)) == ([], [["7"]])
    link = next(child for child in node(file).children or () if child.name == "way")
    assert (link.kind, link.target) == ("link", "/text")


def test_what_is_elsewhere_is_told_and_not_fetched(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        {
            "a/.zarray": array(),
            "a/0": ["{{u}}", 0, 3],
            "b/.zarray": array(),
            "b/.zattrs": {
                "_EXTERNAL_ARRAY_LINK": {
                    "link_type": "hdf5_dataset",
                    "url": "http://127.0.0.1:9/b.nwb",
                    "name": "/data",
                }
            },
            "c/.zarray": array(),
            "c/0": ["/etc/passwd", 0, 3],
        },
        templates={"u": "http://127.0.0.1:9/a.nwb"},
    )
    assert node(file, "a").note == "Its values are elsewhere: http://127.0.0.1:9/a.nwb"
    assert node(file, "b").target == "http://127.0.0.1:9/b.nwb : /data"
    assert node(file, "c").note == "Its values are elsewhere: /etc/passwd"


def test_no_pickle_is_opened(tmp_path: Path, ask: Ask) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]  # a trap

    described = array(dtype="|O", filters=[{"id": "pickle"}], shape=[1], chunks=[1])
    file = written(tmp_path, {"a/.zarray": described, "a/0": packed(pickle.dumps(Trap()))})
    found = ask(file, format="lindi", path="a").object
    assert found is not None
    assert "'pickle'" in (found.note or "")
    assert not (tmp_path / "sprung").exists()


def test_chunks_that_unpack_to_gigabytes_are_refused(tmp_path: Path, ask: Ask) -> None:
    many = gzip.compress(bytes(64 << 20)) * 32  # members of one gzip file: 2 GB
    file = written(
        tmp_path,
        {
            "lied/.zarray": array(compressor={"id": "gzip"}),
            "lied/0": packed(many),
            "told/.zarray": array(shape=[1 << 40], chunks=[1 << 40]),
        },
    )
    reply = ask(file, format="lindi", path="lied")
    assert "memory" in (reply.fault or "")
    assert "too large" in (node(file, "told").note or "")


@pytest.mark.parametrize(
    "described",
    [
        "no description",
        array(shape=[-1]),
        array(chunks=[0]),
        array(chunks=[1, 1]),
        array(dtype="nothing"),
        array(dtype=[["a"]]),
        array(dtype={"x": 1}),
        array(order=7),
        array(dtype="<M8[bad]"),
        {},
    ],
)
def test_an_array_that_is_not_described_says_so(tmp_path: Path, described: Any) -> None:
    file = written(tmp_path, {"a/.zarray": described, "a/0": packed(b"123")})
    top = node(file)
    assert [child.name for child in top.children or ()] == ["a"]
    assert node(file, "a").note


@pytest.mark.parametrize(
    "chunk",
    ["base64:!!!", packed(b"1"), ["./not_there", 0, 3], ["./a", 0], 17, {"a": 1}, [None] * 3],
)
def test_a_chunk_that_is_none_says_so(tmp_path: Path, chunk: Any) -> None:
    compressor = {"id": "zlib", "level": 1}
    file = written(tmp_path, {"a/.zarray": array(compressor=compressor), "a/0": chunk})
    assert node(file, "a").note


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"refs": []}',
        b'{"refs": {"a/.zarray": [' + b"[" * 100_000,
        b"\0" * 257 + b"ustar" + b"\0" * 250 + b'{"index": {"d": -5, "s": 10}}'.ljust(1024),
        b"\0" * 257 + b"ustar" + b"\0" * 250 + b'{"index": {"d": 0, "s": 99999999999}}'.ljust(1024),
        b"\0" * 257 + b"ustar" + b"\0" * 250 + b"no JSON".ljust(1024),
    ],
)
def test_what_is_no_lindi_file_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.lindi.tar"
    file.write_bytes(content)
    with pytest.raises(CannotRead):
        node(file)


def test_a_path_that_leads_nowhere_is_absent(tmp_path: Path) -> None:
    with pytest.raises(NoSuchObject):
        node(written(tmp_path, {}), "a/b")
