"""Jobs on their way out, and the files that go before them."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from dendro_local.errors import DendroError, StoreError
from dendro_local.file_urls import parse_blob_url
from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest, JobId
from dendro_local.signed_records import JobEntry, JobRecord
from dendro_local.store.sharing import AwaitedBlob, SharedJob
from dendro_sync.input_files import local_input
from dendro_sync.options import PushOptions
from dendro_sync.plan import portions
from dendro_sync.progress import Tracker
from dendro_sync.remotes.remote import Remote, SendsUnasked
from dendro_sync.transfers import Transfers

__all__ = ["Outgoing", "OutgoingFiles"]

logger = logging.getLogger(__name__)

MOST_BLOBS_ASKED = 5000


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A job that may be sent."""

    entry: JobEntry
    job: SharedJob

    @property
    def record(self) -> JobRecord:
        """Its record."""
        return self.job.record

    def blobs(self) -> dict[Digest, int]:
        """The files that it left, with their sizes in bytes."""
        files = self.job.record.files.all()
        return {file.digest: file.size or 0 for file in files if file.digest is not None}


class OutgoingFiles:
    """The files of jobs that are pushed.

    Args:
        hub: from whose store.
        remote: to where.
        options: what is pushed.
        open_other: opens another remote by name, for files that are still to be fetched from it.
        transfers: moves them.
        tracker: is told of bytes; its report of jobs that are left out.
    """

    def __init__(
        self,
        hub: LocalHub,
        remote: Remote,
        options: PushOptions,
        open_other: Callable[[str], Remote],
        transfers: Transfers,
        tracker: Tracker,
    ) -> None:
        self._hub = hub
        self._store = hub.store
        self._remote = remote
        self._options = options
        self._open_other = open_other
        self._transfers = transfers
        self._tracker = tracker
        self._report = tracker.report
        self._away: set[str] = set()
        """Other remotes that did not answer: who waits for one does so once."""
        self.kept_back: set[JobId] = set()
        """Jobs that were left out as it was asked for: a push with other options may send them."""
        self.unfetched: set[JobId] = set()
        """Jobs that were left out since a file of them is on another remote, and did not come."""

    def sendable(self, jobs: dict[JobId, Outgoing]) -> dict[JobId, Outgoing]:
        """Those of the jobs whose files can be sent; the rest is told of."""
        limit = self._options.max_size
        if limit is not None:
            jobs = self._without(
                jobs,
                lambda each: max(each.blobs().values(), default=0) > limit,
                "A file of it is larger than was to be sent.",
                self.kept_back,
            )
        if self._options.outputs == "none":
            return jobs
        awaited = self._awaited(jobs.values())
        if awaited and self._options.outputs == "lazy":
            jobs = self._without(
                jobs,
                lambda each: not awaited.keys().isdisjoint(each.blobs()),
                "A file of it was not fetched yet.",
                self.kept_back,
            )
        elif awaited:
            jobs = self._with_fetched(jobs, awaited)
        has = self._store.blobs.has
        return self._without(
            jobs,
            lambda each: any(not has(digest) and digest not in awaited for digest in each.blobs()),
            "A file of it is not in the store any more.",
        )

    def poor(self, known: Sequence[Outgoing]) -> dict[JobId, Outgoing]:
        """Those of jobs that are there already whose files are not, and can be sent.

        Asked for where files are to go at all.
        """
        if self._options.outputs != "eager" or not known:
            return {}
        limit = self._options.max_size
        sizes = {
            digest: size
            for each in known
            for digest, size in each.blobs().items()
            if limit is None or size <= limit
        }
        lacking = self._lacking(sizes)
        if not lacking:
            return {}
        poor = {
            each.record.jobId: each
            for each in known
            if not lacking.isdisjoint(each.blobs())
            and (limit is None or max(each.blobs().values()) <= limit)
        }
        awaited = self._awaited(poor.values())
        if awaited:
            poor = self._with_fetched(poor, awaited)
        has = self._store.blobs.has
        return {
            job_id: each
            for job_id, each in poor.items()
            if all(has(digest) or digest in awaited for digest in each.blobs())
        }

    def _lacking(self, sizes: Mapping[Digest, int], *, is_to_be_told: bool = True) -> set[Digest]:
        """Those of the blobs, by digest with their size in bytes, that are not there.

        Unless it is to be told which these are, there may be some more that are sent as easily.
        """
        ask = self._remote.lacking_blobs
        if not is_to_be_told and isinstance(self._remote, SendsUnasked):
            ask = self._remote.worth_sending
        lacking: set[Digest] = set()
        for some in portions(sizes.items(), MOST_BLOBS_ASKED):
            lacking |= ask(dict(some))
        return lacking

    def _without(
        self,
        jobs: dict[JobId, Outgoing],
        is_out: Callable[[Outgoing], bool],
        reason: str,
        noted: set[JobId] | None = None,
    ) -> dict[JobId, Outgoing]:
        """The jobs without some, which are told of, and added to what is noted."""
        out = {job_id for job_id, each in jobs.items() if is_out(each)}
        for job_id in jobs:
            if job_id in out:
                self._report.leave_out(job_id, reason)
        if noted is not None:
            noted |= out
        return {job_id: each for job_id, each in jobs.items() if job_id not in out}

    def _with_fetched(
        self, jobs: dict[JobId, Outgoing], awaited: Mapping[Digest, AwaitedBlob]
    ) -> dict[JobId, Outgoing]:
        """The jobs without those of whose awaited files some cannot be fetched now.

        A dry run supposes that all can be.
        """
        if self._options.is_dry_run:
            return jobs
        self._fetch(awaited)
        absent = {digest for digest in awaited if not self._store.blobs.has(digest)}
        return self._without(
            jobs,
            lambda each: not absent.isdisjoint(each.blobs()),
            "A file of it lies on another remote, and cannot be fetched now.",
            self.unfetched,
        )

    def _awaited(self, jobs: Iterable[Outgoing]) -> dict[Digest, AwaitedBlob]:
        """The files of jobs that are not here, but can be fetched, and where."""
        found: dict[Digest, AwaitedBlob] = {}
        with self._store.reading():
            for each in jobs:
                for digest in each.blobs():
                    if digest not in found and not self._store.blobs.has(digest):
                        sources = self._store.sharing.awaited_blobs.sources(digest)
                        if sources:
                            found[digest] = sources[0]
        return found

    def _fetch(self, awaited: Mapping[Digest, AwaitedBlob]) -> None:
        """Fetch files from other remotes, as far as these have them, and answer."""
        for name in sorted({each.remote for each in awaited.values()} - self._away):
            wanted = {digest: each.size for digest, each in awaited.items() if each.remote == name}
            try:
                # Those of the push would be over with the first remote that does not answer.
                with (
                    closing(Transfers(self._hub, self._tracker)) as transfers,
                    transfers.fetched(self._open_other(name), wanted) as fetched,
                    self._store.transaction(quietly=True),
                ):
                    self._store.sharing.awaited_blobs.drop(fetched.files)
            except StoreError:
                raise
            except DendroError as error:
                self._away.add(name)
                logger.warning("Files on remote %s cannot be fetched now: %s", name, error)

    def send(
        self, jobs: Mapping[JobId, Outgoing], known: Sequence[Outgoing] = ()
    ) -> dict[JobId, str]:
        """Have the files of jobs there; the jobs of which some are not there then, and why.

        Args:
            jobs: what is to be put there.
            known: what is there already, without its inputs perhaps.
        """
        files: dict[Digest, Path] = {}
        sizes: dict[Digest, int] = {}
        if self._options.outputs != "none":
            for each in jobs.values():
                sizes.update(each.blobs())
        if self._options.inputs:
            for each in (*jobs.values(), *known):
                for digest, file in self._inputs(each).items():
                    files[digest] = file
                    sizes[digest] = file.stat().st_size
        lacking = self._lacking(sizes, is_to_be_told=self._options.is_dry_run)
        if self._options.is_dry_run:
            self._report.files += len(lacking)
            self._report.bytes += sum(sizes[digest] for digest in lacking)
            return {}
        self._tracker.expect_bytes(sum(sizes[digest] for digest in lacking))
        path = self._store.blobs.path
        failed = self._transfers.send(
            self._remote, {digest: files.get(digest, path(digest)) for digest in sorted(lacking)}
        )
        return {
            job_id: f"File {digest[:12]}... could not be sent: {failed[digest]}"
            for job_id, each in jobs.items()
            for digest in each.blobs()
            if digest in failed
        }

    def _inputs(self, outgoing: Outgoing) -> dict[Digest, Path]:
        """The files of this machine that a job took, as far as they are what they were."""
        found: dict[Digest, Path] = {}
        with self._store.reading():
            paths = self._store.jobs.input_paths(outgoing.job.number)
        for file in outgoing.record.jobDefinition.inputFiles:
            digest = parse_blob_url(file.url)
            if digest is not None:
                path = local_input(self._hub, digest, paths.get(file.url))
                if path is None:
                    self._report.leave_out(
                        outgoing.record.jobId,
                        f"Its input {file.name!r} was not sent: the file changed, or is gone.",
                    )
                else:
                    found[digest] = path
        return found
