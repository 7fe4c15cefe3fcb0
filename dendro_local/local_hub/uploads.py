"""Files of jobs that are run over the Dendro contract, as they come in.

A file is written where nobody looks, with its digest taken on the way, and appears whole or not
at all (`dendro_local.local_hub.arrived_files`).
"""

import functools
import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dendro_local import config
from dendro_local.errors import DiskFull, InvalidRequest
from dendro_local.file_urls import file_url, parse_file_url
from dendro_local.local_hub.arrived_files import LATE_LOG_SEC, LOG_FILES, ArrivedFiles
from dendro_local.local_hub.quotas import QuotaRules
from dendro_local.model import Digest, Job, JobId
from dendro_local.random_ids import random_token
from dendro_local.store import StoredJob
from dendro_local.store.piece_writer import PieceWriter

if TYPE_CHECKING:  # what only a server needs is imported when it does
    from dendro_local.contract import GetSignedUploadUrlRequest, UploadLimits
    from dendro_local.local_hub.parted_uploads import PartedUploads
    from dendro_local.local_hub.upload_tickets import UploadTicket, UploadTickets

__all__ = ["IncomingFile", "UploadPlace", "Uploads"]


class UploadPlace(NamedTuple):
    """Where to put a file: its stable URL, a token for each part, and an id if it has parts."""

    url: str
    tokens: list[str]
    upload_id: str | None


class IncomingFile:
    """A file, or a part of one, that is arriving. To be ended by `finish` or `abandon`.

    One thread at a time may use it.
    """

    def __init__(self, uploads: "Uploads", ticket: "UploadTicket", writer: PieceWriter) -> None:
        self._uploads = uploads
        self._ticket = ticket
        self._writer = writer

    @property
    def size(self) -> int:
        """How many bytes are to come."""
        return self._writer.size

    def write(self, piece: bytes) -> None:
        """Take in the next piece.

        Raises:
            InvalidRequest: more bytes come than were announced.
            StoreError: the disk does not take it.
        """
        with self._uploads.store.reading():
            self._writer.write(piece)

    def finish(self) -> str:
        """Let the file appear where it belongs; gives its tag, without quotation marks.

        Raises:
            InvalidRequest: fewer bytes came than were announced, or its name is taken.
            Conflict: the job has ended, or goes on in a later attempt.
            StoreError: the disk does not take it.
        """
        return self._uploads.finish_upload(self._ticket, self._writer)

    def abandon(self) -> None:
        """Leave nothing of it."""
        self._uploads.abandon_upload(self._ticket, self._writer)


