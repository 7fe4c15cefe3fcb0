"""JSON files as trees, without being read into memory."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dendro_local.server.previews.reading import json_scan
from dendro_local.server.previews.reading.json_tree import MOST_CHILDREN, NoSuchValue, json_node
from dendro_local.server.previews.reading.question import CannotRead, Question
from dendro_local.v1 import JsonNode
from tests.server.previews.conftest import Ask

texts = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ['"', "\\", '\\"', "{[,:]}", "\\\\", "\n"]
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)


def node(folder: Path, content: bytes, path: str = "", **more: Any) -> JsonNode:
    file = folder / "a.json"
    file.write_bytes(content)
    descriptor = os.open(file, os.O_RDONLY)
    try:
        return json_node(descriptor, Question(format="json", path=path, **more))
    finally:
        os.close(descriptor)


def shown(node: JsonNode) -> Any:
    """The value that a whole tree shows."""
    if node.kind == "array":
        return [shown(child) for child in node.children or ()]
    if node.kind == "object":
        return {child.name: shown(child) for child in node.children or ()}
    return node.text if node.kind == "string" else json.loads(node.text or "")


@settings(max_examples=40, deadline=None)
@given(values, st.sampled_from([None, 1]), st.sampled_from([1, 2, 3, 7, 4 << 20]))
def test_the_tree_of_a_file_shows_what_is_in_it(
    tmp_path_factory: pytest.TempPathFactory, value: Any, indent: int | None, piece: int
) -> None:
    content = json.dumps([value], indent=indent, ensure_ascii=False).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_scan, "PIECE_BYTES", piece)
        patched.setattr("dendro_local.server.previews.reading.json_tree.MOST_DEPTH", 100)
        found = node(tmp_path_factory.mktemp("json"), content)
    assert shown(found) == [value]


def test_more_of_a_long_list_is_asked_for_by_number(tmp_path: Path) -> None:
    content = json.dumps({"list": list(range(1000))}).encode()
    first = node(tmp_path, content, "/list")
    assert (first.count, first.next) == (1000, MOST_CHILDREN)
    last = node(tmp_path, content, "/list", first=990)
    assert [child.name for child in last.children or ()] == [str(n) for n in range(990, 1000)]
    assert last.next is None


def test_a_value_is_found_by_its_pointer_and_by_the_byte_that_was_told(tmp_path: Path) -> None:
    content = json.dumps({"a/b": {"~": [{"deep": "x"}]}}).encode()
    found = node(tmp_path, content, "/a~1b/~0/0")
    assert (found.name, shown(found)) == ("0", {"deep": "x"})
    again = node(tmp_path, content, "/a~1b/~0/0", at=found.at)
    assert again == found
    with pytest.raises(NoSuchValue):
        node(tmp_path, content, "/a~1b/nothing")


def test_a_long_string_is_cut(tmp_path: Path) -> None:
    [found] = node(tmp_path, json.dumps(["ü" * 100_000]).encode()).children or ()
    assert (found.is_cut, len(found.text or "")) == (True, 400)


def test_what_is_no_json_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="no JSON"):
        node(tmp_path, b"<html>")
    with pytest.raises(CannotRead, match="no JSON"):
        node(tmp_path, b"")


def test_a_file_that_ends_too_early_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    found = node(tmp_path, b'{"a": 1, "b": [1, 2, {"c": "cut of')
    assert [child.name for child in found.children or ()] == ["a", "b"]
    inner = node(tmp_path, b'{"a": 1, "b": [1, 2, {"c": "cut of', "/b")
    assert [child.kind for child in inner.children or ()] == ["number", "number", "object"]


def test_halves_of_surrogate_pairs_are_no_fault(tmp_path: Path) -> None:
    found = node(tmp_path, b'{"\\ud800": "\\udfff"}')
    [child] = found.children or ()
    assert (child.name, child.text) == ("?", "?")


def test_what_is_nested_a_hundred_thousand_deep_is_shown_step_by_step(
    tmp_path: Path, ask: Ask
) -> None:
    file = tmp_path / "deep.json"
    file.write_bytes(b"[" * 100_000 + b"]" * 100_000)
    reply = ask(file, format="json")
    assert reply.json is not None
    [child] = reply.json.children or ()
    assert (child.kind, child.children) == ("array", None)
    deeper = ask(file, format="json", path="/0" * 50)
    assert deeper.json is not None
    assert deeper.json.at == 50


def test_two_hundred_megabytes_are_looked_through_and_not_kept(tmp_path: Path, ask: Ask) -> None:
    file = tmp_path / "large.json"
    with file.open("wb") as stream:
        stream.write(b'{"numbers": [')
        for _ in range(100):
            stream.write(b"123456.789, " * 174_763)
        stream.write(b'0], "last": "found"}')
    assert file.stat().st_size > 200_000_000
    reply = ask(file, format="json")
    assert reply.json is not None
    numbers, last = reply.json.children or ()
    assert (numbers.children, last.text) == (None, "found")
    some = ask(file, format="json", path="/numbers", at=numbers.at, first=1000)
    assert some.json is not None
    assert [child.text for child in some.json.children or ()] == ["123456.789"] * MOST_CHILDREN
