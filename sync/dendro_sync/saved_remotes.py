"""The remotes of a store: adding, listing, removing and trying them."""

import contextlib
import re
import shutil
import time
from pathlib import Path

import msgspec

from dendro_local.errors import DendroError, InvalidRequest, NotFound
from dendro_local.local_hub import LocalHub
from dendro_local.store.sharing import RemoteSettings, SavedRemote
from dendro_sync.opening import kind_at, normal_url, open_remote, remote_folder, sealed_key
from dendro_sync.options import Outputs
from dendro_sync.remotes.kept import BUCKET, PAUSE, UNTRUSTED
from dendro_sync.remotes.pauses import Pauses
from dendro_sync.remotes.remote import RemoteKind, WaitsForTrust
from dendro_sync.trust.awaiting import waiting_in
from dendro_sync.trust.keys import trust_key, trusted_public_keys

__all__ = [
    "RemoteInfo",
    "RemoteTest",
    "add_remote",
    "check_settings",
    "list_remotes",
    "remove_remote",
    "saved_remote",
    "show_remote",
    "test_remote",
]

_is_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}").fullmatch


class RemoteInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known here of a remote. Times are in seconds since the Unix epoch."""

    name: str
    url: str
    kind: str
    keyFile: str | None
    hasKey: bool
    """Whether there is a key for it: in the file, or kept by the store."""
    readOnly: bool
    cache: bool
    allowUnsigned: bool
    require: int
    outputs: str
    addedSec: float
    lastPullSec: float | None
    lastPushSec: float | None
    refused: int
    """How many jobs were refused when they were last exchanged, and are tried again, or wait for
    a key to be trusted."""
    awaitingTrust: list[WaitsForTrust]
    """The keys that jobs wait for which were refused since these are not trusted."""
    awaitedFiles: int
    """How many files of jobs here are fetched from there when they are first read."""
    isNew: bool
    """Whether it is a folder in which no bucket was seen yet: the first push makes one."""
    pausedUntilSec: float | None
    """Until when it is not asked for jobs that are submitted, as it did not answer as a cache."""
    pausedFor: str | None
    """What was wrong then."""


class RemoteTest(msgspec.Struct, frozen=True, kw_only=True):
    """What a remote answered when it was tried."""

    name: str
    kind: RemoteKind
    url: str
    seconds: float
    version: str | None
    jobs: int | None
    userId: str | None
    canWrite: bool
    publicKey: str | None
    isTrusted: bool | None
    """Whether the key with which it signs is trusted; None if it tells none."""
    isNew: bool
    """Whether nothing was put there yet: a bucket that the first push makes."""


def add_remote(
    hub: LocalHub,
    name: str,
    url: str,
    *,
    key_file: Path | str | None = None,
    key: str | None = None,
    read_only: bool = False,
    is_cache: bool = False,
    allow_unsigned: bool = False,
    require: int = 1,
    outputs: Outputs = "eager",
    trust: str | None = None,
    kind: RemoteKind | None = None,
    is_patient: bool = True,
) -> RemoteInfo:
    """Add a place to exchange jobs with.

    Args:
        hub: whose store.
        name: what it is called here.
        url: of a hub, bucket or folder. Which of these it is, it is asked.
        key_file: a file with the key by which one is known there.
        key: what would be in such a file; the store keeps it, sealed.
        read_only: whether nothing is pushed there.
        is_cache: whether it is asked for jobs that are not here when they are submitted.
        allow_unsigned: whether jobs are taken that nobody signed whose key is trusted.
        require: how many producers whose keys are trusted must agree on the outputs of a job.
        outputs: what is done about outputs at a pull, unless it is said each time.
        trust: a public key that is trusted from now on, under the name of the remote.
        kind: of remote, if it is known and is not to be asked now.
        is_patient: whether it is asked for as long as a person waits, if it does not answer.

    Raises:
        InvalidRequest: there is a remote of this name, or something given cannot be used.
        HubUnreachable: nothing answers at the URL.
        NotAuthenticated: the key is not known there.
    """
    if _is_name(name) is None:
        raise InvalidRequest(
            f"{name!r} cannot be the name of a remote: use up to 64 letters, digits, '.', '_', '-'."
        )
    where = normal_url(url)
    settings = RemoteSettings(
        key_file=None if key_file is None else str(Path(key_file).expanduser().absolute()),
        sealed_key=None if key is None else sealed_key(hub, where, key),
        read_only=read_only,
        is_cache=is_cache,
        allow_unsigned=allow_unsigned,
        require=require,
        outputs=outputs,
    )
    _check_is_new(hub, name)
    found = kind or kind_at(hub, where, settings, is_patient=is_patient)
    check_settings(found, settings)
    with hub.store.transaction(quietly=True):
        _check_is_new(hub, name)
        if trust is not None:
            trust_key(hub, name, trust)
        hub.store.sharing.remotes.put(name, where, found, settings)
    if found == "bucket" and where.startswith("file:"):
        # That there is a bucket is remembered, so that an empty mount point is not taken for it.
        with (
            contextlib.closing(open_remote(hub, saved_remote(hub, name))) as remote,
            contextlib.suppress(DendroError),
        ):
            remote.facts()
    return show_remote(hub, name)


def list_remotes(hub: LocalHub) -> list[RemoteInfo]:
    """Every remote of the store, by name."""
    with hub.store.reading():
        return [_info(hub, each) for each in hub.store.sharing.remotes.all()]


def show_remote(hub: LocalHub, name: str) -> RemoteInfo:
    """What is known of a remote, without asking it.

    Raises:
        NotFound: there is none of this name.
    """
    saved = saved_remote(hub, name)
    with hub.store.reading():
        return _info(hub, saved)


def remove_remote(hub: LocalHub, name: str) -> None:
    """Remove a remote. Jobs that came from it stay; files that were still to come do not come.

    Raises:
        NotFound: there is none of this name.
    """
    with hub.store.transaction(quietly=True):
        saved_remote(hub, name)
        hub.store.sharing.remotes.remove(name)
    # Another one of this name is not to take up what was begun at this one.
    shutil.rmtree(remote_folder(hub, name), ignore_errors=True)


def test_remote(
    hub: LocalHub,
    name: str,
    *,
    is_patient: bool = True,  # noqa: PT028 - it is no test
) -> RemoteTest:
    """Ask a remote what it is. As a cache that was left alone it is asked again from then on.

    Args:
        hub: of whose store.
        name: of the remote.
        is_patient: as for `add_remote`.

    Raises:
        NotFound: there is none of this name.
        HubUnreachable: it does not answer.
        NotAuthenticated: the key is not known there.
    """
    saved = saved_remote(hub, name)
    remote = open_remote(hub, saved, is_patient=is_patient)
    began = time.monotonic()
    try:
        facts = remote.facts()
    finally:
        remote.close()
    Pauses(hub.store).end(name)
    key = facts.public_key
    return RemoteTest(
        name=name,
        kind=facts.kind,
        url=facts.url,
        seconds=time.monotonic() - began,
        version=facts.version,
        jobs=facts.jobs,
        userId=facts.user_id,
        canWrite=facts.can_write and not saved.settings.read_only,
        publicKey=key,
        isTrusted=None if key is None else key in trusted_public_keys(hub),
        isNew=facts.kind == "bucket" and facts.store_id is None,
    )


def saved_remote(hub: LocalHub, name: str | None) -> SavedRemote:
    """The remote of a name; without one, the only one that there is.

    Raises:
        NotFound: there is none of this name, or none at all.
        InvalidRequest: no name is given, and there are several.
    """
    with hub.store.reading():
        remotes = hub.store.sharing.remotes.all()
    names = ", ".join(each.name for each in remotes)
    if not remotes:
        raise NotFound("There is no remote yet. `dendro-local remote add NAME URL` adds one.")
    if name is None:
        if len(remotes) > 1:
            raise InvalidRequest(f"There are several remotes: {names}. Name one.")
        return remotes[0]
    for each in remotes:
        if each.name == name:
            return each
    raise NotFound(
        f"There is no remote {name!r}. There are: {names}. `dendro-local remote add NAME URL` adds "
        "one."
    )


def check_settings(kind: str, settings: RemoteSettings) -> None:
    """Refuse settings with which nothing would come of a remote.

    Raises:
        InvalidRequest: says why.
    """
    if settings.require < 1:
        raise InvalidRequest("At least one producer is required for each job.")
    if kind == "dendro" and settings.is_cache and not settings.allow_unsigned:
        raise InvalidRequest(
            "An original Dendro hub signs nothing, so nothing of it would be taken as a hit. Give "
            "--allow-unsigned with --cache to believe what it has, or leave --cache out."
        )


def _check_is_new(hub: LocalHub, name: str) -> None:
    if hub.store.sharing.remotes.get(name) is not None:
        raise InvalidRequest(
            f"There is a remote {name!r} already. Take another name, or remove that one first: "
            f"`dendro-local remote remove {name}`."
        )


def _info(hub: LocalHub, saved: SavedRemote) -> RemoteInfo:
    remotes = hub.store.sharing.remotes
    times: dict[str, float] = {}
    kept = remotes.cursors(saved.name)
    waiting = waiting_in(kept[UNTRUSTED][0]) if UNTRUSTED in kept else []
    for subject, (_, updated_at) in kept.items():
        direction = subject.partition(" ")[0]
        times[direction] = max(updated_at, times.get(direction, 0.0))
    settings = saved.settings
    pause = Pauses(hub.store).current(saved.name) if PAUSE in kept else None
    return RemoteInfo(
        name=saved.name,
        url=saved.url,
        kind=saved.kind,
        keyFile=settings.key_file,
        hasKey=settings.key_file is not None or settings.sealed_key is not None,
        readOnly=settings.read_only,
        cache=settings.is_cache,
        allowUnsigned=settings.allow_unsigned,
        require=settings.require,
        outputs=settings.outputs,
        addedSec=saved.added_at,
        lastPullSec=times.get("pull"),
        lastPushSec=times.get("push"),
        refused=len(remotes.refused(saved.name, "pull"))
        + len(remotes.refused(saved.name, "push"))
        + sum(each.jobs for each in waiting),
        awaitingTrust=waiting,
        awaitedFiles=hub.store.sharing.awaited_blobs.count(saved.name),
        pausedUntilSec=None if pause is None else pause.until,
        pausedFor=None if pause is None else pause.why or None,
        isNew=saved.url.startswith("file:") and times.keys().isdisjoint({BUCKET, "push"}),
    )
