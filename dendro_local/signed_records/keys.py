"""Ed25519 keys (RFC 8032) of stores, and signatures by them over DSSE's encoding.

A key is told as the base64 of its 32 bytes, and called by its id: the first 32 hexadecimal digits
of their SHA-256.
"""

import base64
import binascii
import functools
from hashlib import sha256
from typing import TYPE_CHECKING

from dendro_local.errors import InvalidRequest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["PAYLOAD_TYPE", "PublicKey", "SigningKey", "pre_authentication_encoding"]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
KEY_BYTES = 32
ID_DIGITS = 32


class PublicKey:
    """What verifies signatures. Equal keys are equal.

    Args:
        raw: its 32 bytes.
    """

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise InvalidRequest(f"A public key has {KEY_BYTES} bytes, this one has {len(raw)}.")
        self.raw = raw

    @classmethod
    def from_text(cls, text: str) -> "PublicKey":
        """The key that a text is of.

        Raises:
            InvalidRequest: it is of none.
        """
        try:
            return cls(base64.b64decode(text.strip(), validate=True))
        except (binascii.Error, ValueError, InvalidRequest) as error:
            raise InvalidRequest(
                "That is no public key. `dendro-local key show` prints that of a store: 44 "
                "characters which end in '='."
            ) from error

    @functools.cached_property
    def key_id(self) -> str:
        """What signatures call it."""
        return sha256(self.raw).hexdigest()[:ID_DIGITS]

    def text(self) -> str:
        """The base64 of its bytes."""
        return base64.b64encode(self.raw).decode()

    def verifies(self, payload: bytes, signature: bytes, payload_type: str = PAYLOAD_TYPE) -> bool:
        """Whether the key signed a payload so."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature, pre_authentication_encoding(payload, payload_type))
        except InvalidSignature:
            return False
        return True

    @functools.cached_property
    def _key(self) -> "Ed25519PublicKey":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        return Ed25519PublicKey.from_public_bytes(self.raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"PublicKey({self.key_id})"


class SigningKey:
    """The private key of a store.

    Args:
        seed: 32 secret bytes, the same for the same key (RFC 8032, section 5.1.5).
    """

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
        """64 bytes; the same each time for the same payload."""
        return self._key.sign(pre_authentication_encoding(payload, payload_type))


def pre_authentication_encoding(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """What is signed for a payload: DSSE protocol 1.0.0, "PAE"."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
