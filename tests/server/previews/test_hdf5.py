"""Files in HDF5: what is in them, and what strangers may do with them."""

import base64
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dendro_local.server.previews.reading.hdf5 import Hdf5File
from dendro_local.server.previews.reading.objects import NoSuchObject, object_node
from dendro_local.server.previews.reading.question import CannotRead, Question
from dendro_local.v1 import ObjectNode
from tests.server.previews.conftest import DATA, Ask

NWB = DATA / "ephys_tiny.nwb"


def node(file: Path, path: str = "", first: int = 0) -> ObjectNode:
    """What the reader answers, in this process: for files that are as they should be."""
    return object_node(Hdf5File(str(file)), Question(format="hdf5", path=path, first=first))


def names(found: ObjectNode) -> list[str]:
    return [child.name for child in found.children or ()]


def inside(found: ObjectNode, *path: str) -> ObjectNode:
    for name in path:
        found = next(child for child in found.children or () if child.name == name)
    return found


def size_of(png: str) -> tuple[int, int]:
    raw = base64.b64decode(png)
    assert raw.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", raw[16:24])
    return width, height


def test_the_tree_of_an_nwb_file_has_its_groups_and_arrays() -> None:
    found = node(NWB)
    assert {each.name: each.value for each in found.attributes}["neurodata_type"] == "NWBFile"
    data = inside(found, "acquisition", "ElectricalSeries", "data")
    assert (data.kind, data.shape, data.dtype) == ("array", [150_000, 16], "int16")
    assert (data.chunks, data.compression) == ([30_000, 16], "shuffle, gzip 6")
    series = inside(found, "acquisition", "ElectricalSeries")
    assert [each.value for each in series.attributes] == ["ElectricalSeries"]
    device = inside(found, "general", "extracellular_ephys", "shank0", "device")
    assert (device.kind, device.target) == ("link", "/general/devices/Probe")


def test_a_long_series_is_drawn_between_its_least_and_greatest_numbers(tmp_path: Path) -> None:
    numbers = np.sin(np.arange(1_000_000) / 1000)
    numbers[123_456] = 50
    numbers[5] = np.nan
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("series", data=numbers, chunks=(10_000,), compression="gzip")
    found = node(tmp_path / "a.h5", "series")
    assert found.values is not None
    [line] = found.values.lines
    assert len(line.low) == len(line.high) == 600
    assert max(value for value in line.high if value is not None) == 50
    assert min(value for value in line.low if value is not None) == pytest.approx(-1)


def test_a_table_of_numbers_is_drawn_as_a_picture() -> None:
    found = node(NWB, "acquisition/ElectricalSeries/data")
    assert found.values is not None
    image = found.values.image
    assert image is not None
    assert (image.across, image.down) == (0, 1)
    assert size_of(image.png) == (image.width, image.height) == (640, 16)
    assert (found.values.first, found.values.end) == (0, 150_000)
    assert len(found.values.rows) == 20


def test_few_columns_are_a_line_each() -> None:
    found = node(NWB, "processing/behavior/Position/position/data")
    assert found.values is not None
    assert [line.name for line in found.values.lines] == ["0", "1"]


def test_text_and_references_are_told_as_text() -> None:
    date = node(NWB, "file_create_date").values
    group = node(NWB, "general/extracellular_ephys/electrodes/group").values
    session = node(NWB, "session_description").values
    assert date is not None
    assert group is not None
    assert session is not None
    assert date.rows[0][0].startswith("2026-")
    assert group.rows[0] == ["→ /general/extracellular_ephys/shank0"]
    assert session.rows[0][0].startswith("Synthetic 5 s")


def test_films_pictures_and_records_are_shown_in_their_own_ways(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["film"] = np.arange(7 * 30 * 40, dtype=np.uint8).reshape(7, 30, 40)
        file["picture"] = np.zeros((30, 40, 3), np.uint8)
        file["records"] = np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])
        file["empty"] = np.zeros((0, 3))
        file["five"] = np.zeros((1,) * 5)
        file["nothing"] = h5py.Empty("f4")
    film = node(tmp_path / "a.h5", "film", first=2).values
    picture = node(tmp_path / "a.h5", "picture").values
    records = node(tmp_path / "a.h5", "records").values
    assert film is not None
    assert film.image is not None
    assert (film.first, film.end, film.previous, film.next) == (2, 3, 1, 3)
    assert (film.image.down, film.image.across, film.image.width) == (1, 2, 40)
    assert picture is not None
    assert picture.image is not None
    assert size_of(picture.image.png) == (40, 30)
    assert records is not None
    assert (records.columns, records.rows) == (["a", "b"], [["1", "2.5"]])
    assert "empty" in str(node(tmp_path / "a.h5", "empty").values)
    assert "axes" in str(node(tmp_path / "a.h5", "five").values)
    assert "no values" in str(node(tmp_path / "a.h5", "nothing").note)


