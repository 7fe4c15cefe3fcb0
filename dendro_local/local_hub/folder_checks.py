"""Checks of the store's folder: what was left behind, rights, and room on the disk."""

import functools
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from dendro_local.local_hub.findings import Found, found
from dendro_local.local_hub.incoming_blobs import left_blobs
from dendro_local.local_hub.record_checks import RunFolders
from dendro_local.local_hub.running import Running
from dendro_local.local_hub.upload_clearing import left_uploads, remove_upload
from dendro_local.store.scan import (
    RunFolder,
    dead_locks,
    dead_sockets,
    half_written,
    output_links,
    run_folders,
)

__all__ = ["FolderChecks"]

LITTLE_ROOM_BYTES = 1_000_000_000
LITTLE_ROOM = 0.05
"""Of the whole disk."""


class FolderChecks:
    """Each check gives what it finds.

    Args:
        hub: whose store.
        run_folders: how the working folder of a job is removed.
        young_sec: what is younger is left alone, since it may be in use.
    """

    def __init__(self, hub: Running, run_folders: RunFolders, young_sec: float) -> None:
        self._store = hub.store
        self._folder = hub.store.folder
        self._hub = hub
        self._run_folders = run_folders
        self._young_sec = young_sec

    def leftovers(self) -> Iterator[Found]:
        """What processes left behind that ended in the middle of something."""
        yield from self._leftover_run_folders()
        yield from self._leftover_uploads()
        yield from self._leftover_links()
        for folder in (self._folder.outputs, self._folder.clients):
            for file, made_at in half_written(folder):
                if self._is_old(made_at):
                    yield _removable("half_written", file, "was never completed")
        for file in dead_locks(self._folder.clients):
            yield _removable("lock_dead", file, "is of a compute client that is not alive")
        for file in dead_sockets(self._folder.wake):
            yield _removable("socket_dead", file, "is of a process that has ended")

    def rights(self) -> Iterator[Found]:
        """Whether the store can be written by its user, and read by nobody else."""
        root = self._folder.root
        mode = stat.S_IMODE(root.stat().st_mode)
        if mode & stat.S_IRWXO:
            yield found(
                "readable_by_all",
                root,
                f"Every user of this machine may look into {root} (mode {mode:03o}).",
                functools.partial(root.chmod, mode & ~stat.S_IRWXO),
            )
        yield from self._rights_of_key()
        folder = self._folder
        parts = (root, folder.database, folder.blobs, folder.jobs, folder.outputs, folder.wake)
        for path in (*parts, folder.clients, folder.sdk):
            if not os.access(path, os.W_OK):
                yield found(
                    "not_writable", path, f"{path} cannot be written, so that jobs cannot run."
                )

    def _rights_of_key(self) -> Iterator[Found]:
        key = self._folder.key
        try:
            mode = stat.S_IMODE(key.stat().st_mode)
        except FileNotFoundError:
            return  # it is made when it is needed
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield found(
                "key_readable",
                key,
                f"Others than its user may use {key} (mode {mode:03o}), the key of the store's "
                "secrets.",
                functools.partial(key.chmod, stat.S_IRUSR | stat.S_IWUSR),
            )

    def room(self) -> Iterator[Found]:
        """Whether the disk has room."""
        disks = {path.stat().st_dev: path for path in (self._folder.blobs, self._folder.root)}
        for path in disks.values():
            disk = shutil.disk_usage(path)
            if disk.free < LITTLE_ROOM_BYTES or disk.free < LITTLE_ROOM * disk.total:
                yield found(
                    "little_room",
                    path,
                    f"Only {disk.free / 1e9:.1f} GB of {disk.total / 1e9:.1f} GB are free on the "
                    f"disk of {path}.",
                )

    def _leftover_run_folders(self) -> Iterator[Found]:
        active = {(each.record.jobId, each.attempts) for each in self._store.jobs.active()}
        for folder in run_folders(self._folder.jobs):
            if (folder.job_id, folder.attempt) not in active and self._is_left(folder):
                yield found(
                    "run_folder_left",
                    folder.path,
                    f"{folder.path} is of no job that runs.",
                    functools.partial(self._remove_run_folder, folder.path),
                )

    def _is_left(self, folder: RunFolder) -> bool:
        """Whether nobody can be about to claim or remove it."""
        stored = self._store.jobs.by_id(folder.job_id)
        changed_at = folder.changed_at
        if stored is not None:
            changed_at = max(changed_at, stored.record.timestampUpdatedSec or 0)
        return self._is_old(changed_at)

    def _leftover_uploads(self) -> Iterator[Found]:
        for path in left_blobs(self._store):
            yield found(
                "upload_left",
                path,
                f"{path} is of an input that did not come whole, or that no job was given.",
                functools.partial(path.unlink, missing_ok=True),
            )
        for path in left_uploads(self._store, young_sec=self._young_sec):
            yield found(
                "upload_left",
                path,
                f"{path} is of an upload that nobody goes on with.",
                functools.partial(remove_upload, path),
            )

    def _leftover_links(self) -> Iterator[Found]:
        for job_id, dangling in output_links(self._folder.outputs):
            if self._store.jobs.by_id(job_id) is None:
                yield found(
                    "output_links_left",
                    self._folder.outputs / job_id,
                    f"{self._folder.outputs / job_id} is of no job.",
                    functools.partial(self._hub.remove_output_links, job_id),
                )
                continue
            for link in dangling:
                yield _removable("output_link_dangling", link, "leads to no blob")

    def _remove_run_folder(self, folder: Path) -> None:
        self._run_folders.end(folder)
        self._run_folders.remove(folder)

    def _is_old(self, changed_at: float) -> bool:
        return time.time() - changed_at >= self._young_sec


def _removable(check: str, file: Path, fault: str) -> Found:
    remove = functools.partial(file.unlink, missing_ok=True)
    return found(check, file, f"{file} {fault}.", remove)