class Uploads(ArrivedFiles, QuotaRules):
    """What is asked by whoever hands over files of a job."""

    @functools.cached_property
    def upload_limits(self) -> "UploadLimits":
        """How large uploaded files may be.

        Raises:
            InvalidRequest: a setting cannot be used.
        """
        from dendro_local.contract import UploadLimits

        folder = self.store.folder.root
        return UploadLimits(
            part_bytes=config.number_setting("part_bytes", folder),
            max_output_bytes=config.number_setting("max_output_bytes", folder),
            max_other_bytes=config.number_setting("max_other_bytes", folder),
        )

    def upload_place(
        self, job_id: JobId, key: str, request: "GetSignedUploadUrlRequest"
    ) -> UploadPlace:
        """Where to put a file of a job.

        Raises:
            JobNotFound: there is no such job.
            NotAllowed: the key is not the job's.
            InvalidRequest: the job has no such file, or it is too large.
            TooLarge: the user of a public hub may not have so many bytes.
            Conflict: the job is not running.
        """
        from dendro_local.contract import plan_upload

        with self.store.reading():
            stored = self._by_key(job_id, key)
            planned = plan_upload(
                request,
                stored.record.jobDefinition,
                others=stored.files.others,
                limits=self.upload_limits,
            )
            self._check_may_come(stored, planned.kind)
            if planned.kind not in LOG_FILES:
                self.check_may_store(stored.record.userId, planned.size)
        name = planned.file_base_name if planned.kind == "other" else planned.output_name
        tokens, upload_id = self._tickets.issue(
            job_id, stored.attempts, planned.kind, name, planned.size, planned.num_parts
        )
        url = _url(stored.record, planned.output_name, planned.file_base_name)
        return UploadPlace(url, tokens, upload_id)

    def begin_upload(self, token: str) -> IncomingFile:
        """Begin to take in what is sent to the URL with this token.

        Raises:
            NotAllowed: the token is not one of this hub, or has expired.
            JobNotFound: its job was deleted.
            Conflict: its job has ended, or goes on in a later attempt; or the file is just
                arriving.
            InvalidRequest: its name is taken.
            DiskFull: there is no room for it.
        """
        ticket = self._tickets.read(token)
        with self.store.reading():
            self._check_expected(ticket)
            self.store.folder.uploads.mkdir(exist_ok=True, mode=0o700)
            if shutil.disk_usage(self.store.folder.uploads).free < ticket.size:
                raise DiskFull(
                    f"{ticket.size:,} bytes are to be uploaded, and there is less room on the "
                    f"disk of the store {self.store.folder.root}. Free some."
                )
            if ticket.part:
                writer = self._parted.open_part(self._folder_of(ticket), ticket)
            else:
                file = self.store.folder.uploads / f"{_prefix(ticket)}.{random_token(8)}.whole"
                writer = PieceWriter(file, size=ticket.size, digest=hashlib.sha256())
        return IncomingFile(self, ticket, writer)

    def finish_upload(self, ticket: "UploadTicket", writer: PieceWriter) -> str:
        """See `IncomingFile.finish`."""
        with self.store.reading():
            try:
                writer.check_whole()
                if ticket.part:
                    return self._parted.end_part(self._folder_of(ticket), ticket, writer)
                if writer.digest is None:
                    raise RuntimeError("a whole file has its digest taken")
                digest = Digest(writer.digest.hexdigest())
                if ticket.kind in LOG_FILES:
                    self._take_log(ticket, writer.file, digest)
                else:
                    self._take_file(ticket, writer.file, digest)
            finally:
                self.abandon_upload(ticket, writer)
        return digest

    def abandon_upload(self, ticket: "UploadTicket", writer: PieceWriter) -> None:
        """See `IncomingFile.abandon`. What has its place already stays."""
        writer.close()
        if ticket.part:
            self._parted.drop_part(self._folder_of(ticket), ticket)
        else:
            writer.file.unlink(missing_ok=True)

    def finalize_upload(
        self,
        job_id: JobId,
        key: str,
        *,
        url: str,
        size: int,
        upload_id: str,
        tags: Mapping[int, str],
    ) -> None:
        """Put a file together that came in parts. Asked again, it does nothing.

        Args:
            job_id: the job.
            key: its key.
            url: the file's stable URL.
            size: of the whole file in bytes.
            upload_id: what its parts have in common.
            tags: that of each part, by number.

        Raises:
            JobNotFound: there is no such job.
            NotAllowed: the key is not the job's.
            Conflict: the job is not running.
            InvalidRequest: parts are missing, or belong to something else.
        """
        stored, name, folder = self._begun(job_id, key, url, size, upload_id)
        with self.store.reading(), self._parted.alone(folder):
            found = self._parted.whole(folder, size, tags)
            if found is None:
                there = self.stored(job_id).files.outputs.get(name)
                if there is not None and there.size == size and not folder.exists():
                    return  # the answer was lost, not the file
                raise InvalidRequest("Failed to finalize multipart upload")
            file, digest = found
            whole = self._tickets.of(job_id, stored.attempts, "output", name, size)
            self._take_file(whole, file, digest)
            self._parted.forget(folder)

    def cancel_upload(self, job_id: JobId, key: str, upload_id: str) -> None:
        """Forget the parts of a file that will not come any more.

        Raises:
            JobNotFound: there is no such job.
            NotAllowed: the key is not the job's.
        """
        with self.store.reading():
            stored = self._by_key(job_id, key)
            for folder in self.store.folder.uploads.glob(f"{job_id}.{stored.attempts}.*"):
                if folder.name.endswith(f".{upload_id}") and folder.is_dir():
                    self._parted.forget(folder)

    def clear_uploads(self) -> None:
        """Remove what is left of files that never came to their end, and of runs that ended.

        The logs of a run that was canceled are kept with its job before.
        """
        from dendro_local.local_hub import upload_clearing as clearing

        with self.store.reading():
            for path in clearing.left_uploads(self.store, young_sec=clearing.YOUNG_SEC):
                clearing.remove_upload(path, self._parted.forget)
            clearing.clear_left_runs(self.store, self._keep_left_logs, late_sec=LATE_LOG_SEC)

    # Places

    @functools.cached_property
    def _tickets(self) -> "UploadTickets":
        from dendro_local.local_hub.upload_tickets import UploadTickets

        return UploadTickets(self.store.key)

    @functools.cached_property
    def _parted(self) -> "PartedUploads":
        from dendro_local.local_hub.parted_uploads import PartedUploads

        return PartedUploads()

    def _folder_of(self, ticket: "UploadTicket") -> Path:
        return self.store.folder.uploads / f"{_prefix(ticket)}.{ticket.upload_id}"

    def _begun(
        self, job_id: JobId, key: str, url: str, size: int, upload_id: str
    ) -> tuple[StoredJob, str, Path]:
        """The job, the output and the folder of a file in parts."""
        with self.store.reading():
            stored = self._by_key(job_id, key)
            self._check_may_come(stored, "output")
        own = parse_file_url(url)
        name = "" if own is None else own.output_name
        is_its = any(
            output.name == name and url == _url(stored.record, name, output.fileBaseName)
            for output in stored.record.jobDefinition.outputFiles
        )
        if not is_its or not self._tickets.is_upload_of(
            upload_id, job_id, stored.attempts, name, size
        ):
            raise InvalidRequest("Failed to finalize multipart upload")
        folder = self.store.folder.uploads / f"{job_id}.{stored.attempts}.{upload_id}"
        return stored, name, folder


def _prefix(ticket: "UploadTicket") -> str:
    return f"{ticket.job_id}.{ticket.attempt}"


def _url(job: Job, output_name: str, base_name: str) -> str:
    definition = job.jobDefinition
    place = (job.serviceName, definition.appName, definition.processorName, job.jobId)
    return file_url(*place, output_name, base_name)
