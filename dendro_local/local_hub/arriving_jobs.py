"""Taking in what other stores tell: looked at entry by entry, then recorded together.

`judge` verifies an entry and changes nothing. What it lets through may have its files fetched, and
is then recorded by `take`, many at once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from dendro_local.errors import DendroError, InvalidRequest
from dendro_local.file_urls import is_path_part
from dendro_local.local_hub.app_registration import registered_app
from dendro_local.local_hub.record_check import check_record, check_tags
from dendro_local.local_hub.submitting import Submitting
from dendro_local.local_hub.trust import Refused, TrustPolicy, trusted_signer
from dendro_local.model import Digest, JobId, Service
from dendro_local.signed_records import (
    AppEntry,
    DeletedJob,
    Entry,
    JobEntry,
    JobRecord,
    PublicKey,
    SharedApp,
    Signature,
    read_app,
    read_deletion,
    read_job,
    statement_digest,
    statement_of_job,
)
from dendro_local.store import RegisteredApp
from dendro_local.store.sharing import Arrival

__all__ = [
    "ArrivingJobs",
    "Judged",
    "JudgedApp",
    "JudgedDeletion",
    "JudgedJob",
    "Taken",
    "conflict",
    "same_outputs",
]

_NO_FILES: Mapping[Digest, Path] = {}


class JudgedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that may be taken."""

    record: JobRecord
    digest: str
    """SHA-256 of its statement."""
    tags: Sequence[str]
    updated_at: float
    signatures: Sequence[Signature]
    key_id: str | None
    """Of the trusted key that signed it; None where unsigned jobs are allowed."""

    def blobs(self) -> dict[Digest, int]:
        """The files that it left, with their sizes in bytes."""
        return {
            file.digest: file.size or 0
            for file in self.record.files.all()
            if file.digest is not None
        }


class JudgedApp(msgspec.Struct, frozen=True, kw_only=True):
    """An app that may be registered by its spec."""

    app: SharedApp


class JudgedDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """A deletion by the holder of a key, or of somebody where unsigned entries are allowed."""

    deleted: DeletedJob
    key_id: str | None


Judged: TypeAlias = JudgedJob | JudgedApp | JudgedDeletion


class Taken(msgspec.Struct, kw_only=True):
    """What became of entries."""

    new: list[JobId] = []
    known: list[JobId] = []
    """What was here already."""
    tagged: list[JobId] = []
    """What was here already and has got more tags."""
    deleted: list[JobId] = []
    kept_deleted: list[JobId] = []
    """Jobs of this store that were deleted here, and are not taken again."""
    apps: list[str] = []
    refused: list[Refused] = []


