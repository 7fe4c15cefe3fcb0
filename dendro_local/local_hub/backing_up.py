"""Backups: a copy of a store as it is at one moment, made while it is in use.

The copy is a store itself, and is restored by copying it to where the store was. It has the key
of the store, without which secrets in the records could not be read. The records are
copied first, then the blobs that they name: a blob is there before any record names it, so that
one that is missing was pruned meanwhile, and the records are copied once more; or else it was
missing before, and the backup says so.
"""

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from dendro_local.errors import InvalidRequest, StoreError
from dendro_local.local_hub.hub import LocalHub
from dendro_local.model import Digest
from dendro_local.store import Store
from dendro_local.store.blobs import Blobs
from dendro_local.store.folder import StoreFolder
from dendro_local.store.on_disk import sync
from dendro_local.store.snapshot import copy_secret, held_blobs_of, link_or_copy

__all__ = ["Backup", "back_up"]

MAX_SNAPSHOTS = 20


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. Blobs that are linked share the disk with those of the store."""

    folder: Path
    jobs: int
    blobs: int
    blob_bytes: int
    linked_blobs: int
    missing_blobs: list[Digest]
    """Those that the store lacks too; `doctor` says of which jobs."""


def back_up(store: Store, target: Path) -> Backup:
    """Copy a store to a new folder.

    Raises:
        InvalidRequest: there is something of this name, or no folder to make it in.
        StoreError: it could not be written; nothing is left of it.
    """
    _check_target(store, target)
    near = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        near.mkdir(mode=0o700)
        try:
            backup = _Copy(store, near).make()
            near.rename(target)
            sync(target.parent)
        finally:
            shutil.rmtree(near, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"The backup {target} could not be written: {error.strerror}: {error.filename}. "
            "Nothing is left of it."
        ) from error
    return msgspec.structs.replace(backup, folder=target)


def _check_target(store: Store, target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise InvalidRequest(f"{target} is there already. Give the backup a new name.")
    if not target.parent.is_dir():
        raise InvalidRequest(f"There is no folder {target.parent} to make the backup in.")
    if target.resolve().is_relative_to(store.folder.root.resolve()):
        raise InvalidRequest(f"{target} is inside the store. Put the backup somewhere else.")


class _Copy:
    """A copy in the making, in a folder of its own."""

    def __init__(self, store: Store, root: Path) -> None:
        self._store = store
        self._folder = StoreFolder(root)
        self._blobs = Blobs(self._folder.blobs)
        self._settings = root / "config.toml"
        self._sizes: dict[Digest, int] = {}
        self._linked: set[Digest] = set()

    def make(self) -> Backup:
        missing = self._copy_records_and_blobs()
        settings = self._store.folder.root / self._settings.name
        if settings.exists():
            shutil.copy2(settings, self._settings)
        # After the records: what is sealed in them was sealed with a key that is there.
        if self._store.folder.key.exists():
            copy_secret(self._store.folder.key, self._folder.key)
        jobs = self._end_claims()
        for folder in (*self._folder.blobs.iterdir(), self._folder.blobs, self._folder.root):
            sync(folder)
        return Backup(
            folder=self._folder.root,
            jobs=jobs,
            blobs=len(self._sizes),
            blob_bytes=sum(self._sizes.values()),
            linked_blobs=len(self._linked),
            missing_blobs=sorted(missing),
        )

    def _copy_records_and_blobs(self) -> set[Digest]:
        """Copy both so that they fit together; the blobs that the store itself lacks."""
        self._folder.blobs.mkdir()
        missing_before: set[Digest] | None = None
        for _ in range(MAX_SNAPSHOTS):
            self._store.upkeep.write_snapshot(self._folder.database)
            named = held_blobs_of(self._folder.database)
            missing = self._copy_blobs(named)
            # What is missing twice in a row, though newer records still name it, was lost.
            if not missing or missing == missing_before:
                self._remove_blobs(self._sizes.keys() - named)
                return missing
            missing_before = missing
        raise StoreError(
            f"The store {self._store.folder.root} was pruned faster than it could be copied. Make "
            "the backup when the pruning is done."
        )

    def _copy_blobs(self, digests: Iterable[Digest]) -> set[Digest]:
        """Copy those that are not copied yet; the ones that are not there."""
        missing: set[Digest] = set()
        for digest in sorted(digests):
            if digest in self._sizes:
                continue
            target = self._blobs.path(digest)
            target.parent.mkdir(exist_ok=True)
            try:
                if link_or_copy(self._store.blobs.path(digest), target):
                    self._linked.add(digest)
            except FileNotFoundError:
                missing.add(digest)
            else:
                self._sizes[digest] = target.stat().st_size
        return missing

    def _remove_blobs(self, digests: Iterable[Digest]) -> None:
        """Remove copies that the records do not name any more."""
        for digest in list(digests):
            self._blobs.remove(digest)
            del self._sizes[digest]
            self._linked.discard(digest)

    def _end_claims(self) -> int:
        """Put jobs back that were running, since nobody runs them there; how many jobs there are.

        Opening the copy also shows that it is a store.
        """
        copy = LocalHub(self._folder.root)
        try:
            copy.forget_remote_runs()
            for claim in [*copy.abandoned(), *copy.remote_claims()]:
                copy.release(claim)
            jobs = sum(copy.facts().jobs_by_status.values())
        finally:
            copy.close()
        for made in self._folder.root.iterdir():
            if made not in self._kept():
                shutil.rmtree(made)
        return jobs

    def _kept(self) -> Sequence[Path]:
        """What the copy has; the rest is made where it is used."""
        return (self._folder.database, self._folder.blobs, self._folder.key, self._settings)
