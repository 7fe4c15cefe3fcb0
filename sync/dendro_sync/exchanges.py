"""The remotes of a store as its user sees and steers them in a hub's pages and over HTTP."""

import contextlib
import threading
import time
from collections.abc import Generator
from typing import TypeVar

import httpx
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from dendro_local import v1
from dendro_local.errors import Conflict, DendroError, InvalidRequest, NotFound
from dendro_local.local_hub import LocalHub
from dendro_local.store.sharing import RemoteSettings, SavedRemote
from dendro_sync.opening import normal_url, open_remote, sealed_key
from dendro_sync.saved_remotes import (
    RemoteTest,
    add_remote,
    remove_remote,
    saved_remote,
    show_remote,
    test_remote,
)
from dendro_sync.setting_remotes import set_remote
from dendro_sync.trust.keys import (
    TrustedKeyFacts,
    own_key,
    trust_key,
    trusted_keys,
    trusted_public_keys,
    untrust_key,
)
from dendro_sync.underway import UnderWay

__all__ = ["ExchangesOfStore"]

END_SEC = 5.0
"""How long exchanges have to end when the hub does; then they are left behind."""

UNUSABLE = (ValueError, OSError, httpx.InvalidURL)
"""What those who open addresses make of some."""

T = TypeVar("T")

_Which = tuple[str, float]
"""A remote, by its name and when it was added: another one may have the name later."""


