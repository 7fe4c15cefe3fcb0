"""What is answered about what is in a file of a job."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from dendro_local.v1.record import Answer

__all__ = [
    "ArrayPart",
    "Attribute",
    "FileFormat",
    "FileKind",
    "Image",
    "JsonNode",
    "Line",
    "ObjectNode",
    "Preview",
    "TablePart",
    "TextPart",
]

FileKind = Literal["input", "output", "other", "console", "usage"]

FileFormat = Literal[
    "text", "json", "table", "image", "audio", "video", "hdf5", "lindi", "bytes", "elsewhere"
]
"""As what a file is shown; ``elsewhere`` is one whose bytes the hub does not have."""

Place = Annotated[int | None, Meta(description="Give it as `first`; null if there is no more.")]


class TextPart(Answer, frozen=True, kw_only=True):
    """A part of a text. Bytes that are no UTF-8 are U+FFFD, control characters their pictures."""

    text: str
    first: Annotated[int, Meta(description="The byte of the file at which it begins.")]
    end: Annotated[int, Meta(description="The byte of the file before which it ends.")]
    previous: Place = None
    next: Place = None


class TablePart(Answer, frozen=True, kw_only=True):
    """Some rows of a table. A long cell is cut, and ends with `…`."""

    columns: Annotated[list[str], Meta(description="The file's first row.")]
    rows: list[list[str]]
    columns_left_out: Annotated[int, Meta(description="How many more columns the file has.")] = 0
    next: Place = None


class JsonNode(Answer, frozen=True, kw_only=True):
    """A value in a JSON file, with what is in it as far as there is room."""

    name: Annotated[str, Meta(description="Its key, or its number in its array.")]
    path: Annotated[str, Meta(description="Give it as `path` to get more of it (RFC 6901).")]
    at: Annotated[
        int | None, Meta(description="The byte at which it begins. Given as `at`, it saves time.")
    ]
    kind: Literal["object", "array", "string", "number", "boolean", "null", "unknown"]
    text: Annotated[str | None, Meta(description="A scalar as it is written, or a string.")] = None
    is_cut: Annotated[bool, Meta(description="Whether `text` is only its beginning.")] = False
    size: Annotated[int | None, Meta(description="In bytes, if that is known.")] = None
    children: Annotated[
        "Sequence[JsonNode] | None", Meta(description="Null if they are to be asked for.")
    ] = None
    first: Annotated[int, Meta(description="The number of the first of `children`.")] = 0
    count: Annotated[int | None, Meta(description="How many there are, if that is known.")] = None
    next: Place = None


class Attribute(Answer, frozen=True, kw_only=True):
    """An attribute of a group or array, as text."""

    name: str
    value: str
    type: str


class Line(Answer, frozen=True, kw_only=True):
    """Numbers, drawn: the least and the greatest of each of the steps that they fall into."""

    name: str
    low: list[float | None]
    high: list[float | None]


class Image(Answer, frozen=True, kw_only=True):
    """Numbers, drawn as a picture."""

    png: Annotated[str, Meta(description="In base64.")]
    width: int
    height: int
    low: Annotated[float | None, Meta(description="The number that is drawn darkest.")]
    high: Annotated[float | None, Meta(description="The number that is drawn brightest.")]
    across: Annotated[int, Meta(description="The axis that goes from left to right.")]
    down: Annotated[int, Meta(description="The axis that goes from top to bottom.")]


class ArrayPart(Answer, frozen=True, kw_only=True):
    """Some of the values of an array."""

    first: Annotated[int, Meta(description="The first index of the first axis.")] = 0
    end: Annotated[int, Meta(description="The index of the first axis before which it ends.")] = 0
    previous: Place = None
    next: Place = None
    columns: Sequence[str] = ()
    rows: Annotated[Sequence[list[str]], Meta(description="The first values, as text.")] = ()
    lines: Sequence[Line] = ()
    image: Image | None = None
    note: Annotated[str | None, Meta(description="Why there is no more to see.")] = None


class ObjectNode(Answer, frozen=True, kw_only=True):
    """A group or array of a file in HDF5, or of one that stands for it in LINDI."""

    name: str
    path: Annotated[str, Meta(description="Give it as `path` to get more of it.")]
    kind: Literal["group", "array", "link", "type", "unknown"]
    target: Annotated[str | None, Meta(description="Where a link leads, or a copy is.")] = None
    shape: list[int] | None = None
    dtype: str | None = None
    chunks: list[int] | None = None
    compression: str | None = None
    attributes: Sequence[Attribute] = ()
    attributes_left_out: int = 0
    children: Annotated[
        "Sequence[ObjectNode] | None", Meta(description="Null if they are to be asked for.")
    ] = None
    count: Annotated[int | None, Meta(description="How many a group has in it.")] = None
    previous: Place = None
    next: Place = None
    values: ArrayPart | None = None
    note: Annotated[str | None, Meta(description="Why something of it is not shown.")] = None


class Preview(Answer, frozen=True, kw_only=True):
    """What is in a file. Of `text`, `table`, `json` and `object`, at most one is there."""

    job_id: str
    kind: FileKind
    name: str
    file_name: Annotated[str, Meta(description="By whose ending readers tell what is in it.")]
    url: str
    format: FileFormat
    size: Annotated[int | None, Meta(description="In bytes, as it is now.")] = None
    digest: Annotated[str | None, Meta(description="SHA-256 of its bytes, once known.")] = None
    note: Annotated[str | None, Meta(description="Why it is not shown otherwise.")] = None
    text: TextPart | None = None
    tail: Annotated[
        TextPart | None, Meta(description="The end of a long text, with its beginning.")
    ] = None
    table: TablePart | None = None
    json: JsonNode | None = None
    object: ObjectNode | None = None
