"""Changing how a remote is used: with which key, for what, and where it is by now."""

import logging
from pathlib import Path

from msgspec.structs import replace

from dendro_local.errors import HubUnreachable, InvalidRequest, NotAHub
from dendro_local.local_hub import LocalHub
from dendro_local.store.sharing import RemoteSettings, SavedRemote
from dendro_sync.opening import kind_at, normal_url, open_remote, sealed_key
from dendro_sync.options import Outputs
from dendro_sync.remotes.kept import BUCKET, PAUSE
from dendro_sync.remotes.remote import RemoteKind
from dendro_sync.saved_remotes import RemoteInfo, check_settings, saved_remote, show_remote
from dendro_sync.trust.keys import trust_key

__all__ = ["set_remote"]

logger = logging.getLogger(__name__)


def set_remote(
    hub: LocalHub,
    name: str,
    *,
    url: str | None = None,
    key_file: Path | str | None = None,
    key: str | None = None,
    forget_key: bool = False,
    read_only: bool | None = None,
    is_cache: bool | None = None,
    allow_unsigned: bool | None = None,
    require: int | None = None,
    outputs: Outputs | None = None,
    trust: str | None = None,
    is_patient: bool = True,
) -> RemoteInfo:
    """Change how a remote is used. What is not given stays as it is, with all that came from it.

    Args:
        hub: whose store.
        name: of the remote.
        url: where it is now. It must be the same kind of remote; an original hub cannot move.
        key_file: as for `add_remote`; it takes the place of any other key.
        key: as for `add_remote`; so does this.
        forget_key: whether to go there without a key from now on.
        read_only: as for `add_remote`, and so are all that follow.
        is_cache: see there.
        allow_unsigned: see there.
        require: see there.
        outputs: see there.
        trust: see there.
        is_patient: see there.

    Raises:
        NotFound: there is none of this name.
        InvalidRequest: something given cannot be used.
        HubUnreachable: nothing answers at the new URL.
        NotAuthenticated: the new key is not known there.
    """
    saved = saved_remote(hub, name)
    where = saved.url if url is None else normal_url(url)
    settings = _with_key(hub, saved, where, key_file, key, forget_key=forget_key)
    changed = {
        "read_only": read_only,
        "is_cache": is_cache,
        "allow_unsigned": allow_unsigned,
        "require": require,
        "outputs": outputs,
    }
    settings = replace(
        settings, **{field: value for field, value in changed.items() if value is not None}
    )
    check_settings(saved.kind, settings)
    if where != saved.url:
        _check_may_move(saved, kind_at(hub, where, settings, is_patient=is_patient))
    elif key_file is not None or key is not None:
        _check_takes_key(hub, replace(saved, settings=settings), is_patient=is_patient)
    with hub.store.transaction(quietly=True):
        saved_remote(hub, name)  # it may have been removed meanwhile
        if trust is not None:
            trust_key(hub, name, trust)
        hub.store.sharing.remotes.put(name, where, saved.kind, settings)
        # A cache that was left alone may be another one now, and a bucket be made anew.
        forgotten = [PAUSE] if url is None else [PAUSE, BUCKET]
        hub.store.sharing.remotes.forget_cursors(name, forgotten)
    return show_remote(hub, name)


def _with_key(
    hub: LocalHub,
    saved: SavedRemote,
    url: str,
    key_file: Path | str | None,
    key: str | None,
    *,
    forget_key: bool,
) -> RemoteSettings:
    """The settings of a remote with the key that it is to have at a URL."""
    if sum((key_file is not None, key is not None, forget_key)) > 1:
        raise InvalidRequest("A remote has one key, or none: give one of these alone.")
    settings = saved.settings
    if key_file is not None:
        return replace(
            settings, key_file=str(Path(key_file).expanduser().absolute()), sealed_key=None
        )
    if key is not None:
        return replace(settings, key_file=None, sealed_key=sealed_key(hub, url, key))
    if forget_key:
        return replace(settings, key_file=None, sealed_key=None)
    if url != saved.url and settings.sealed_key is not None:
        raise InvalidRequest(
            f"The key that is kept for remote {saved.name!r} goes to {saved.url} alone. Give the "
            "key for the new address by --key-file FILE, or --no-key."
        )
    return settings


def _check_may_move(saved: SavedRemote, found: RemoteKind) -> None:
    if saved.kind == found != "dendro":
        return
    raise InvalidRequest(
        f"Remote {saved.name!r} is of kind {saved.kind}, and what is there is of kind {found}. Add "
        f"that as a remote of its own: `dendro-local remote add`."
        if saved.kind != found
        else f"Which jobs were pushed to the original hub {saved.url} is kept for that address. "
        "Add the other one as a remote of its own: `dendro-local remote add`."
    )


def _check_takes_key(hub: LocalHub, saved: SavedRemote, *, is_patient: bool) -> None:
    """Refuse a key that a remote refuses; one that is away may take it later."""
    remote = open_remote(hub, saved, is_patient=is_patient)
    try:
        remote.facts()
    except NotAHub:
        raise
    except HubUnreachable as error:
        logger.warning("Whether the key is taken is not known: %s", error)
    finally:
        remote.close()
