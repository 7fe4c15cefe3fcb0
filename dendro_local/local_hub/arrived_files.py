"""What becomes of a file of a job that has come in whole.

An output is a blob from then on, which the job's record names; a log lies where the console of a
job that runs is read from. Each look at the job and what follows from it are in one transaction,
so that nothing comes in once the job has ended, other than the end of its logs.
"""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dendro_local.errors import Conflict, JobNotFound
from dendro_local.lifecycle import ACTIVE, TERMINAL
from dendro_local.local_hub.job_keys import JobKeys, is_contract_run
from dendro_local.model import Digest
from dendro_local.store import JobFiles, StoredFile, StoredJob

if TYPE_CHECKING:
    from dendro_local.local_hub.upload_tickets import UploadTicket

__all__ = ["ArrivedFiles", "LATE_LOG_SEC", "LOG_FILES"]

LATE_LOG_SEC = 300.0
"""How long after its end a job's logs may still be uploaded, by processes that outlive the app."""

LOG_FILES = {"consoleOutput": "console.txt", "resourceUtilizationLog": "usage.jsonl"}


class ArrivedFiles(JobKeys):
    """Which files a job takes, and where they go."""

    def _take_file(self, ticket: "UploadTicket", file: Path, digest: Digest) -> None:
        """Let a job have an output or an additional file."""
        from dendro_local.contract import check_other_is_new

        with self._adopting() as adopted:
            adopted[digest] = file
            self.store.blobs.restore(digest, file)
            with self.store.transaction():
                stored = self._check_expected(ticket)
                self._restore(adopted)
                files = stored.files
                taken = StoredFile(digest, ticket.size)
                if ticket.kind == "output":
                    earlier = files.outputs.get(ticket.name)
                    files = replace(files, outputs={**files.outputs, ticket.name: taken})
                else:
                    check_other_is_new(ticket.name, files.others)
                    earlier = None
                    files = replace(files, others={**files.others, ticket.name: taken})
                dropped = self._replace_files(stored, files, earlier)
        self.remove_blobs(dropped)

    def _take_log(self, ticket: "UploadTicket", file: Path, digest: Digest) -> None:
        """Let what a job prints or uses be read."""
        with self._adopting() as adopted:
            dropped: list[Digest] = []
            with self.store.transaction():
                stored = self._check_expected(ticket)
                if stored.record.status in ACTIVE:
                    folder = self.store.folder.job_folder(stored.record.jobId, stored.attempts)
                    folder.mkdir(parents=True, exist_ok=True)
                    os.replace(file, folder / LOG_FILES[ticket.kind])  # noqa: PTH105 - over another
                    return
                kept = None
                if ticket.size:
                    adopted[digest] = file
                    self._restore(adopted)
                    kept = StoredFile(digest, ticket.size)
                files = stored.files
                if ticket.kind == "consoleOutput":
                    earlier, files = files.console, replace(files, console=kept)
                else:
                    earlier, files = files.usage, replace(files, usage=kept)
                dropped = self._replace_files(stored, files, earlier)
        self.remove_blobs(dropped)

    def _replace_files(
        self, stored: StoredJob, files: JobFiles, earlier: StoredFile | None
    ) -> list[Digest]:
        """Record a job's files, one of them for an earlier one; that one's digest.

        Inside a transaction.
        """
        self.store.jobs.update(stored.number, files=files)
        if earlier is None or earlier.digest is None:
            return []
        if earlier.digest not in [each.digest for each in files.all()]:
            self.store.job_offers.let_go(stored.number, [earlier])
        return [earlier.digest]

    def _keep_left_logs(self, stored: StoredJob, folder: Path) -> None:
        """Keep the logs of a run that ended without whoever ran it."""
        with self._adopting() as adopted:
            console = self._keep_log(folder / "console.txt", adopted)
            usage = self._keep_log(folder / "usage.jsonl", adopted)
            with self.store.transaction():
                current = self.stored(stored.record.jobId)
                if current.attempts != stored.attempts or current.record.status in ACTIVE:
                    raise Conflict(f"Job {stored.record.jobId} is run again.")
                self._restore(adopted)
                files = replace(
                    current.files,
                    console=current.files.console or console,
                    usage=current.files.usage or usage,
                )
                if files != current.files:
                    self.store.jobs.update(current.number, files=files)

    def _check_expected(self, ticket: "UploadTicket") -> StoredJob:
        """The job of an upload, if the file may still come."""
        from dendro_local.contract import check_other_is_new

        stored = self.store.jobs.by_id(ticket.job_id)
        if stored is None:
            raise JobNotFound("The job of this upload was deleted.")
        if stored.attempts != ticket.attempt:
            raise Conflict("The job of this upload was given to another compute client.")
        self._check_may_come(stored, ticket.kind)
        self._note_heard(stored)
        if ticket.kind == "other":
            check_other_is_new(ticket.name, stored.files.others)
        return stored

    def _check_may_come(self, stored: StoredJob, kind: str) -> None:
        """Refuse a file that a job does not take now."""
        status = stored.record.status
        if kind in LOG_FILES and status in TERMINAL:
            ended_at = stored.record.timestampFinishedSec or 0
            may_come = time.time() - ended_at < LATE_LOG_SEC and self._was_contract_run(stored)
        elif kind in LOG_FILES:
            may_come = status in ACTIVE and is_contract_run(stored)
        else:
            may_come = status == "running" and is_contract_run(stored)
        if not may_come:
            raise Conflict("Job is not running")

    def _was_contract_run(self, stored: StoredJob) -> bool:
        """Whether it can have been run by whoever has the job's key: not by this machine's own."""
        client_id = stored.record.computeClientId
        if client_id is None or stored.attempts == 0:
            return False
        found = self.store.registered_clients.get(client_id)
        return found is None or found.key_hash is not None
