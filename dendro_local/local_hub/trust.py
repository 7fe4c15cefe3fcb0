"""Whose signatures are believed, and what is refused.

A signature that does not verify by the key that it names refuses what it signs, whatever else is
allowed: somebody has changed it. Without a signature by a trusted key it is refused too, unless
unsigned jobs are allowed.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from dendro_local.model import JobId
from dendro_local.signed_records import PublicKey, Signature

__all__ = ["RefusalCode", "Refused", "TrustPolicy", "trusted_signer", "with_key"]

RefusalCode = Literal[
    "signature", "untrusted", "digest", "size", "structure", "conflict", "agreement",
    "not_allowed", "missing", "other",
]  # fmt: skip

_NONE: Mapping[str, PublicKey] = {}


class TrustPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What is believed of a source of jobs."""

    keys: Mapping[str, PublicKey] = _NONE
    """Trusted keys, by id."""
    allow_unsigned: bool = False
    require: int = 1
    """How many trusted producers must agree on the outputs of a job."""


class Refused(Exception):
    """An entry is not taken.

    Args:
        code: what is wrong, for programs.
        reason: what is wrong, for people.
        job_id: of which job; None where that is not known.
        digests: of the two records that are in conflict: that which is here, and that which came.
        key_id: of the key that signed it, which is not trusted.
        app: the app that it is, for people; None if it is a job.
    """

    def __init__(
        self,
        code: RefusalCode,
        reason: str,
        job_id: JobId | None = None,
        digests: tuple[str, str] | None = None,
        *,
        key_id: str | None = None,
        app: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.code: RefusalCode = code
        self.reason = reason
        self.job_id = job_id
        self.digests = digests
        self.key_id = key_id
        self.app = app


def with_key(reason: str, public_key: str) -> str:
    """Why something is refused, with the key that signed it in the command that it names."""
    return reason.replace("PUBLICKEY", public_key)


def trusted_signer(
    statement: bytes,
    signatures: Sequence[Signature],
    policy: TrustPolicy,
    sender: PublicKey | None = None,
) -> str | None:
    """The id of a trusted key that signed a statement; None where none did and none need have.

    Args:
        statement: what is signed.
        signatures: what came with it.
        policy: what is believed.
        sender: a trusted key that signed the whole batch in which the statement came, if one did:
            what it signed itself is verified with that.

    Raises:
        Refused: a signature is wrong, or there is none by a trusted key and there must be.
    """
    found: str | None = None
    for signature in signatures:
        if sender is not None and signature.keyid == sender.key_id:
            found = found or signature.keyid
            continue
        key = policy.keys.get(signature.keyid)
        if key is None:
            continue
        if not key.verifies(statement, signature.raw()):
            raise Refused(
                "signature",
                f"The signature by key {key.key_id} does not verify: what is signed was changed.",
            )
        found = found or key.key_id
    if found is not None or policy.allow_unsigned:
        return found
    if not signatures:
        raise Refused(
            "untrusted",
            "It is not signed. `dendro-local remote add --allow-unsigned` takes what is not.",
        )
    key_ids = sorted({signature.keyid[:64] for signature in signatures})
    ids = ", ".join(key_ids[:3])
    raise Refused(
        "untrusted",
        f"It is signed by {ids}, which is not trusted. If you know whose key it is: "
        "`dendro-local key trust NAME PUBLICKEY`. `dendro-local key show` shows its owner the key.",
        key_id=key_ids[0],
    )
