"""A value of a JSON file as a tree: its children, theirs while there is room, the rest by path."""

import json
import os
import re
from collections.abc import Iterator
from itertools import islice
from typing import Literal

from dendro_local.server.previews.reading.json_scan import Part, parts
from dendro_local.server.previews.reading.question import CannotRead, Question
from dendro_local.v1 import JsonNode

__all__ = ["NoSuchValue", "json_node"]

MOST_CHILDREN = 100
"""Of one value at once."""

MOST_NODES = 300
"""In one tree."""

MOST_DEPTH = 4
INLINE_BYTES = 32 << 10
"""A child of more bytes is not looked into until it is asked for."""

COUNTED_BYTES = 64 << 20
"""The children of a longer value are not counted."""

MOST_CHARACTERS = 400
"""Of a string or number."""

MOST_KEY_BYTES = 2000
MOST_SCALAR_BYTES = 8000
BOM = b"\xef\xbb\xbf"

JsonKind = Literal["object", "array", "string", "number", "boolean", "null", "unknown"]

_blank = re.compile(rb"[ \t\r\n]*")
_plain = re.compile(rb"[^\s,:\[\]{}\"]*")
_BY_FIRST: dict[int, JsonKind] = {
    ord("{"): "object",
    ord("["): "array",
    ord('"'): "string",
    ord("t"): "boolean",
    ord("f"): "boolean",
    ord("n"): "null",
}
_BY_FIRST.update(dict.fromkeys(b"-0123456789NI", "number"))


class NoSuchValue(LookupError):
    """A path leads nowhere."""


def json_node(descriptor: int, question: Question) -> JsonNode:
    """The value at a path of a JSON file.

    Raises:
        NoSuchValue: there is none.
        CannotRead: the file is no JSON.
    """
    file = _JsonFile(descriptor)
    if question.at is None:
        begin, end = file.find(question.path)
    else:
        begin, end = file.value(max(0, question.at), file.size)
    name = _unescaped(question.path.rpartition("/")[2])
    return file.node(name, question.path, begin, end, question.first, depth=0)


class _JsonFile:
    """A JSON file, and how many more nodes its tree may have."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self._room = MOST_NODES

    def find(self, path: str) -> tuple[int, int]:
        """Where the value at a path begins, and the byte before which it surely ends."""
        begin = len(BOM) if self._read(0, len(BOM)) == BOM else 0
        begin, end = self.value(begin, self.size)
        if begin >= end or _kind(self._read(begin, 1)) == "unknown":
            raise CannotRead("The file is no JSON.")
        for token in path.split("/")[1:]:
            begin, end = self._child(begin, end, _unescaped(token))
        return begin, end

    def value(self, begin: int, end: int) -> tuple[int, int]:
        """A value without the blanks before it."""
        while begin < end:
            raw = self._read(begin, min(4096, end - begin))
            matched = _blank.match(raw)
            skipped = matched.end() if matched else 0
            begin += skipped
            if not raw or skipped < len(raw):
                break
        return begin, end

    def node(
        self, name: str, path: str, begin: int, end: int, first: int, *, depth: int
    ) -> JsonNode:
        """The value that begins at a byte, with children while there is room."""
        self._room -= 1
        kind = _kind(self._read(begin, 1))
        if kind not in ("object", "array"):
            text, is_cut = self._scalar(kind, begin, end)
            return JsonNode(name=name, path=path, at=begin, kind=kind, text=text, is_cut=is_cut)
        is_whole = depth == 0
        size = None if is_whole else end - begin
        if not is_whole and (
            depth > MOST_DEPTH or end - begin > INLINE_BYTES or self._room < MOST_CHILDREN // 4
        ):
            return JsonNode(name=name, path=path, at=begin, kind=kind, size=size)
        found = list(islice(parts(self._descriptor, begin, end), first, first + MOST_CHILDREN + 1))
        shown = found[:MOST_CHILDREN]
        has_more = len(found) > MOST_CHILDREN
        count = None if has_more else first + len(found)
        if has_more and end - begin <= COUNTED_BYTES:
            count = sum(1 for _ in parts(self._descriptor, begin, end))
        return JsonNode(
            name=name,
            path=path,
            at=begin,
            kind=kind,
            size=size,
            children=list(self._children(path, shown, first, depth + 1)),
            first=first,
            count=count,
            next=first + MOST_CHILDREN if has_more else None,
        )

    def _children(self, path: str, found: list[Part], first: int, depth: int) -> Iterator[JsonNode]:
        for number, part in enumerate(found, first):
            name = self._name(part, number)
            below = f"{path}/{_escaped(name)}"
            begin = part.begin if part.colon is None else part.colon + 1
            begin, end = self.value(begin, self.size if part.end is None else part.end)
            if part.end is None and _kind(self._read(begin, 1)) in ("object", "array"):
                # The file ends in it: how much is in it is seen when it is asked for.
                kind = _kind(self._read(begin, 1))
                yield JsonNode(name=name, path=below, at=begin, kind=kind)
            else:
                yield self.node(name, below, begin, end, 0, depth=depth)

    def _child(self, begin: int, end: int, token: str) -> tuple[int, int]:
        if _kind(self._read(begin, 1)) not in ("object", "array"):
            raise NoSuchValue
        is_array = self._read(begin, 1) == b"["
        for number, part in enumerate(parts(self._descriptor, begin, end)):
            if self._name(part, number) == token or (is_array and str(number) == token):
                inside = part.begin if part.colon is None else part.colon + 1
                return self.value(inside, end if part.end is None else part.end)
        raise NoSuchValue

    def _name(self, part: Part, number: int) -> str:
        if part.colon is None:
            return str(number)
        raw = self._read(part.begin, min(part.colon - part.begin, MOST_KEY_BYTES))
        text = raw.decode("utf-8", "replace").strip()
        try:
            found = json.loads(text)
        except ValueError:
            return f"{text}…"
        return _shown(found) if isinstance(found, str) else text

    def _scalar(self, kind: JsonKind, begin: int, end: int) -> tuple[str, bool]:
        """A scalar as it is written, or a string's text; and whether that is only its beginning."""
        raw = self._read(begin, min(end - begin, MOST_SCALAR_BYTES))
        is_cut = False
        if kind == "string":
            text = raw.decode("utf-8", "replace")
            try:
                text, _ = json.JSONDecoder(strict=False).raw_decode(text)
            except ValueError:
                # It is hard to cut between escapes: they stay as they are.
                text, is_cut = text[1:], True
        else:
            matched = _plain.match(raw)
            text = matched[0].decode("utf-8", "replace") if matched else ""
        return _shown(text[:MOST_CHARACTERS]), is_cut or len(text) > MOST_CHARACTERS

    def _read(self, begin: int, length: int) -> bytes:
        return os.pread(self._descriptor, max(0, length), begin)


def _kind(raw: bytes) -> JsonKind:
    return _BY_FIRST.get(raw[0], "unknown") if raw else "unknown"


def _shown(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON can have and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


def _escaped(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")


def _unescaped(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")
