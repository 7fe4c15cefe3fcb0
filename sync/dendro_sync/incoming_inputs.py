"""Files of other machines that jobs took as inputs, as far as a remote has them.

Records tell their digests alone: a remote is asked which it has, and how large they are. They come
after the jobs, which are whole without them; what was not there at one pull may be at the next.
"""

from collections.abc import Iterable, Iterator, Sequence

from dendro_local.file_urls import parse_blob_url
from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest, JobId
from dendro_local.signed_records import JobRecord
from dendro_sync.input_files import local_input
from dendro_sync.options import PullOptions
from dendro_sync.plan import is_selected, portions
from dendro_sync.remotes.remote import Refusal, Remote
from dendro_sync.report import Report
from dendro_sync.transfers import Fetched, Transfers

__all__ = ["IncomingInputs"]

PORTION = 500


class IncomingInputs:
    """The inputs of jobs that one pull brings.

    Args:
        hub: into whose store.
        remote: from where.
        options: what is pulled.
        report: is filled.
    """

    def __init__(self, hub: LocalHub, remote: Remote, options: PullOptions, report: Report) -> None:
        self._hub = hub
        self._remote = remote
        self._options = options
        self._report = report
        self._noted: dict[JobId, JobRecord | None] = {}
        """Jobs that this pull has brought; their records where they are not recorded."""
        self._asked: set[Digest] = set()

    def note(self, records: Iterable[JobRecord]) -> None:
        """Have the inputs of these jobs taken too, if inputs are taken."""
        if self._options.inputs:
            kept = self._options.is_dry_run
            self._noted.update(
                (each.jobId, each if kept else None) for each in records if any(_inputs(each))
            )

    def take(self, origin: str | None, transfers: Transfers) -> None:
        """Have here what can be had, and tell what cannot.

        Args:
            origin: jobs that came from there before are seen to as well; None for none. What is
                not there is told of then.
            transfers: moves files.
        """
        if not self._options.inputs:
            return
        with self._hub.store.reading():
            before = [] if origin is None else self._hub.store.input_files.readers_from(origin)
        others = sorted(set(before) - self._noted.keys())
        for some in portions([*self._noted, *others], PORTION):
            records = self._records(some)
            wanted = self._lacking(records, tells_missing=origin is not None)
            if self._options.is_dry_run:
                self._report.files += len(wanted)
                self._report.bytes += sum(wanted.values())
            elif wanted:
                with transfers.fetched(self._remote, wanted) as fetched:
                    self._refuse(records, fetched)
                # Of jobs that were deleted meanwhile.
                self._hub.remove_blobs(list(fetched.files))

    def _records(self, job_ids: Sequence[JobId]) -> list[JobRecord]:
        """The records of jobs: those that this pull has brought, and others that are selected."""
        found = [record for job_id in job_ids if (record := self._noted.get(job_id)) is not None]
        here = [job_id for job_id in job_ids if self._noted.get(job_id) is None]
        with self._hub.store.reading():
            jobs = self._hub.store.sharing.shared_jobs.digests_asked(here)
            found += [
                each.record
                for each in jobs
                if each.record.jobId in self._noted
                or is_selected(each.record, each.tags, self._options.selection)
            ]
        return found

    def _lacking(self, records: Sequence[JobRecord], *, tells_missing: bool) -> dict[Digest, int]:
        """What is not here, can be had and is not too large, with sizes in bytes."""
        wanted = {digest for each in records for digest in self._lacking_of(each)} - self._asked
        self._asked |= wanted
        sizes = self._remote.blob_sizes(sorted(wanted)) if wanted else {}
        if tells_missing:
            for each in records:
                for name, digest in _inputs(each):
                    if digest in wanted and digest not in sizes:
                        self._report.leave_out(
                            each.jobId, f"Its input {name!r} was not pushed there."
                        )
        limit = self._options.max_size
        return {digest: size for digest, size in sizes.items() if limit is None or size <= limit}

    def _refuse(self, records: Iterable[JobRecord], fetched: Fetched) -> None:
        """Tell of inputs that came wrong, or did not come."""
        for each in records:
            for name, digest in _inputs(each):
                fault = fetched.failed.get(digest)
                if fault is not None:
                    reason = f"Its input {name!r} was not taken; the job was. {fault.reason}"
                    self._report.refuse(Refusal(job_id=each.jobId, code=fault.code, reason=reason))

    def _lacking_of(self, record: JobRecord) -> Iterator[Digest]:
        store = self._hub.store
        with store.reading():
            stored = store.jobs.by_id(record.jobId)
            paths = {} if stored is None else store.jobs.input_paths(stored.number)
        by_digest = {parse_blob_url(url): path for url, path in paths.items()}
        for _, digest in _inputs(record):
            if local_input(self._hub, digest, by_digest.get(digest)) is None:
                yield digest


def _inputs(record: JobRecord) -> Iterator[tuple[str, Digest]]:
    """The inputs of a job that are files of a machine: their names and digests."""
    for file in record.jobDefinition.inputFiles:
        digest = parse_blob_url(file.url)
        if digest is not None:
            yield file.name, digest
