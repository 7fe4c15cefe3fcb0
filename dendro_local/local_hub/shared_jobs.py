"""What other stores are told: finished jobs, the apps that they need, and deletions, all signed.

This store signs what it ran and what it deleted. What came from elsewhere keeps the signatures
that it came with.
"""

import functools
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from dendro_local.model import JobId
from dendro_local.signed_records import (
    AppEntry,
    DeletedJob,
    Entry,
    GoneEntry,
    JobEntry,
    SharedApp,
    Signature,
    SigningKey,
    statement_of_app,
    statement_of_deletion,
    statement_of_job,
)
from dendro_local.store import RegisteredApp, Store
from dendro_local.store.sharing import SharedDeletion, SharedJob

__all__ = ["SharedChange", "SharedJobs"]

MOST_FOUND = 5


class SharedChange(NamedTuple):
    """An entry, with its place in this store's feed and where its job came from."""

    feed_number: int
    entry: Entry
    job_id: JobId
    job: SharedJob | None
    origin: str | None


class SharedJobs:
    """What is told of this store's jobs.

    Args:
        store: whose.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    @functools.cached_property
    def signing_key(self) -> SigningKey:
        """The key with which this store signs. Its public half may be told to everybody."""
        return SigningKey(self.store.key.derive("sign records"))

    def shared_changes(
        self, after: int, conditions: Mapping[str, Any], limit: int
    ) -> list[SharedChange]:
        """What changed after a number of the feed.

        Args:
            after: the number.
            conditions: see `dendro_local.store.shared_jobs.SharedJobTable.changed`.
            limit: at most so many.
        """
        with self.store.reading():
            found = self.store.sharing.shared_jobs.changed(after, conditions, limit)
        self._sign([each for each in found if isinstance(each, SharedJob)])
        return [
            SharedChange(each.feed_number, self._entry(each), each.record.jobId, each, each.origin)
            if isinstance(each, SharedJob)
            else SharedChange(each.feed_number, self._gone(each), each.job_id, None, each.origin)
            for each in found
        ]

    def shared_entries(self, job_ids: Sequence[JobId]) -> list[JobEntry]:
        """Those of the jobs that are here and have ended, in the order in which they are named."""
        return [entry for _, entry in self.shared_jobs_of(job_ids)]

    def shared_jobs_of(self, job_ids: Sequence[JobId]) -> list[tuple[SharedJob, JobEntry]]:
        """As `shared_entries`, each with the job that it is of."""
        with self.store.reading():
            jobs = list(self.store.sharing.shared_jobs.digests_asked(job_ids))
        self._sign(jobs)
        return [(job, self._entry(job)) for job in jobs]

    def shared_find(
        self, service: str, definition_hash: str, content_key: str | None = None
    ) -> list[JobEntry]:
        """The newest finished jobs of a definition; where there is none, of a content key."""
        with self.store.reading():
            table = self.store.sharing.shared_jobs
            jobs = table.by_hash(service, definition_hash, MOST_FOUND)
            if not jobs and content_key is not None:
                jobs = table.by_content(service, content_key, MOST_FOUND)
        self._sign(jobs)
        return [self._entry(job) for job in jobs]

    def shared_apps(self, service: str | None = None) -> list[AppEntry]:
        """The apps of a service, or all."""
        with self.store.reading():
            apps = self.store.services.apps(service=service)
        return [self._app(app) for app in apps]

    def apps_state(self, service: str | None = None) -> str:
        """Changes when an app does, of a service or any."""
        with self.store.reading():
            apps = self.store.services.apps(service=service)
        return sha256(msgspec.json.encode([_shared_app(app) for app in apps])).hexdigest()[:16]

    def statement_of(self, job_id: JobId) -> tuple[bytes, list[Signature]] | None:
        """What is signed of a job, with its signatures; None if it is not here or not finished."""
        with self.store.reading():
            job = self.store.sharing.shared_jobs.by_id(job_id)
        if job is None:
            return None
        self._sign([job])
        return statement_of_job(job.record), _signatures(job)

    def _entry(self, job: SharedJob) -> JobEntry:
        return JobEntry(
            statement=msgspec.Raw(statement_of_job(job.record)),
            signatures=_signatures(job),
            tags=job.tags,
            updatedSec=job.updated_at,
        )

    def _sign(self, jobs: Sequence[SharedJob]) -> None:
        """Sign what is of this store and has not been asked for before."""
        key = self.signing_key
        new: list[tuple[SharedJob, bytes]] = []
        for job in jobs:
            if job.origin is None and not job.signatures:
                signature = key.sign(statement_of_job(job.record))
                job.signatures.append((key.public.key_id, signature))
                new.append((job, signature))
        if new:
            with self.store.transaction(quietly=True):
                # Some may have been deleted since, or have got their logs.
                self.store.sharing.origins.add_signatures(
                    (job.number, key.public.key_id, signature)
                    for job, signature in new
                    if self.store.jobs.is_unchanged(job.number, job.feed_number)
                )

    def _gone(self, deletion: SharedDeletion) -> GoneEntry:
        statement = statement_of_deletion(
            DeletedJob(
                jobId=deletion.job_id,
                serviceName=deletion.service_name,
                deletedSec=deletion.deleted_at,
            )
        )
        return GoneEntry(statement=msgspec.Raw(statement), signatures=[self._signature(statement)])

    def _app(self, app: RegisteredApp) -> AppEntry:
        statement = statement_of_app(_shared_app(app))
        return AppEntry(statement=msgspec.Raw(statement), signatures=[self._signature(statement)])

    def _signature(self, statement: bytes) -> Signature:
        key = self.signing_key
        return Signature.of(key.public.key_id, key.sign(statement))


def _signatures(job: SharedJob) -> list[Signature]:
    return [Signature.of(key_id, raw) for key_id, raw in job.signatures]


def _shared_app(app: RegisteredApp) -> SharedApp:
    record = app.record
    uri = record.appSpecificationUri
    return SharedApp(
        serviceName=record.serviceName,
        appName=record.appName,
        # A path of this machine is nobody's business.
        appSpecificationUri=uri if uri.startswith(("https://", "http://")) else "",
        appSpecificationCommit=record.appSpecificationCommit,
        appSpecification=record.appSpecification,
        version=app.version,
        sdk=app.sdk,
    )
