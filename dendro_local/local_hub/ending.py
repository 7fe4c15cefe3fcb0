"""Ending jobs and removing them, with what follows for those that wait for them."""

import time
from collections.abc import Sequence

from dendro_local.errors import Conflict, NotAllowed
from dendro_local.file_urls import parse_blob_url
from dendro_local.lifecycle import TERMINAL, check_step
from dendro_local.local_hub.dependency_errors import dependency_ended, dependency_failed
from dendro_local.local_hub.permissions import Permissions
from dendro_local.local_hub.reading import Reading
from dendro_local.model import Digest, Job, JobId
from dendro_local.store import StoredJob

__all__ = ["Ending"]


class Ending(Reading, Permissions):
    """What ends jobs before they have run, and removes them."""

    def cancel(self, job_id: JobId) -> Job:
        """Fail a job that is not finished. Whoever runs it learns that its claim is lost.

        Raises:
            Conflict: it is finished.
        """
        with self.store.transaction():
            stored = self.stored(job_id)
            if stored.record.status in TERMINAL:
                raise Conflict(
                    f"Job {job_id} is {stored.record.status} already; there is nothing to cancel."
                )
            self.end_failed(stored, "canceled", canceled=True)
            return self.stored(job_id).record

    def delete(self, job_ids: Sequence[JobId]) -> None:
        """Remove jobs and the blobs that only they keep. What waits for them fails."""
        dropped: list[Digest] = []
        with self.store.transaction():
            gone = [self.stored(job_id) for job_id in dict.fromkeys(job_ids)]
            dropped += self._delete_all(gone)
        self.remove_blobs(dropped)

    def delete_for(self, user_id: str, job_ids: Sequence[JobId]) -> None:
        """As `delete`, if a user may; passes over jobs that are not there.

        Raises:
            NotAllowed: the user may not delete one of them; none was deleted.
        """
        dropped: list[Digest] = []
        with self.store.transaction():
            found = [self.store.jobs.by_id(job_id) for job_id in dict.fromkeys(job_ids)]
            gone = [stored for stored in found if stored is not None]
            for stored in gone:
                if not self.may_delete(user_id, stored.record):
                    raise NotAllowed(
                        "This user is not allowed to delete jobs for service "
                        f"{stored.record.serviceName}"
                    )
            dropped += self._delete_all(gone)
        self.remove_blobs(dropped)

    def end_failed(self, stored: StoredJob, error: str, *, canceled: bool = False) -> None:
        """Make a job failed, with what depends on it. Inside a transaction."""
        check_step(stored.record.jobId, stored.record.status, "failed")
        now = time.time()
        self.store.jobs.update(
            stored.number,
            status="failed",
            error=error,
            canceled=int(canceled),
            finished_at=now,
            claim_token=None,
        )
        record = stored.record
        words = (
            dependency_ended(record, "was canceled.")
            if canceled
            else dependency_failed(record, error)
        )
        self.fail_dependents(record, words, now)

    def _delete_all(self, gone: Sequence[StoredJob]) -> list[Digest]:
        """As `delete_stored`, of several, some of which may wait for others."""
        dropped: list[Digest] = []
        for stored in gone:
            # As it is by now: it has ended with the deletion of what it waited for.
            dropped += self.delete_stored(self.stored(stored.record.jobId))
        return dropped

    def delete_stored(self, stored: StoredJob) -> list[Digest]:
        """Remove a job's record; the digests of its files. Inside a transaction."""
        record = stored.record
        self.fail_dependents(record, dependency_ended(record, "was deleted."), time.time())
        if record.status not in TERMINAL:
            self.end_failed(stored, "deleted", canceled=True)
        self.store.jobs.delete(stored)
        self.remove_output_links(record.jobId)
        files = [file.digest for file in stored.files.all()]
        inputs = [parse_blob_url(url) for url in record.inputFileUrlList]
        return [digest for digest in (*files, *inputs) if digest is not None]

    def remove_blobs(self, digests: Sequence[Digest]) -> None:
        """Remove those of the blobs that no record needs.

        After the transaction that removed the records, so that a crash between the two leaves
        bytes too many, never too few; and in one of its own, since a job that completes with
        the same bytes at this moment looks for its blobs inside its own transaction.
        """
        if not digests:
            return
        with self.store.transaction():
            for digest in self.store.jobs.unreferenced(digests):
                self.store.blobs.remove(digest)
