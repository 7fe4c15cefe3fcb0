"""The key of this store, and the keys of others that it trusts."""

import msgspec

from dendro_local.errors import InvalidRequest, NotFound
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.trust import TrustPolicy
from dendro_local.signed_records import PublicKey
from dendro_local.store.sharing import RemoteSettings, TrustedKey

__all__ = [
    "OwnKey",
    "TrustedKeyFacts",
    "own_key",
    "trust_key",
    "trust_policy",
    "trusted_keys",
    "trusted_public_keys",
    "untrust_key",
]

MAX_NAME = 100


class OwnKey(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of the key with which a store signs, in base64, and its id."""

    keyId: str
    publicKey: str


class TrustedKeyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is trusted, since a time in seconds since the Unix epoch."""

    name: str
    keyId: str
    publicKey: str
    addedSec: float


def own_key(hub: LocalHub) -> OwnKey:
    """The key of a hub's store; it is made if there is none yet."""
    public = hub.shared.signing_key.public
    return OwnKey(keyId=public.key_id, publicKey=public.text())


def trusted_keys(hub: LocalHub) -> list[TrustedKeyFacts]:
    """The keys that are trusted beside the store's own, by name."""
    with hub.store.reading():
        found = hub.store.sharing.trusted_keys.all()
    return [_facts(key) for key in found]


def trusted_public_keys(hub: LocalHub) -> set[str]:
    """The public keys that are trusted, the store's own among them."""
    return {own_key(hub).publicKey, *(each.publicKey for each in trusted_keys(hub))}


def trust_key(hub: LocalHub, name: str, public_key: str) -> TrustedKeyFacts:
    """Trust what the holder of a key signs; a key that is trusted already gets the name.

    Args:
        hub: which is to trust it.
        name: what the key is called here.
        public_key: as `own_key` gives it where it is from.

    Raises:
        InvalidRequest: it is no key, or another one has this name.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidRequest(f"A key has a name of 1 to {MAX_NAME} printable characters.")
    key = PublicKey.from_text(public_key)
    table = hub.store.sharing.trusted_keys
    with hub.store.transaction(quietly=True):
        for each in table.all():
            if each.name == name and each.key_id != key.key_id:
                raise InvalidRequest(
                    f"Another key is called {name!r}: {each.key_id}. Give this one another name, "
                    f"or take that one out first: `dendro-local key untrust {name}`."
                )
        table.put(key.key_id, name, key.raw)
    return next(each for each in trusted_keys(hub) if each.keyId == key.key_id)


def untrust_key(hub: LocalHub, name: str) -> TrustedKeyFacts:
    """Trust a key no more. What it signed and is here already stays.

    Args:
        hub: which trusted it.
        name: what it is called here, or its id.

    Raises:
        NotFound: no key is called so.
    """
    with hub.store.transaction(quietly=True):
        for each in hub.store.sharing.trusted_keys.all():
            if name in (each.name, each.key_id):
                hub.store.sharing.trusted_keys.remove(each.key_id)
                return _facts(each)
    raise NotFound(f"No trusted key is called {name!r}. `dendro-local key list` shows them.")


def trust_policy(hub: LocalHub, settings: RemoteSettings) -> TrustPolicy:
    """What is believed of a remote: the store's own key, those in its trust list, and settings."""
    own = hub.shared.signing_key.public
    with hub.store.reading():
        trusted = hub.store.sharing.trusted_keys.all()
    keys = {each.key_id: PublicKey(each.public_key) for each in trusted}
    return TrustPolicy(
        keys={own.key_id: own, **keys},
        allow_unsigned=settings.allow_unsigned,
        require=settings.require,
    )


def _facts(key: TrustedKey) -> TrustedKeyFacts:
    return TrustedKeyFacts(
        name=key.name,
        keyId=key.key_id,
        publicKey=PublicKey(key.public_key).text(),
        addedSec=key.added_at,
    )
