"""Checks of the blobs: every record against its blobs, every blob against its digest and records.

What is repaired loses nothing that was whole. A blob whose bytes are others is moved away, not
removed; the jobs that named it give it up, and run again when they are submitted.
"""

import functools
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dendro_local.local_hub.findings import Found, found
from dendro_local.local_hub.running import Running
from dendro_local.model import Digest, JobId
from dendro_local.store import JobFiles, StoredFile, file_digest
from dendro_local.store.integrity import JobBlobs
from dendro_local.store.scan import BlobFile, blob_files

__all__ = ["BlobChecks"]

OnProgress = Callable[[int, int], None]


class _Named(NamedTuple):
    """A file as a job's record names it."""

    what: str
    size: int | None
    is_log: bool


class BlobChecks:
    """Each check gives what it finds.

    Args:
        hub: whose store.
        remove_blobs: removes those of the blobs that nobody holds, in a transaction of its own.
        young_sec: what is younger is left alone, since a job may be about to record it.
    """

    def __init__(
        self,
        hub: Running,
        remove_blobs: Callable[[Sequence[Digest]], None],
        young_sec: float,
    ) -> None:
        self._hub = hub
        self._store = hub.store
        self._holders = hub.store.upkeep.holders
        self._remove_blobs = remove_blobs
        self._young_sec = young_sec
        self._damaged: set[Digest] = set()
        self.jobs = 0
        self.blobs = 0
        self.blob_bytes = 0

    def records(self) -> Iterator[Found]:
        """Every record against its blobs; of those that are there, the size."""
        for job in self._store.upkeep.integrity.jobs():
            self.jobs += 1
            named = _named(job.files)
            for digest in sorted(job.held - named.keys()):
                yield found(
                    "blob_held_for_nothing",
                    job.job_id,
                    f"Job {job.job_id} keeps blob {digest[:12]}..., which it did not leave.",
                    functools.partial(self._let_go, job.job_id, digest),
                )
            for digest, file in named.items():
                if digest not in job.given_up or digest in job.held:
                    yield from self._record(job, digest, file)

    def contents(self, on_progress: OnProgress | None) -> Iterator[Found]:
        """Every blob against its digest.

        Args:
            on_progress: called now and then with the bytes read so far and all of them.
        """
        files = [file for file in blob_files(self._store.folder.blobs) if file.digest is not None]
        total = sum(file.size for file in files)
        done = 0
        for file in files:
            digest = file.digest
            if digest is not None and digest not in self._damaged and self._holders.count(digest):
                read = functools.partial(_add, on_progress, done, total)
                fault = self._fault(file, digest, read)
                if fault is not None:
                    yield self._as_damaged(digest, fault)
            done += file.size

    def strays(self) -> Iterator[Found]:
        """Files among the blobs that no record names or that are no blobs, and rights to write."""
        for file in blob_files(self._store.folder.blobs):
            if file.digest is None:
                yield from self._no_blob(file)
                continue
            self.blobs += 1
            self.blob_bytes += file.size
            if self._is_old(file) and self._store.jobs.unreferenced([file.digest]):
                yield found(
                    "blob_orphaned",
                    file.path,
                    f"No record names blob {file.digest[:12]}... ({file.size} bytes).",
                    functools.partial(self._remove_blobs, [file.digest]),
                )
            elif file.mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
                yield found(
                    "blob_writable",
                    file.path,
                    f"Blob {file.digest[:12]}... may be written to; nothing should change it.",
                    functools.partial(file.path.chmod, 0o444),
                )

    def _record(self, job: JobBlobs, digest: Digest, file: _Named) -> Iterator[Found]:
        what = f"{file.what} of job {job.job_id}"
        if digest not in job.held:
            yield found(
                "blob_not_held",
                job.job_id,
                f"The {what} is not protected from being removed.",
                functools.partial(self._hold_or_give_up, job, digest),
            )
            return
        try:
            size = self._store.blobs.path(digest).stat().st_size
        except FileNotFoundError:
            # Unless it was pruned since: then its record went first.
            is_held = digest in self._holders.held_by(job.number)
            if is_held and not self._hub.is_awaited(digest):
                yield found(
                    "log_missing" if file.is_log else "output_missing",
                    job.job_id,
                    f"The {what} is not in the store any more ({digest[:12]}...).",
                    functools.partial(self._hold_or_give_up, job, digest),
                )
            return
        if file.size is not None and size != file.size and digest not in self._damaged:
            yield self._as_damaged(digest, f"has {size} bytes instead of {file.size}")

    def _fault(self, file: BlobFile, digest: Digest, read: OnProgress) -> str | None:
        try:
            actual, _ = file_digest(file.path, read)
        except FileNotFoundError:
            return None  # pruned since
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        return None if actual == digest else f"has other bytes now ({actual[:12]}...)"

    def _as_damaged(self, digest: Digest, fault: str) -> Found:
        self._damaged.add(digest)
        holders = self._holders.count(digest)
        jobs = "1 job" if holders == 1 else f"{holders} jobs"
        return found(
            "blob_damaged",
            self._store.blobs.path(digest),
            f"Blob {digest[:12]}..., which {jobs} left, {fault}.",
            functools.partial(self._move_away, digest),
        )

    def _no_blob(self, file: BlobFile) -> Iterator[Found]:
        name = file.path.name
        if not (name.startswith(".") and name.endswith(".new")):
            yield found("stray_file", file.path, f"{file.path} is no blob.")
        elif self._is_old(file):
            yield found(
                "half_written",
                file.path,
                f"{file.path} was never completed.",
                functools.partial(file.path.unlink, missing_ok=True),
            )

    def _is_old(self, file: BlobFile) -> bool:
        return time.time() - file.changed_at >= self._young_sec

    # Repairs

    def _let_go(self, job_id: JobId, digest: Digest) -> None:
        with self._store.transaction():
            stored = self._store.jobs.by_id(job_id)
            if stored is not None and digest not in _named(stored.files):
                self._holders.let_go(stored.number, digest)

    def _hold_or_give_up(self, job: JobBlobs, digest: Digest) -> None:
        with self._store.transaction():
            if self._store.jobs.by_id(job.job_id) is None:
                return
            if self._store.blobs.has(digest):
                self._holders.hold(job.number, digest)
            else:
                self._give_up(job.number, job.job_id, digest)

    def _give_up(self, number: int, job_id: JobId, digest: Digest) -> None:
        self._holders.give_up(number, [digest])
        self._hub.remove_output_links(job_id)

    def _move_away(self, digest: Digest) -> None:
        blob = self._store.blobs.path(digest)
        damaged = self._store.upkeep.damaged
        with self._store.transaction():
            damaged.mkdir(mode=0o700, exist_ok=True)
            if blob.exists():
                shutil.move(blob, damaged / f"{digest}.{time.time_ns()}")  # maybe another disk
            for number, job_id in self._holders.holding_jobs(digest):
                self._give_up(number, job_id, digest)


def _named(files: JobFiles) -> Mapping[Digest, _Named]:
    """The files that a record names, by digest; of equal ones that which matters most."""
    named: dict[Digest, _Named] = {}

    def add(what: str, file: StoredFile | None, *, is_log: bool = False) -> None:
        if file is not None and file.digest is not None:
            named.setdefault(file.digest, _Named(what, file.size, is_log))

    for name, file in files.outputs.items():
        add(f"output {name!r}", file)
    for name, file in files.others.items():
        add(f"file {name!r}", file)
    add("console log", files.console, is_log=True)
    add("usage log", files.usage, is_log=True)
    return named


def _add(on_progress: OnProgress | None, before: int, total: int, done: int, _: int) -> None:
    if on_progress is not None:
        on_progress(before + done, total)