class ArrivingJobs:
    """The way in for jobs of other stores.

    Args:
        hub: whose store they come to.
    """

    def __init__(self, hub: Submitting) -> None:
        self._hub = hub
        self.store = hub.store

    def judge(self, entry: Entry, policy: TrustPolicy, sender: PublicKey | None = None) -> Judged:
        """What an entry says, verified by itself; nothing is recorded.

        Args:
            entry: as it came.
            policy: what is believed of where it came from.
            sender: a trusted key that signed the whole batch, see `trusted_signer`.

        Raises:
            Refused: it is not believed, or not whole.
        """
        statement = bytes(entry.statement)
        try:
            if isinstance(entry, JobEntry):
                return self._judge_job(statement, entry, policy, sender)
            if isinstance(entry, AppEntry):
                app = read_app(statement)
                trusted_signer(statement, entry.signatures, policy, sender)
                return JudgedApp(app=app)
            deleted = read_deletion(statement)
            key_id = trusted_signer(statement, entry.signatures, policy, sender)
            return JudgedDeletion(deleted=deleted, key_id=key_id)
        except InvalidRequest as error:
            raise Refused("structure", str(error)) from error

    def _judge_job(
        self, statement: bytes, entry: JobEntry, policy: TrustPolicy, sender: PublicKey | None
    ) -> JudgedJob:
        record = read_job(statement)
        try:
            key_id = trusted_signer(statement, entry.signatures, policy, sender)
        except Refused as refused:
            raise Refused(
                refused.code, refused.reason, record.jobId, key_id=refused.key_id
            ) from None
        check_record(record)
        check_tags(record, entry.tags)
        return JudgedJob(
            record=record,
            digest=statement_digest(statement),
            tags=entry.tags,
            updated_at=entry.updatedSec,
            signatures=entry.signatures,
            key_id=key_id,
        )

    def known_digests(self, job_ids: Collection[JobId]) -> dict[JobId, str | None]:
        """Those of the jobs that are here: SHA-256 of their statements; None of unfinished ones."""
        found: dict[JobId, str | None] = {}
        with self.store.reading():
            sharing = self.store.sharing
            for job_id in sharing.arrivals.numbers(list(job_ids)):
                job = sharing.shared_jobs.by_id(job_id)
                found[job_id] = (
                    None if job is None else statement_digest(statement_of_job(job.record))
                )
        return found

    def signers_of_equal(self, record: JobRecord) -> set[str]:
        """Ids of trusted keys whose jobs here are of the same definition and gave the same.

        This store's own jobs count for its own key.
        """
        with self.store.reading():
            sharing = self.store.sharing
            trusted = {key.key_id for key in sharing.trusted_keys.all()}
            found: set[str] = set()
            for job in sharing.shared_jobs.by_hash(
                record.serviceName, record.jobDefinitionHash, 100
            ):
                if same_outputs(job.record, record):
                    if job.origin is None:
                        found.add("")
                    found |= trusted & {key_id for key_id, _ in job.signatures}
        return found

    def take(
        self,
        judged: Sequence[Judged],
        *,
        origin: str,
        awaited_from: str | None = None,
        adopted: Mapping[Digest, Path] = _NO_FILES,
        may_take: Callable[[str], bool] = lambda _: True,
        may_add_apps: Callable[[str], bool] = lambda _: True,
    ) -> Taken:
        """Record what was judged: all of it that can be, in one transaction.

        Args:
            judged: parents before children.
            origin: the name of a remote, or ``user:`` and the id of who pushes.
            awaited_from: a remote from which files that are not here can be fetched later. Without
                one, such files are given up.
            adopted: files that were named blobs for these jobs, and stay until this is done.
            may_take: whether jobs of a service of this name may be taken, and the records of apps
                by which these are found.
            may_add_apps: whether apps of a service of this name may be registered as they are.
                Otherwise nothing can be run by what is registered: it names no image.
        """
        taken = Taken()
        dropped: list[Digest] = []
        with self.store.transaction():
            jobs = [each for each in judged if isinstance(each, JudgedJob)]
            for digest, file in adopted.items():
                self.store.blobs.restore(digest, file)
            self.store.sharing.awaited_blobs.drop(adopted)
            self._take_jobs(jobs, taken, origin, may_take, gives_up=awaited_from is None)
            self._note_blobs(jobs, taken, awaited_from, adopted)
            for each in judged:
                if isinstance(each, JudgedApp):
                    if may_add_apps(each.app.serviceName):
                        self._take_app(each.app, taken, is_for_finding=False)
                    elif may_take(each.app.serviceName):
                        self._take_app(each.app, taken, is_for_finding=True)
                    else:
                        taken.refused.append(_app_not_allowed(each.app))
                elif isinstance(each, JudgedDeletion):
                    dropped += self._take_deletion(each, taken, origin)
        self._hub.remove_blobs(dropped)
        return taken

    def _take_jobs(
        self,
        jobs: Sequence[JudgedJob],
        taken: Taken,
        origin: str,
        may_take: Callable[[str], bool],
        *,
        gives_up: bool,
    ) -> None:
        ids = [each.record.jobId for each in jobs]
        known = self.known_digests(ids)
        deleted = self.store.sharing.origins.was_deleted_here(ids)
        arrivals: dict[JobId, Arrival] = {}
        digests: dict[JobId, str | None] = dict(known)
        for each in jobs:
            job_id = each.record.jobId
            if job_id in digests and digests[job_id] != each.digest:
                taken.refused.append(conflict(job_id, digests[job_id], each.digest))
            elif job_id in known:
                self._merge(each, taken)
            elif job_id in arrivals:
                taken.known.append(job_id)
            elif job_id in deleted:
                taken.kept_deleted.append(job_id)
            elif not may_take(each.record.serviceName):
                taken.refused.append(
                    Refused(
                        "not_allowed",
                        f"Jobs of service {each.record.serviceName} may not be pushed here by "
                        "this user: it must exist, and let the user process jobs.",
                        job_id,
                    )
                )
            else:
                digests[job_id] = each.digest
                given_up = self._absent(each.blobs()) if gives_up else ()
                arrivals[job_id] = _arrival(each, origin, given_up)
                taken.new.append(job_id)
        self.store.sharing.arrivals.put(list(arrivals.values()))

    def _merge(self, judged: JudgedJob, taken: Taken) -> None:
        """Add to a job that is here what came with it: tags, signatures."""
        stored = self._hub.stored(judged.record.jobId)
        sharing = self.store.sharing
        origin = sharing.origins.of(stored.number)
        sharing.origins.add_signatures(
            (stored.number, each.keyid, each.raw()) for each in judged.signatures
        )
        if origin is not None and judged.key_id is not None and not origin.is_verified:
            sharing.origins.set_verified(stored.number, judged.key_id)
        tags = list(dict.fromkeys([*stored.record.tags, *judged.tags]))
        if len(tags) > len(stored.record.tags):
            self.store.jobs.update(stored.number, tags=tags)
            taken.tagged.append(judged.record.jobId)
        else:
            taken.known.append(judged.record.jobId)

    def _note_blobs(
        self,
        jobs: Sequence[JudgedJob],
        taken: Taken,
        awaited_from: str | None,
        adopted: Mapping[Digest, Path],
    ) -> None:
        """Note of the files of jobs which are to come, and which have come now."""
        new = set(taken.new)
        known = {*taken.known, *taken.tagged}
        awaited: dict[Digest, int] = {}
        for each in jobs:
            job_id = each.record.jobId
            if job_id not in known and (job_id not in new or awaited_from is None):
                continue
            blobs = each.blobs()
            absent = [] if awaited_from is None else self._absent(blobs)
            awaited.update((digest, blobs[digest]) for digest in absent)
            if job_id in known:
                self._hold(job_id, {*absent, *(blobs.keys() & adopted.keys())})
                self._hold_what_came(job_id)
        if awaited_from is not None:
            self.store.sharing.awaited_blobs.add(awaited_from, awaited.items())

    def _absent(self, digests: Iterable[Digest]) -> list[Digest]:
        return [digest for digest in digests if not self.store.blobs.has(digest)]

    def _hold_what_came(self, job_id: JobId) -> None:
        """Let a job hold those of its files that were given up and are here by now."""
        given_up = self.store.upkeep.holders.given_up_by(self._hub.stored(job_id).number)
        self._hold(job_id, [digest for digest in given_up if self.store.blobs.has(digest)])

    def _hold(self, job_id: JobId, digests: Collection[Digest]) -> None:
        """Let a job hold files that it had to do without."""
        for digest in digests:
            self.store.upkeep.holders.hold(self._hub.stored(job_id).number, digest)

    def _take_app(self, app: SharedApp, taken: Taken, *, is_for_finding: bool) -> None:
        """Register an app by its spec, unless the user has put one of their own in its place.

        One that is only for finding its jobs names no image, and takes the place of such a one
        alone.
        """
        if not is_path_part(app.serviceName):
            return
        there = self.store.services.app(app.serviceName, app.appName)
        if is_for_finding:
            if there is not None and not _is_for_finding(there):
                return
            app = _for_finding(app)
        if there is not None and (
            there.source is not None
            or there.version == app.version
            or there.record.appSpecificationUri != app.appSpecificationUri
        ):
            return
        try:
            registered = registered_app(
                app.appSpecification,
                app.serviceName,
                uri=app.appSpecificationUri,
                commit=app.appSpecificationCommit,
            )
        except DendroError as error:
            taken.refused.append(Refused("structure", str(error)))
            return
        if registered.record.appName != app.appName:
            taken.refused.append(Refused("structure", f"An app is not called {app.appName!r}."))
            return
        if self.store.services.get(app.serviceName) is None:
            self.store.services.put(
                Service(serviceName=app.serviceName, userId=self._hub.user_id, users=[])
            )
        self.store.services.put_app(replace(registered, version=app.version))
        taken.apps.append(app.appName)

    def _take_deletion(self, judged: JudgedDeletion, taken: Taken, origin: str) -> list[Digest]:
        stored = self.store.jobs.by_id(judged.deleted.jobId)
        if stored is None:
            return []
        origins = self.store.sharing.origins
        came_from = origins.of(stored.number)
        if came_from is None:
            return []  # it is of this store
        signers = {key_id for key_id, _ in origins.signatures(stored.number)}
        if came_from.origin != origin and judged.key_id not in signers:
            return []
        taken.deleted.append(judged.deleted.jobId)
        return self._hub.delete_stored(stored)


