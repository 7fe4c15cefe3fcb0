"""Which kind of remote is at a URL, and asking it."""

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from urllib.parse import unquote, urlsplit

from dendro_local.errors import InvalidRequest, NotAHub, NotFound
from dendro_local.local_hub import LocalHub
from dendro_local.remote_hub.transport import PATIENCE_SEC, NotASecureHub, Timeouts
from dendro_local.store.sharing import RemoteSettings, SavedRemote
from dendro_sync.remotes.remote import Remote, RemoteKind

if TYPE_CHECKING:
    from dendro_sync.remotes.dendro import HubKeys

__all__ = ["kind_at", "normal_url", "open_remote", "remote_folder", "sealed_key"]

ALWAYS_BUCKETS = ("file", "s3", "gs", "az")
IMPATIENT_SEC = 1.0

_is_host_and_port = re.compile(r"(?:[\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}(?:/.*)?").fullmatch


def normal_url(text: str) -> str:
    """The URL of a remote; of a folder of this machine, that of the folder.

    Raises:
        InvalidRequest: it can be none.
    """
    if _is_host_and_port(text) and not Path(text).expanduser().exists():
        raise InvalidRequest(
            f"{text} looks like the address of a hub: give http://{text}, or https://. If it is "
            f"the name of a new folder, give ./{text}."
        )
    scheme = urlsplit(text).scheme
    if "://" not in text and text:
        return Path(text).expanduser().absolute().as_uri()
    if scheme not in (*ALWAYS_BUCKETS, "http", "https"):
        known = ", ".join(f"{each}://" for each in (*ALWAYS_BUCKETS, "http", "https"))
        raise InvalidRequest(f"{text!r} is no place for a remote: give a folder, or {known}...")
    if scheme in ("s3", "gs", "az") and not urlsplit(text).netloc:
        raise InvalidRequest(f"{text!r} names no bucket: {scheme}://BUCKET/FOLDER.")
    if urlsplit(text).password is not None:
        raise InvalidRequest("The URL of a remote has a password in it. Use --key-file instead.")
    return text.rstrip("/") if scheme in ("http", "https") else text


def sealed_key(hub: LocalHub, url: str, key: str) -> str:
    """A key for a remote as its settings keep it: only the store can read it, for this URL."""
    return base64.b64encode(hub.store.key.seal(key.strip().encode(), _purpose(url))).decode()


def kind_at(
    hub: LocalHub, url: str, settings: RemoteSettings, *, is_patient: bool = True
) -> RemoteKind:
    """Which kind of remote is at a URL: by its scheme, or by asking. `open_remote` has the rest.

    Raises:
        InvalidRequest: it is a file, or a folder of other things.
        HubUnreachable: nothing answers there, or neither a folder is there nor that in which it
            would be.
        NotAHub: what answers is none of them.
        NotAuthenticated: it is a hub, which does not know the key.
    """
    if urlsplit(url).scheme == "file":
        _check_is_folder(Path(unquote(urlsplit(url).path)))
    if urlsplit(url).scheme in ALWAYS_BUCKETS:
        return "bucket"
    for kind in get_args(RemoteKind):
        supposed = SavedRemote(name="new", url=url, kind=kind, settings=settings, added_at=0.0)
        remote = open_remote(hub, supposed, is_patient=is_patient, is_new=True)
        try:
            remote.facts()
        except NotASecureHub:
            raise  # nor is it a bucket of that scheme
        except (NotAHub, NotFound):
            continue
        finally:
            remote.close()
        found: RemoteKind = kind
        return found
    raise NotAHub(
        f"What is at {url} is neither a hub, nor a bucket that was written by dendro-local. Check "
        "the address."
    )


