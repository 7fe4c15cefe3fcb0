"""What the URL of an upload says, and how it is known to be one that the store gave out.

The URL holds all that it allows, signed: nothing is kept of an upload until its bytes come. It is
for one file of one attempt at one job, of one size, and ends after a day.
"""

import base64
import binascii
import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING

import msgspec

from dendro_local.errors import NotAllowed
from dendro_local.model import JobId
from dendro_local.random_ids import random_token
from dendro_local.store.store_key import StoreKey

if TYPE_CHECKING:
    from dendro_local.contract import UploadType

__all__ = ["UploadTicket", "UploadTickets"]

VALID_SEC = 24 * 3600.0
"""A file of very many parts takes long to send."""

MAC_BYTES = 24

_has_upload_id_form = re.compile("[0-9a-f]{64}").fullmatch


class UploadTicket(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What may be sent to an upload's URL."""

    job_id: JobId
    attempt: int
    kind: str
    """An `UploadType`."""
    name: str
    """Of the output, or of the additional file; empty for a log."""
    size: int
    """Of the whole file, in bytes."""
    upload_id: str = ""
    """What the parts of a file have in common."""
    part: int = 0
    """Which part it is, from 1; 0 for a whole file."""
    num_parts: int = 0
    expires_at: int
    """Seconds since the Unix epoch."""


_ticket = msgspec.json.Decoder(UploadTicket)


class UploadTickets:
    """Signs and reads what the URLs of uploads say. Safe for use by many threads."""

    def __init__(self, key: StoreKey) -> None:
        self._key = key

    def issue(
        self,
        job_id: JobId,
        attempt: int,
        kind: "UploadType",
        name: str,
        size: int,
        num_parts: int | None,
    ) -> tuple[list[str], str | None]:
        """A token for each part of a file, and what tells of these parts that they are one file.

        A file that comes whole has one token, and no id.
        """
        whole = self.of(job_id, attempt, kind, name, size)
        if num_parts is None:
            return [self._signed(whole)], None
        nonce = random_token(16)
        upload_id = nonce + self._mark(nonce, job_id, attempt, name, size)
        parts = [
            msgspec.structs.replace(whole, upload_id=upload_id, part=number, num_parts=num_parts)
            for number in range(1, num_parts + 1)
        ]
        return [self._signed(part) for part in parts], upload_id

    def of(
        self, job_id: JobId, attempt: int, kind: "UploadType", name: str, size: int
    ) -> UploadTicket:
        """What allows to give a whole file, from now on."""
        return UploadTicket(
            job_id=job_id,
            attempt=attempt,
            kind=kind,
            name=name,
            size=size,
            expires_at=int(time.time() + VALID_SEC),
        )

    def read(self, token: str) -> UploadTicket:
        """What a token allows.

        Raises:
            NotAllowed: it was not issued here, or its time is up.
        """
        text, _, signature = token.partition(".")
        expected = self._mac("upload url", text.encode())
        try:
            is_ours = hmac.compare_digest(_decoded(signature), expected)
            ticket = _ticket.decode(_decoded(text)) if is_ours else None
        except (binascii.Error, ValueError):
            ticket = None
        if ticket is None:
            raise NotAllowed("This is no upload URL of this hub. Ask for one with the job's key.")
        if time.time() > ticket.expires_at:
            raise NotAllowed("This upload URL has expired. Ask for a new one with the job's key.")
        return ticket

    def is_upload_of(
        self, upload_id: str, job_id: JobId, attempt: int, name: str, size: int
    ) -> bool:
        """Whether an id was issued for the parts of this file; then it is safe as a file name."""
        if _has_upload_id_form(upload_id) is None:
            return False
        nonce, mark = upload_id[:32], upload_id[32:]
        return hmac.compare_digest(mark, self._mark(nonce, job_id, attempt, name, size))

    def _mark(self, nonce: str, job_id: JobId, attempt: int, name: str, size: int) -> str:
        facts = msgspec.json.encode([nonce, job_id, attempt, name, size])
        return self._mac("upload id", facts)[:16].hex()

    def _signed(self, ticket: UploadTicket) -> str:
        text = _encoded(msgspec.json.encode(ticket))
        return f"{text}.{_encoded(self._mac('upload url', text.encode()))}"

    def _mac(self, purpose: str, facts: bytes) -> bytes:
        return hmac.digest(self._key.derive(purpose), facts, hashlib.sha256)[:MAC_BYTES]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