def test_of_a_very_large_array_some_is_read_at_a_time(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("long", shape=(10**12,), dtype="f4", chunks=(100_000,))
        file.create_dataset("wide", shape=(10**6, 10**6), dtype="i2", chunks=(1000, 1000))
    long = node(tmp_path / "a.h5", "long", first=5000).values
    wide = node(tmp_path / "a.h5", "wide").values
    assert long is not None
    assert long.first == 5000
    assert long.next == long.end < 10_000_000
    assert wide is not None
    assert "of 1000000 along axis 1" in (wide.note or "")


def test_a_group_of_very_many_is_shown_page_by_page(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(450):
            file.create_group(f"g/{number:03}")
    top = node(tmp_path / "a.h5")
    assert (inside(top, "g").children, inside(top, "g").count) == (None, 450)
    found: list[str] = []
    place: int | None = 0
    while place is not None:
        page = node(tmp_path / "a.h5", "g", first=place)
        found += names(page)
        place = page.next
    assert found == [f"{number:03}" for number in range(450)]


def test_groups_that_hold_each_other_do_not_go_on_for_ever(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("a/b")
        file["a/b/a"] = file["a"]
    assert names(node(tmp_path / "a.h5", "a/b/a/b/a")) == ["b"]
    assert names(node(tmp_path / "a.h5")) == ["a"]


def test_nothing_outside_of_a_file_is_read(tmp_path: Path, ask: Ask) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"the secret!!")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.frombuffer(b"the secret!!", dtype=np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["link"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
        file["way"] = h5py.SoftLink("/link")
        file.create_dataset("raw", (12,), "u1", external=[(str(secret), 0, 12)])
        layout = h5py.VirtualLayout((12,), "u1")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (12,))
        file.create_virtual_dataset("put_together", layout)
    with h5py.File(tmp_path / "a.h5") as file:
        assert bytes(file["raw"][:]) == b"the secret!!"  # whoever is not careful reads it

    top = ask(tmp_path / "a.h5", format="hdf5").object
    assert top is not None
    assert inside(top, "link").note == "It is in another file."
    assert inside(top, "way").target == "/link"
    for path in ("link", "way"):
        assert ask(tmp_path / "a.h5", format="hdf5", path=path).is_absent
    for path in ("raw", "put_together"):
        found = ask(tmp_path / "a.h5", format="hdf5", path=path).object
        assert found is not None
        assert (found.values, found.note) == (None, "Its values are in other files.")


def test_chunks_that_unpack_to_gigabytes_are_refused(tmp_path: Path, ask: Ask) -> None:
    packer = zlib.compressobj(9)
    begun = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = begun + again * 512  # 8 GB, if it is believed
    with h5py.File(tmp_path / "a.h5", "w") as file:
        told = file.create_dataset("told", (1 << 33,), "u1", chunks=(1 << 31,), compression="gzip")
        told.id.write_direct_chunk((0,), bomb)
        lied = file.create_dataset("lied", (1000,), "u1", chunks=(1000,), compression="gzip")
        lied.id.write_direct_chunk((0,), bomb)

    told_to_be = ask(tmp_path / "a.h5", format="hdf5", path="told").object
    assert told_to_be is not None
    assert "too large" in (told_to_be.note or "")
    reply = ask(tmp_path / "a.h5", format="hdf5", path="lied")
    assert "read" in (reply.fault or (reply.object and reply.object.note) or "")


def test_what_is_no_hdf5_or_ends_too_early_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(NWB.read_bytes()[:10_000])
    with pytest.raises(CannotRead, match="damaged"):
        node(tmp_path / "a.h5")
    with pytest.raises(NoSuchObject):
        node(NWB, "acquisition/nothing")
    with pytest.raises(NoSuchObject):
        node(NWB, "acquisition/ElectricalSeries/data/more")


def test_whatever_is_damaged_in_a_file_there_is_an_answer(tmp_path: Path, ask: Ask) -> None:
    content = NWB.read_bytes()
    chance = random.Random(7)
    for round_ in range(4):
        damaged = bytearray(content)
        for _ in range(3000):
            damaged[chance.randrange(100, 60_000)] = chance.randrange(256)
        (tmp_path / "a.nwb").write_bytes(damaged)
        path = ["", "units", "acquisition/ElectricalSeries/data"][round_ % 3]
        reply = ask(tmp_path / "a.nwb", format="hdf5", path=path)
        assert reply.fault or reply.object or reply.is_absent


def test_names_and_texts_that_are_hostile_are_only_text(tmp_path: Path) -> None:
    def hostile(group: Any, raw: bytes) -> None:
        h5py.h5g.create(group.id, raw)

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["</script><script>alert(1)</script>"] = "\x1b[31m<img onerror=alert(1)>"
        file.attrs["many"] = np.zeros(1000)
        file["nul"] = np.bytes_(b"a\0b")
        hostile(file, b"\xff\xfe")
        hostile(file, "‮gnp.exe".encode())
    found = node(tmp_path / "a.h5")
    assert "nul" in names(found)
    assert next(c for c in found.children or () if c.note).name == "\\xff\\xfe"
    assert next(a for a in found.attributes if a.name == "many").value.endswith(", …]")