def _for_finding(app: SharedApp) -> SharedApp:
    """An app by which nothing can be run: its processors name no image."""
    specification = app.appSpecification
    processors = [replace(each, image="", executable="") for each in specification.processors]
    return replace(
        app,
        appSpecificationUri="",
        appSpecification=replace(specification, processors=processors),
    )


def _is_for_finding(app: RegisteredApp) -> bool:
    record = app.record
    return (
        app.source is None
        and not record.appSpecificationUri
        and not any(each.image for each in record.appSpecification.processors)
    )


def _app_not_allowed(app: SharedApp) -> Refused:
    return Refused(
        "not_allowed",
        f"App {app.appName} of service {app.serviceName} may not be pushed here by this user: the "
        "service must exist, and let the user process jobs.",
    )


def _arrival(judged: JudgedJob, origin: str, given_up: Collection[Digest]) -> Arrival:
    return Arrival(
        record=judged.record,
        tags=judged.tags,
        updated_at=judged.updated_at or judged.record.timestampFinishedSec or 0.0,
        content_key=judged.record.contentKey,
        origin=origin,
        key_id=judged.key_id,
        is_verified=judged.key_id is not None,
        signatures=[(each.keyid, each.raw()) for each in judged.signatures],
        given_up=given_up,
    )


def same_outputs(one: JobRecord, other: JobRecord) -> bool:
    """Whether two jobs of one definition were done by the same code and gave the same bytes."""

    def digests(record: JobRecord) -> Mapping[str, object]:
        return {name: file.digest or file.url for name, file in record.files.outputs.items()}

    return (
        one.status == other.status == "completed"
        and one.appVersion == other.appVersion
        and digests(one) == digests(other)
    )


def conflict(job_id: JobId, here: str | None, came: str) -> Refused:
    """The refusal of a job where another of its id is, by SHA-256 of their statements.

    ``here`` is None for a job that is not finished.
    """
    if here is None:
        return Refused("conflict", "A job of this id is here, and not finished.", job_id)
    return Refused(
        "conflict",
        f"Another job of this id is here. Nothing was merged. SHA-256 of the two records: {here} "
        f"here, {came} there.",
        job_id,
        (here, came),
    )
