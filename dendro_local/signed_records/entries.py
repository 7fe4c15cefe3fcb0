"""Entries as they travel: lines of JSON, in batches that end with a signature over all of them.

Line by line ``{"kind": "job", ...}``, ``"app"`` or ``"gone"``, and after a number of them
``{"kind": "batch", ...}``. Each entry is signed by whoever made it. That of the batch is by whoever
sends it, over the bytes of its lines: where the two are the same, and in most exchanges they are,
verifying one signature is verifying a thousand. Where it does not verify, each entry is looked at
alone.
"""

import binascii
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import TypeAlias

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.signed_records.keys import PublicKey, SigningKey

__all__ = [
    "AppEntry",
    "BatchEnd",
    "BatchReader",
    "Entry",
    "GoneEntry",
    "JobEntry",
    "MAX_LINE_BYTES",
    "MOST_IN_BATCH",
    "ReadBatch",
    "Signature",
    "batch_lines",
    "decode_entry",
    "encode_entry",
]

MOST_IN_BATCH = 1000

MAX_LINE_BYTES = 8 << 20
"""As long as the longest definition that a hub takes."""

MAX_BATCH_BYTES = 256 << 20

BATCH_TYPE = "application/vnd.dendro-local.batch"
"""Signed with this payload type, so that no signature of a batch is one of a statement."""


class Signature(msgspec.Struct, frozen=True, gc=False):
    """As in a DSSE envelope: the id of a key, and its signature in base64."""

    keyid: str
    sig: str

    def raw(self) -> bytes:
        """The 64 bytes of the signature; no bytes if it is no base64."""
        try:
            return binascii.a2b_base64(self.sig, strict_mode=True)
        except (binascii.Error, ValueError):
            return b""

    @classmethod
    def of(cls, key_id: str, raw: bytes) -> "Signature":
        """The signature of these bytes."""
        return cls(key_id, binascii.b2a_base64(raw, newline=False).decode())


class JobEntry(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="job", omit_defaults=True
):
    """A job that has ended: what is signed of it, and what may still change."""

    statement: msgspec.Raw
    signatures: Sequence[Signature] = ()
    tags: Sequence[str] = ()
    updatedSec: float = 0.0
    """The job's latest change, in seconds since the Unix epoch."""


class AppEntry(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="app", omit_defaults=True
):
    """An app of a service."""

    statement: msgspec.Raw
    signatures: Sequence[Signature] = ()


class GoneEntry(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="gone", omit_defaults=True
):
    """A job that was deleted."""

    statement: msgspec.Raw
    signatures: Sequence[Signature] = ()


class BatchEnd(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="batch", omit_defaults=True
):
    """The end of a batch."""

    cursor: str
    """Where to go on after this batch."""
    count: int
    signature: Signature | None = None
    total: int | None = None
    """About how many entries there are in all, if the sender knows."""
    publicKey: str = ""
    """Of the sender, for who does not know the key yet; it is not trusted for being here."""


Entry: TypeAlias = JobEntry | AppEntry | GoneEntry

_encode = msgspec.json.Encoder().encode
_entry = msgspec.json.Decoder(JobEntry | AppEntry | GoneEntry | BatchEnd)


def encode_entry(entry: Entry | BatchEnd) -> bytes:
    """A line, with its end."""
    return _encode(entry) + b"\n"


def decode_entry(line: bytes) -> Entry | BatchEnd:
    """What a line says.

    Raises:
        InvalidRequest: it says nothing that is understood.
    """
    if len(line) > MAX_LINE_BYTES:
        raise InvalidRequest(f"A line has {len(line)} bytes; at most {MAX_LINE_BYTES} are read.")
    try:
        entry: Entry | BatchEnd = _entry.decode(line)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"A line cannot be read: {error}.") from error
    return entry


def batch_lines(
    lines: Iterable[bytes],
    cursor: str,
    key: SigningKey | None = None,
    total: int | None = None,
) -> bytes:
    """Lines of entries, and the end of their batch.

    Args:
        lines: what `encode_entry` gives, at most `MOST_IN_BATCH`.
        cursor: where to go on after them.
        key: whose signature the batch has; None for none.
        total: about how many entries there are in all.
    """
    whole = list(lines)
    signature = None
    if key is not None:
        digest = sha256(b"".join(whole)).digest()
        signature = Signature.of(key.public.key_id, key.sign(digest, BATCH_TYPE))
    end = BatchEnd(
        cursor=cursor,
        count=len(whole),
        signature=signature,
        total=total,
        publicKey="" if key is None else key.public.text(),
    )
    return b"".join([*whole, encode_entry(end)])


class ReadBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it came. Nothing of it is verified but what `signed_by` says."""

    lines: list[bytes]
    end: BatchEnd
    digest: bytes
    """SHA-256 of its lines."""

    def signed_by(self, keys: Iterable[PublicKey]) -> PublicKey | None:
        """The one of these keys by which the batch is signed as a whole."""
        signature = self.end.signature
        if signature is None:
            return None
        for key in keys:
            if key.key_id == signature.keyid and key.verifies(
                self.digest, signature.raw(), BATCH_TYPE
            ):
                return key
        return None


class BatchReader:
    """Puts a stream of bytes together to batches again."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._bytes = 0

    def feed(self, data: bytes) -> Iterator[ReadBatch]:
        """The batches that are whole with these bytes.

        Raises:
            InvalidRequest: a line or batch is too long, or a batch has not as many entries as it
                says. What was given before is whole.
        """
        *lines, self._rest = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise InvalidRequest(f"A line has more than {MAX_LINE_BYTES} bytes.")
        for line in lines:
            # Entries are not decoded here: what is wrong with one must not end the others.
            if not line.startswith(b'{"kind":"batch"'):
                self._lines.append(line)
                self._bytes += len(line)
                if len(self._lines) > MOST_IN_BATCH:
                    raise InvalidRequest(f"A batch has more than {MOST_IN_BATCH} entries.")
                if self._bytes > MAX_BATCH_BYTES:
                    raise InvalidRequest(f"A batch has more than {MAX_BATCH_BYTES} bytes.")
                continue
            yield self._end(line)

    def is_between_batches(self) -> bool:
        """Whether nothing of a batch has come whose end has not."""
        return not self._rest and not self._lines

    def _end(self, line: bytes) -> ReadBatch:
        end = decode_entry(line)
        lines, self._lines, self._bytes = self._lines, [], 0
        if not isinstance(end, BatchEnd) or end.count != len(lines):
            raise InvalidRequest(f"A batch of {len(lines)} entries does not say so.")
        digest = sha256(b"".join(each + b"\n" for each in lines)).digest()
        return ReadBatch(lines=lines, end=end, digest=digest)
