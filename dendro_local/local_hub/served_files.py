"""Which file of the store a URL names, for whoever reads it from elsewhere.

Whoever knows a URL may read the file, as in the original: it names a job by its random id, or
bytes by their digest. Bytes that no job has as an input are not given out by their digest.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from dendro_local.errors import InputUnavailable, OutputNotFound
from dendro_local.file_urls import FileUrl, blob_url, parse_blob_url, parse_file_url
from dendro_local.lifecycle import TERMINAL
from dendro_local.local_hub.arrived_files import LATE_LOG_SEC
from dendro_local.local_hub.incoming_blobs import IncomingBlobs
from dendro_local.local_hub.reading import Reading
from dendro_local.model import Digest, Job, JobId
from dendro_local.store import StoredFile, StoredJob

__all__ = ["OutputAwaited", "ServedFile", "ServedFiles"]

LOGS = {
    "console_output": ("output.txt", "console.txt"),
    "resource_utilization_log": ("log.jsonl", "usage.jsonl"),
}
"""By output name: how the URL of a log calls it, and how the job's folder does."""

NO_BYTES = Digest("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
"""SHA-256 of nothing."""


class OutputAwaited(OutputNotFound):
    """A file lies on a remote, and was not to be fetched."""


class ServedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that can be read now. ``size`` is in bytes, as it is at this moment."""

    path: Path
    name: str
    """By whose ending readers tell what is in it."""
    digest: Digest | None
    """SHA-256 of its bytes; None while they may change."""
    size: int
    is_growing: bool = False
    """Whether its URL may name other bytes later: its job runs, or did so just now."""


class ServedFiles(Reading, IncomingBlobs):
    """What is asked for by the URL of a file."""

    def served_file(self, url: str, *, fetch: bool = True) -> ServedFile:
        """The file that a stable URL names: ``dendro:f/...`` or ``dendro:sha256/...``.

        It takes well under a millisecond, except for an input that lies outside of the store and
        was changed or written lately, which is read to be sure that it is the same, and one that
        lies on a remote.

        Args:
            url: of the file.
            fetch: whether to fetch what lies on a remote.

        Raises:
            OutputAwaited: it lies on a remote, and is not to be fetched.
            OutputNotFound: there is no such file, it is not there yet, or not any more.
        """
        digest = parse_blob_url(url)
        own = parse_file_url(url)
        with self.store.reading():
            if digest is not None:
                return self._input(url, digest)
            if own is None:
                raise OutputNotFound(f"{url!r} names no file that a store can have.")
            return self._file_of_job(own, fetch=fetch)

    def served_blob(self, digest: str) -> ServedFile:
        """The file of this digest, if a job has it: as one that it left, or as an input.

        Raises:
            OutputNotFound: none has, or its bytes are not there.
        """
        found = parse_blob_url(f"dendro:sha256/{digest}")
        if found is None:
            raise OutputNotFound("A digest is 64 hexadecimal digits in lower case.")
        with self.store.reading():
            if self.store.jobs.unreferenced([found]):
                raise OutputNotFound("No job has a file with this digest.")
            path, size = self.store.blobs.path(found), self.blob_size(found)
            local = None if self.has_blob(found) else self._input_on_this_machine(found)
            if local is not None:
                path, size = local
            elif size is None:
                size = self._fetched_size(found, fetch=True)
        return ServedFile(path=path, name=found, digest=found, size=size)

    def served_blob_sizes(self, digests: Iterable[Digest]) -> dict[Digest, int]:
        """Those of the blobs that `served_blob` can give, with their sizes; nothing is fetched."""
        with self.store.reading():
            sizes = {
                digest: self._served_size(digest)
                for digest in digests
                if not self.store.jobs.unreferenced([digest])
            }
        return {digest: size for digest, size in sizes.items() if size is not None}

    def served_small_blobs(
        self, digests: Iterable[Digest], most_bytes: int
    ) -> Iterator[tuple[Digest, bytes]]:
        """Those of the blobs that jobs have, that are here and have at most so many bytes each."""
        for digest in digests:
            with self.store.reading():
                content = self._small_blob(digest, most_bytes)
            if content is not None:
                yield digest, content

    def _small_blob(self, digest: Digest, most_bytes: int) -> bytes | None:
        size = None if self.store.jobs.unreferenced([digest]) else self.blob_size(digest)
        if size is None or size > most_bytes:
            return None
        with contextlib.suppress(FileNotFoundError):
            return self.store.blobs.path(digest).read_bytes()
        return None

    def _served_size(self, digest: Digest) -> int | None:
        size = self.blob_size(digest)
        if size is None and self.store.has_remotes():
            sources = self.store.sharing.awaited_blobs.sources(digest)
            # It may have come since it was looked for.
            size = sources[0].size if sources else self.blob_size(digest)
        if size is None:
            local = self._input_on_this_machine(digest)
            size = None if local is None else local[1]
        return size

    def _input(self, url: str, digest: Digest) -> ServedFile:
        uses = self.store.input_files.uses(url)
        if not uses:
            raise OutputNotFound("No job has a file with this digest as an input.")
        name = uses[0].base_name
        blob = self.blob(digest)
        kept_size = self.blob_size(digest)
        if kept_size is not None:
            return ServedFile(path=blob, name=name, digest=digest, size=kept_size)
        local = self._input_on_this_machine(digest)
        if local is not None:
            return ServedFile(path=local[0], name=name, digest=digest, size=local[1])
        fetched = self.fetch_input_blob(digest)
        if fetched is not None:
            size = fetched.stat().st_size
            return ServedFile(path=fetched, name=name, digest=digest, size=size)
        raise OutputNotFound(
            f"Input file {name!r} is not on this machine any more, or has changed there."
        )

    def _input_on_this_machine(self, digest: Digest) -> tuple[Path, int] | None:
        """A file outside of the store that jobs have as an input, and its size in bytes."""
        uses = self.store.input_files.uses(blob_url(digest))
        if not uses:
            return None
        paths = [Path(use.local_path) for use in uses if use.local_path is not None]
        for path in dict.fromkeys([*paths, *self.store.local_files.paths(digest)]):
            try:
                found, size = self.store.local_files.digest(path)
            except InputUnavailable:
                continue
            if found == digest:
                return path, size
        return None

    def _file_of_job(self, own: FileUrl, *, fetch: bool) -> ServedFile:
        stored = self.store.jobs.by_id(JobId(own.job_id))
        if stored is None or not _names_one_of(stored.record, own):
            raise OutputNotFound("No job has a file of this URL.")
        found = stored.files.find(own.output_name, own.file_base_name)
        if found is None and own.output_name in LOGS:
            return self._log(stored, own)
        if found is None:
            raise OutputNotFound(
                f"Job {own.job_id} is {stored.record.status} and has not given this file."
            )
        return self._kept(own, found, may_change=_may_change(stored.record, own), fetch=fetch)

    def _kept(
        self, own: FileUrl, found: StoredFile, *, may_change: bool, fetch: bool
    ) -> ServedFile:
        if found.digest is None:
            raise OutputNotFound(f"This output is no file of the hub. It is at {found.url}.")
        path = self.store.blobs.path(found.digest)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            size = self._fetched_size(found.digest, fetch=fetch)
        return ServedFile(
            path=path,
            name=own.file_base_name.rpartition("/")[2],
            digest=None if may_change else found.digest,
            size=size,
            is_growing=may_change,
        )

    def _fetched_size(self, digest: Digest, *, fetch: bool) -> int:
        """The size of a blob that is not here, fetched from the remote on which it lies."""
        if not fetch and self.is_awaited(digest):
            raise OutputAwaited("The bytes of this file lie on a remote.")
        try:
            return self.blob(digest).stat().st_size
        except FileNotFoundError as error:
            raise OutputNotFound("The bytes of this file are no longer in the store.") from error

    def _log(self, stored: StoredJob, own: FileUrl) -> ServedFile:
        """A log that is being written, or one that had come to nothing when its job ended."""
        if stored.attempts == 0:
            raise OutputNotFound(f"Job {own.job_id} has not run.")
        name, file_name = LOGS[own.output_name]
        path = self._log_file(stored, None, file_name)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            path, size = Path(os.devnull), 0  # nothing was printed, or not yet
        may_change = size > 0 or _may_change(stored.record, own)
        digest = None if may_change else NO_BYTES
        return ServedFile(path=path, name=name, digest=digest, size=size, is_growing=may_change)


def _may_change(record: Job, own: FileUrl) -> bool:
    """Whether a URL may come to name other bytes: of a job that runs, and of a log for a while."""
    if record.status not in TERMINAL:
        return True
    ended_at = record.timestampFinishedSec or 0
    return own.output_name in LOGS and time.time() - ended_at < LATE_LOG_SEC


def _names_one_of(record: Job, own: FileUrl) -> bool:
    """Whether a URL names a file that this job can have, by the names that it has."""
    definition = record.jobDefinition
    place = (record.serviceName, definition.appName, definition.processorName)
    if place != (own.service_name, own.app_name, own.processor_name):
        return False
    if own.output_name in LOGS:
        return own.file_base_name == LOGS[own.output_name][0]
    return own.output_name == "other" or any(
        (output.name, output.fileBaseName) == (own.output_name, own.file_base_name)
        for output in definition.outputFiles
    )