class ExchangesOfStore:
    """The remotes of one store; see `dendro_local.local_hub.elsewhere.Exchanges`.

    Args:
        hub: over the store.
    """

    def __init__(self, hub: LocalHub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._answers: dict[_Which, v1.RemoteAnswer] = {}
        self._exchanges: dict[_Which, UnderWay] = {}
        self._is_closed = False

    # Remotes

    def remotes(self) -> list[v1.RemoteEntry]:
        """Every remote, by name."""
        with self._hub.store.reading():
            trusted = trusted_public_keys(self._hub)
            return [self._entry(each, trusted) for each in self._hub.store.sharing.remotes.all()]

    def remote(self, name: str) -> v1.RemoteEntry:
        """One remote."""
        with self._hub.store.reading():
            return self._entry(saved_remote(self._hub, name), trusted_public_keys(self._hub))

    def add(self, new: v1.NewRemote) -> v1.RemoteEntry:
        """Add a remote."""
        with _told("added", new.url):
            self._check_can_be_opened(new.url, new.kind, new.key)
            add_remote(
                self._hub,
                new.name,
                new.url,
                key=new.key,
                read_only=new.read_only,
                is_cache=new.cache,
                allow_unsigned=new.allow_unsigned,
                require=new.require,
                outputs=new.outputs,
                kind=new.kind,
                is_patient=False,
            )
        return self.remote(new.name)

    def change(self, name: str, changes: v1.ChangedRemote) -> v1.RemoteEntry:
        """Change how a remote is used."""
        saved = saved_remote(self._hub, name)
        url = _given(changes.url) or saved.url
        with _told("changed", url):
            if changes.url is not UNSET or _given(changes.key) is not None:
                self._check_can_be_opened(url, saved.kind, _given(changes.key))
            set_remote(
                self._hub,
                name,
                url=_given(changes.url),
                key=_given(changes.key),
                forget_key=changes.key is None,
                read_only=_given(changes.read_only),
                is_cache=_given(changes.cache),
                allow_unsigned=_given(changes.allow_unsigned),
                require=_given(changes.require),
                outputs=_given(changes.outputs),
                is_patient=False,
            )
        with self._lock:
            self._answers.pop(_which(saved), None)  # it was asked as it was then
        return self.remote(name)

    def remove(self, name: str) -> None:
        """Remove a remote."""
        which = _which(saved_remote(self._hub, name))
        with self._lock:
            last = self._exchanges.get(which)
            if last is not None and last.is_under_way():
                raise Conflict(
                    f"An exchange with {name} is under way. Cancel it first, or wait for its end."
                )
            remove_remote(self._hub, name)
            self._exchanges.pop(which, None)
            self._answers.pop(which, None)

    def ask(self, name: str) -> v1.RemoteEntry:
        """Ask a remote what it is."""
        which = _which(saved_remote(self._hub, name))
        asked_at, began = time.time(), time.monotonic()
        try:
            answer = _answer(test_remote(self._hub, name, is_patient=False), asked_at)
        except (DendroError, *UNUSABLE) as error:
            took = time.monotonic() - began
            answer = v1.RemoteAnswer(asked_at=asked_at, seconds=took, fault=str(error))
        with self._lock:
            self._answers[which] = answer
        return self.remote(name)

    # Exchanges

    def start(self, name: str, wanted: v1.NewExchange) -> v1.Exchange:
        """Begin an exchange with a remote."""
        which = _which(saved_remote(self._hub, name))
        with self._lock:
            if self._is_closed:
                raise Conflict("The hub is about to end.")
            last = self._exchanges.get(which)
            if last is not None and last.is_under_way():
                raise Conflict(
                    f"An exchange with {name} is under way already. Cancel it first, or wait for "
                    "its end."
                )
            started = self._exchanges[which] = UnderWay(self._hub, name, wanted)
        return started.told()

    def cancel(self, name: str) -> v1.Exchange:
        """End the exchange with a remote, if one is under way."""
        which = _which(saved_remote(self._hub, name))
        with self._lock:
            last = self._exchanges.get(which)
        if last is None:
            raise NotFound(f"There was no exchange with {name} since the hub was started.")
        if last.is_under_way():
            last.cancel()
        return last.told()

    def close(self) -> None:
        """End what is under way."""
        with self._lock:
            self._is_closed = True
            open_ones = [each for each in self._exchanges.values() if each.is_under_way()]
        for each in open_ones:
            each.cancel()
        ends_at = time.monotonic() + END_SEC
        for each in open_ones:
            each.wait(max(0.0, ends_at - time.monotonic()))

    # Trust

    def trust_list(self) -> v1.TrustList:
        """The store's own key, and those that it trusts."""
        own = own_key(self._hub)
        return v1.TrustList(
            own=v1.OwnKey(key_id=own.keyId, public_key=own.publicKey),
            trusted=[_trusted(each) for each in trusted_keys(self._hub)],
        )

    def trust(self, name: str, public_key: str) -> v1.TrustedKey:
        """Trust a key."""
        return _trusted(trust_key(self._hub, name, public_key))

    def untrust(self, name: str) -> v1.TrustedKey:
        """Trust a key no more."""
        return _trusted(untrust_key(self._hub, name))

    # Parts of these

    def _check_can_be_opened(self, given_url: str, kind: str | None, key: str | None) -> None:
        """Refuse an address or key that no remote can have, before it is asked or kept.

        Raises:
            InvalidRequest: it is such.
        """
        url = normal_url(given_url)
        if url.startswith("http"):
            httpx.URL(url)
        settings = RemoteSettings(
            sealed_key=None if key is None else sealed_key(self._hub, url, key)
        )
        # Of a hub that is still to be asked, the key is looked at in the same way.
        kind = kind or ("hub" if url.startswith("http") else "bucket")
        saved = SavedRemote(name="new", url=url, kind=kind, settings=settings, added_at=0.0)
        open_remote(self._hub, saved, is_patient=False, is_new=True).close()

    def _entry(self, saved: SavedRemote, trusted: set[str]) -> v1.RemoteEntry:
        which = _which(saved)
        with self._lock:
            answer = self._answers.get(which)
            exchange = self._exchanges.get(which)
        if answer is not None and answer.public_key is not None:
            # As it is by now: keys may have been trusted since it was asked.
            answer = replace(answer, is_trusted=answer.public_key in trusted)
        info = show_remote(self._hub, saved.name)
        settings = saved.settings
        return v1.RemoteEntry(
            name=saved.name,
            url=saved.url,
            kind=saved.kind,
            has_key=settings.key_file is not None or settings.sealed_key is not None,
            read_only=settings.read_only,
            cache=settings.is_cache,
            allow_unsigned=settings.allow_unsigned,
            require=settings.require,
            outputs=settings.outputs,
            added_at=saved.added_at,
            pulled_at=info.lastPullSec,
            pushed_at=info.lastPushSec,
            refused_jobs=info.refused,
            awaited_files=info.awaitedFiles,
            answer=answer,
            exchange=None if exchange is None else exchange.told(),
        )


@contextlib.contextmanager
def _told(done: str, url: str) -> Generator[None]:
    """A block in which a remote at a URL is asked; what is wrong there is told as wrong input.

    Whoever asked is not to think that it was their own request that was not allowed, or their own
    hub that does not answer.
    """
    try:
        yield
    except (InvalidRequest, NotFound):
        raise
    except DendroError as error:
        raise InvalidRequest(f"The remote was not {done}. {error}") from error
    except UNUSABLE as error:
        why = str(error).rstrip(".")
        raise InvalidRequest(f"{url!r} is no place for a remote: {why}.") from error


def _given(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _which(saved: SavedRemote) -> _Which:
    return saved.name, saved.added_at


def _answer(found: RemoteTest, asked_at: float) -> v1.RemoteAnswer:
    return v1.RemoteAnswer(
        asked_at=asked_at,
        seconds=found.seconds,
        version=found.version,
        jobs=found.jobs,
        user_id=found.userId,
        can_write=found.canWrite,
        public_key=found.publicKey,
        is_trusted=found.isTrusted,
    )


def _trusted(key: TrustedKeyFacts) -> v1.TrustedKey:
    return v1.TrustedKey(
        name=key.name, key_id=key.keyId, public_key=key.publicKey, added_at=key.addedSec
    )
