"""The key of a store, whom it trusts, and what others verify by it."""

import base64
import json
import stat

import pytest

from dendro_local.errors import InvalidRequest, NotFound
from dendro_local.signed_records import envelope
from dendro_sync import own_key, trust_key, trusted_keys, untrust_key
from tests.sync.conftest import Stores, greeting


def test_a_store_has_one_key_that_only_its_user_can_read(stores: Stores) -> None:
    key = own_key(stores["a"])

    assert own_key(stores.open("a")) == key != own_key(stores["b"])
    assert len(base64.b64decode(key.publicKey)) == 32
    mode = stores["a"].store.folder.key.stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_keys_are_trusted_by_name_until_they_are_not(stores: Stores) -> None:
    alice, bob = own_key(stores["alice"]), own_key(stores["bob"])
    a = stores["a"]

    trust_key(a, "bob", bob.publicKey)
    trust_key(a, "alice", alice.publicKey)
    trust_key(a, "alice at work", alice.publicKey)
    assert [each.name for each in trusted_keys(a)] == ["alice at work", "bob"]
    assert untrust_key(a, bob.keyId).name == "bob"
    assert untrust_key(a, "alice at work").keyId == alice.keyId

    assert trusted_keys(a) == []
    with pytest.raises(NotFound, match="'bob'"):
        untrust_key(a, "bob")


def test_a_name_stands_for_one_key(stores: Stores) -> None:
    trust_key(stores["a"], "alice", own_key(stores["alice"]).publicKey)

    with pytest.raises(InvalidRequest, match="Another key is called 'alice'"):
        trust_key(stores["a"], "alice", own_key(stores["bob"]).publicKey)
    with pytest.raises(InvalidRequest, match="no public key"):
        trust_key(stores["a"], "bob", "not a key")


def test_the_envelope_of_a_job_is_verified_by_securesystemslib_as_dsse(stores: Stores) -> None:
    from in_toto_attestation.v1.statement import Statement
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # it is public

    job = stores.complete("a", greeting("x"), b"Hello!")
    key = own_key(stores["a"])
    found = stores["a"].shared.statement_of(job.jobId)
    assert found is not None
    raw = envelope(*found)
    theirs = SSlibKey(
        key.keyId, "ed25519", "ed25519", {"public": base64.b64decode(key.publicKey).hex()}
    )

    whole = Envelope.from_dict(json.loads(raw))
    assert list(whole.verify([theirs], 1)) == [key.keyId]
    changed = Envelope(
        whole.payload.replace(b"Hello", b"Hallo") + b" ", whole.payload_type, whole.signatures
    )
    with pytest.raises(VerificationError):
        changed.verify([theirs], 1)

    statement = json.loads(whole.payload)
    checked = Statement(
        subjects=[], predicate_type=statement["predicateType"], predicate=statement["predicate"]
    )
    from google.protobuf.json_format import ParseDict  # type: ignore[import-untyped]

    ParseDict(statement, checked.pb)
    checked.validate()
    [subject] = statement["subject"]
    assert subject["name"] == "outputs/output"
    assert statement["predicate"]["jobId"] == job.jobId