def _check_is_folder(folder: Path) -> None:
    """Refuse what can be seen to be no bucket, and a place in which none can be made."""
    from dendro_sync.remotes.bucket.header import missing_place  # all of buckets comes with it
    from dendro_sync.remotes.bucket.layout import HEADER

    try:
        if folder.is_file():
            raise InvalidRequest(
                f"{folder} is a file. A remote is a folder; what is in an archive is taken in by "
                "`dendro-local import`."
            )
        if not folder.exists() and not folder.parent.is_dir():
            raise missing_place(folder)
        others = folder.is_dir() and not (folder / HEADER).exists() and any(folder.iterdir())
    except OSError as error:
        raise InvalidRequest(f"{folder} cannot be read: {error.strerror}.") from error
    if others:
        raise InvalidRequest(
            f"{folder} is no remote: there are other files in it, and no {HEADER}. For a new one, "
            "name an empty folder, or one that is not there yet."
        )


def open_remote(
    hub: LocalHub, saved: SavedRemote, *, is_patient: bool = True, is_new: bool = False
) -> Remote:
    """A remote that can be asked. To be closed.

    Args:
        hub: for whose store.
        saved: where it is, and how it is used.
        is_patient: whether it is asked again for as long as a person waits, while it does not
            answer; otherwise nearly at once it counts as not being there.
        is_new: whether it is not among the store's remotes, and may never be.

    Raises:
        StoreError: the key that the store keeps for it cannot be read.
        InvalidRequest: its URL, or the key file or what is in it, cannot be used.
    """
    patience_sec = PATIENCE_SEC if is_patient else IMPATIENT_SEC
    if saved.kind == "hub":
        from dendro_sync.remotes.hub import HubRemote  # one of them is enough, in most cases

        keys = _keys_for(hub, saved)
        return HubRemote(
            saved.url,
            None if keys is None else keys.api_key,
            hub.shared.signing_key,
            what_key=_what_key(saved),
            how_to_key=_how_to_key(saved, is_new=is_new),
            patience_sec=patience_sec,
            timeouts=None if is_patient else Timeouts(connect_sec=IMPATIENT_SEC, silence_sec=5.0),
        )
    if saved.kind == "bucket":
        from dendro_sync.remotes.bucket import BucketRemote, StoreMemory

        return BucketRemote.at(
            saved.url,
            key=hub.shared.signing_key,
            patience_sec=patience_sec,
            memory=StoreMemory(hub.store, saved.name),
        )
    if saved.kind == "dendro":
        from dendro_sync.remotes.dendro import DendroRemote

        return DendroRemote(
            saved.url,
            remote_folder(hub, saved.name),
            _keys_for(hub, saved),
            # As this store calls them, so that children of pulled jobs are found too.
            own_urls="stable",
            how_to_key=_how_to_key(saved, is_new=is_new),
            patience_sec=patience_sec,
        )
    raise InvalidRequest(
        f"Remote {saved.name!r} is of kind {saved.kind!r}, which this version does not know."
    )


def remote_folder(hub: LocalHub, name: str) -> Path:
    """The folder of the store in which what an original hub cannot tell is kept of it."""
    return hub.store.folder.root / "remotes" / name


def _keys_for(hub: LocalHub, saved: SavedRemote) -> "HubKeys | None":
    """By what one is known there: the key of the user, maybe that of a compute client too."""
    settings = saved.settings
    if settings.key_file is None and settings.sealed_key is None:
        return None
    from dendro_sync.remotes.dendro import hub_keys_in, read_hub_keys  # only with a key

    if settings.key_file is not None:
        return read_hub_keys(Path(settings.key_file))
    sealed = base64.b64decode(settings.sealed_key or "")
    text = hub.store.key.unseal(sealed, _purpose(saved.url)).decode()
    return hub_keys_in(text, _what_key(saved))


def _what_key(saved: SavedRemote) -> str:
    """How people know the key."""
    file = saved.settings.key_file
    return "the key of the remote" if file is None else f"the key in {file}"


def _how_to_key(saved: SavedRemote, *, is_new: bool) -> str:
    """What to do for another key."""
    made = "at a hub of dendro-local, its owner makes one by `dendro-local users key`."
    if is_new:
        return f"--key-file FILE names a file with a key; {made}"
    return (
        f"`dendro-local remote set {saved.name} --key-file FILE` gives remote {saved.name!r} "
        f"another key; {made}"
    )


def _purpose(url: str) -> str:
    return f"key for {url}"
