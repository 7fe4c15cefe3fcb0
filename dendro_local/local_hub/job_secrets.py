"""Secrets of jobs: sealed when they come, read for the job's own run alone, gone when it ends."""

from collections.abc import Sequence

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.local_hub.parts import Part
from dendro_local.model import Job, JobId, Secret
from dendro_local.store import StoredJob

__all__ = ["JobSecrets", "check_secrets"]

MAX_SECRETS_BYTES = 65_536
"""All secrets of a job together."""


class JobSecrets(Part):
    """What is kept and asked of secrets."""

    def keep_secrets(self, stored: StoredJob, secrets: Sequence[Secret]) -> None:
        """Keep the secrets of a job that was just recorded. Inside a transaction."""
        names = [secret.name for secret in secrets]
        plain = msgspec.json.encode(list(secrets))
        sealed = self.store.key.seal(plain, _purpose(stored.record))
        self.store.job_secrets.put(stored.number, names, sealed)

    def secrets_of(self, stored: StoredJob) -> list[Secret]:
        """The secrets of a job for its run; none once it has ended.

        Raises:
            StoreDamaged: the store's key is not the one with which they were sealed.
        """
        found = self.store.job_secrets.get(stored.number)
        if found is None or found.sealed is None:
            return []
        plain = self.store.key.unseal(found.sealed, _purpose(stored.record))
        return msgspec.json.decode(plain, type=list[Secret])

    def note_lost_secrets(self, again: JobId, earlier: StoredJob) -> None:
        """Say of a job which secrets of the earlier one it runs without, if so."""
        with self.store.reading():
            found = self.store.job_secrets.get(earlier.number)
            if found is None or self.store.job_secrets.get(self.stored(again).number) is not None:
                return
        names = ", ".join(found.names)
        lost = (
            f"It runs without the secrets that job {earlier.record.jobId} had ({names}): they are "
            "for its own user, and gone when that job ends. Where they are needed, submit it "
            "again with them."
        )
        with self.store.transaction():
            stored = self.stored(again)
            note = lost if stored.note is None else f"{stored.note} {lost}"
            self.store.jobs.update(stored.number, note=note)


def check_secrets(secrets: Sequence[Secret]) -> None:
    """Refuse secrets that no job can have.

    Raises:
        InvalidRequest: says which and why, without its value.
    """
    if not secrets:
        return
    names = [secret.name for secret in secrets]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise InvalidRequest(f"There are two secrets named {repeated[0]!r}. Give each name once.")
    size = sum(len(each.name.encode()) + len(each.value.encode()) for each in secrets)
    if size > MAX_SECRETS_BYTES:
        raise InvalidRequest(
            f"The secrets have {size:,} bytes; a job can have {MAX_SECRETS_BYTES:,}. Give larger "
            "data as an input file."
        )


def _purpose(job: Job) -> str:
    return f"secrets of job {job.jobId}"
