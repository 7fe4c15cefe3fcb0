"""Jobs on their way in: their files are fetched, then they are recorded, many at once."""

from collections.abc import Iterable, Sequence

from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.arriving_jobs import Judged, JudgedDeletion, JudgedJob, Taken, conflict
from dendro_local.local_hub.trust import Refused
from dendro_local.model import Digest, JobId
from dendro_sync.incoming_inputs import IncomingInputs
from dendro_sync.options import PullOptions
from dendro_sync.progress import Tracker
from dendro_sync.remotes.remote import Remote
from dendro_sync.transfers import Fetched, Transfers

__all__ = ["Incoming"]


class Incoming:
    """Takes what one pull brings. To be closed.

    Args:
        hub: into whose store.
        remote: from where.
        origin: what jobs that came are said to be from.
        awaited_from: the name under which the remote can be asked for files later; None for never.
        options: what is pulled.
        tracker: is told of bytes; its report is filled.
    """

    def __init__(
        self,
        hub: LocalHub,
        remote: Remote,
        *,
        origin: str,
        awaited_from: str | None,
        options: PullOptions,
        tracker: Tracker,
    ) -> None:
        self._hub = hub
        self._remote = remote
        self._origin = origin
        self._awaited_from = awaited_from
        self._options = options
        self._report = tracker.report
        self._transfers = Transfers(hub, tracker)
        self._awaited: set[Digest] = set()
        self._apps: set[tuple[str, str]] = set()
        self._inputs = IncomingInputs(hub, remote, options, tracker.report)

    def close(self) -> None:
        """Stop what is under way, and wait for its end."""
        self._transfers.close()

    def take_jobs(self, jobs: Sequence[JudgedJob], refused: list[Refused]) -> None:
        """Have jobs here, parents before children; adds to what is refused."""
        self._inputs.note(each.record for each in jobs)
        wanted = self._lacking_outputs(jobs) if self._options.outputs == "eager" else {}
        if self._options.is_dry_run:
            self._report.files += len(wanted)
            self._report.bytes += sum(wanted.values())
        if self._options.is_dry_run or not wanted:
            self._record(jobs, Fetched(), refused)
            return
        with self._transfers.fetched(self._remote, wanted) as fetched:
            whole = [each for each in jobs if not _has_failed(each, fetched, refused)]
            taken = self._record(whole, fetched, refused)
        if fetched.files and (fetched.failed or taken.refused):
            self._hub.remove_blobs(list(fetched.files))

    def take_inputs(self) -> None:
        """Have the inputs of the jobs here that were brought, or came from there before."""
        self._inputs.take(self._awaited_from, self._transfers)

    def take_others(self, others: Sequence[Judged], refused: list[Refused]) -> None:
        """Take apps and deletions."""
        if self._options.is_dry_run:
            gone = [each.deleted.jobId for each in others if isinstance(each, JudgedDeletion)]
            self._report.deleted += len(self.are_here(gone))
        elif others:
            self._count(self._hub.arriving.take(others, origin=self._origin), refused)

    def are_here(self, job_ids: Iterable[JobId]) -> set[JobId]:
        """Those of the jobs that are here, whatever their status."""
        with self._hub.store.reading():
            return set(self._hub.store.sharing.arrivals.numbers(list(job_ids)))

    def _lacking_outputs(self, jobs: Sequence[JudgedJob]) -> dict[Digest, int]:
        """The files that jobs left which are not here, and are not too large."""
        limit = self._options.max_size
        has = self._hub.store.blobs.has
        return {
            digest: size
            for each in jobs
            for digest, size in each.blobs().items()
            if not has(digest) and (limit is None or size <= limit)
        }

    def _record(self, jobs: Sequence[JudgedJob], fetched: Fetched, refused: list[Refused]) -> Taken:
        """Have jobs in the store."""
        awaits = self._options.outputs == "lazy" or self._options.max_size is not None
        self._count_awaited(jobs if awaits and self._awaited_from is not None else ())
        if self._options.is_dry_run:
            return self._count(self._would_take(jobs), refused)
        if not jobs:
            return Taken()
        taken = self._hub.arriving.take(
            jobs,
            origin=self._origin,
            awaited_from=self._awaited_from if awaits else None,
            adopted=fetched.files,
        )
        self._apps |= {(each.record.serviceName, _app_of(each)) for each in jobs}
        return self._count(taken, refused)

    def tell_unknown_apps(self) -> None:
        """Tell of which apps jobs have come that no app here can find."""
        with self._hub.store.reading():
            for service, app in sorted(self._apps):
                if self._hub.store.services.app(service, app) is None:
                    self._report.unknown_apps.append(f"{service}/{app}")

    def _count_awaited(self, jobs: Sequence[JudgedJob]) -> None:
        has = self._hub.store.blobs.has
        limit = self._options.max_size
        for each in jobs:
            sizes = {
                digest: size
                for digest, size in each.blobs().items()
                if digest not in self._awaited and not has(digest)
            }
            if self._options.outputs == "eager":
                sizes = {
                    digest: size
                    for digest, size in sizes.items()
                    if limit is not None and size > limit
                }
            self._awaited |= sizes.keys()
            self._report.awaited_files += len(sizes)
            self._report.awaited_bytes += sum(sizes.values())

    def _would_take(self, jobs: Sequence[JudgedJob]) -> Taken:
        known = self._hub.arriving.known_digests([each.record.jobId for each in jobs])
        taken = Taken()
        for each in jobs:
            job_id = each.record.jobId
            if job_id not in known:
                taken.new.append(job_id)
            elif known[job_id] == each.digest:
                taken.known.append(job_id)
            else:
                taken.refused.append(conflict(job_id, known[job_id], each.digest))
        return taken

    def _count(self, taken: Taken, refused: list[Refused]) -> Taken:
        report = self._report
        report.new += len(taken.new)
        report.known += len(taken.known)
        report.tagged += len(taken.tagged)
        report.deleted += len(taken.deleted)
        report.kept_deleted += len(taken.kept_deleted)
        report.apps += len(taken.apps)
        refused += taken.refused
        return taken


def _app_of(job: JudgedJob) -> str:
    return job.record.jobDefinition.appName


def _has_failed(job: JudgedJob, fetched: Fetched, refused: list[Refused]) -> bool:
    """Whether a file that a job left could not be had; says so."""
    faults = [fetched.failed[digest] for digest in job.blobs() if digest in fetched.failed]
    if faults:
        refused.append(Refused(faults[0].code, faults[0].reason, job.record.jobId))
    return bool(faults)
