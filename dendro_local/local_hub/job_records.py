"""Jobs with all that is known of them, page by page, and as they change."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.local_hub.reading import Reading
from dendro_local.local_hub.untaken import note_by_now
from dendro_local.model import Digest, Job, JobId
from dendro_local.store import FeedEntry, JobPage, JobQuery, LiveRun, StoredFile, StoredJob
from dendro_local.store.origins import JobOrigin

__all__ = ["JobFacts", "JobFile", "JobLog", "JobRecords", "LiveWork", "LogKind"]

LogKind = Literal["console", "usage"]

LOG_FILES: dict[LogKind, str] = {"console": "console.txt", "usage": "usage.jsonl"}

MAX_TAGS = 1000
MAX_TAG = 1000


class JobFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a job left, or will leave.

    ``url`` is its stable one, or that which the app set. ``digest`` and ``size``, in bytes, are
    None while they are not known. ``is_there``: its bytes can be read from this store.
    """

    kind: Literal["output", "other", "console", "usage"]
    name: str
    url: str
    digest: Digest | None = None
    size: int | None = None
    is_there: bool = False


class JobFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A job's record, and what the contract's record has no field for."""

    record: Job
    app_version: str | None
    attempts: int
    """How often it was started."""
    note: str | None
    """Why it is there although there was an earlier one, or whose outputs it took over."""
    is_pinned: bool
    files: Sequence[JobFile]
    origin: JobOrigin | None = None
    """Where it came from; None if it is of this store."""


class JobLog(msgspec.Struct, frozen=True, kw_only=True):
    """Where a log of a job is to be read now; there may be no file there, if it has nothing."""

    path: Path
    attempt: int
    """Of the run that writes it; 0 before the first."""
    job: Job


class LiveWork(msgspec.Struct, frozen=True, kw_only=True):
    """A compute client that is alive, and the jobs that it has in hand."""

    run: LiveRun
    jobs: Sequence[Job]


class JobRecords(Reading):
    """What is asked by whoever shows jobs to people."""

    def find_page(self, query: JobQuery) -> JobPage:
        """A page of the jobs of a query, latest update first; it may end before it is full."""
        with self.store.reading():
            return self.store.find_page(query)

    def job_facts(self, job_id: JobId) -> JobFacts:
        """All that is known of a job.

        Raises:
            JobNotFound: there is none.
        """
        with self.store.reading():
            stored = self.stored(job_id)
            return JobFacts(
                record=stored.record,
                app_version=stored.app_version,
                attempts=stored.attempts,
                note=note_by_now(self.store, stored),
                is_pinned=self.store.upkeep.pins.has(stored.number),
                files=self._files(stored),
                origin=self.store.sharing.origins.of(stored.number),
            )

    def job_origin(self, job_id: JobId) -> JobOrigin | None:
        """Where a job came from; None if it is of this store.

        Raises:
            JobNotFound: there is no such job.
        """
        with self.store.reading():
            return self.store.sharing.origins.of(self.stored(job_id).number)

    def awaited_from(self, job_id: JobId, output: str) -> list[str]:
        """The remotes from which an output of a job is to be fetched when it is first read.

        Or another file that the app added, by its name. Empty if it is here, or nowhere.

        Raises:
            JobNotFound: there is no such job.
        """
        with self.store.reading():
            files = self.stored(job_id).files
            file = files.outputs.get(output) or files.others.get(output)
            if file is None or file.digest is None or self.store.blobs.has(file.digest):
                return []
            return [each.remote for each in self.store.sharing.awaited_blobs.sources(file.digest)]

    def job_log(self, job_id: JobId, kind: LogKind) -> JobLog:
        """What a job has printed, or the log of what it has used.

        Raises:
            JobNotFound: there is no such job.
        """
        with self.store.reading():
            stored = self.stored(job_id)
        kept = stored.files.console if kind == "console" else stored.files.usage
        path = self._log_file(stored, kept, LOG_FILES[kind])
        return JobLog(path=path, attempt=stored.attempts, job=stored.record)

    def add_tags(self, job_id: JobId, tags: Sequence[str]) -> Job:
        """Tag a job with these too.

        Raises:
            JobNotFound: there is none.
            InvalidRequest: a tag cannot be one, or the job would have too many.
        """
        for tag in tags:
            if not tag or len(tag) > MAX_TAG:
                raise InvalidRequest(f"A tag has 1 to {MAX_TAG} characters; not {len(tag)}.")
        with self.store.transaction():
            stored = self.stored(job_id)
            merged = list(dict.fromkeys([*stored.record.tags, *tags]))
            if len(merged) > MAX_TAGS:
                raise InvalidRequest(f"A job has at most {MAX_TAGS} tags.")
            if merged != stored.record.tags:
                self.store.jobs.update(stored.number, tags=merged)
            return self.stored(job_id).record

    def remove_tags(self, job_id: JobId, tags: Sequence[str]) -> Job:
        """Take these tags from a job; those that it does not have are passed over.

        Raises:
            JobNotFound: there is none.
        """
        with self.store.transaction():
            stored = self.stored(job_id)
            kept = [tag for tag in stored.record.tags if tag not in tags]
            if kept != stored.record.tags:
                self.store.jobs.update(stored.number, tags=kept)
            return self.stored(job_id).record

    # The feed

    def store_id(self) -> str:
        """What names the store for ever, wherever it lies."""
        return self.store.get_meta("store_id") or ""

    def last_change(self) -> int:
        """The number of the latest change of a job in the store's feed."""
        with self.store.reading():
            return self.store.feed.last()

    def changes_since(self, number: int, limit: int) -> list[FeedEntry]:
        """What changed after a number of the feed, each job once and as it is now."""
        with self.store.reading():
            return self.store.feed.since(number, limit)

    # The store

    def live_work(self) -> list[LiveWork]:
        """The compute clients that are alive, each with the jobs that it has in hand."""
        with self.store.reading():
            active = self.store.jobs.active()
            runs = self.store.live_runs()
        return [
            LiveWork(run=run, jobs=[each.record for each in active if _is_held_by(each, run)])
            for run in runs
        ]

    def count_by_status(self) -> dict[str, int]:
        """How many jobs there are of each status: a tenth of a second's work for a million."""
        with self.store.reading():
            return self.store.jobs.count_by_status()

    def count_runnable(self) -> int:
        """How many jobs could start now."""
        with self.store.reading():
            return self.store.jobs.count_runnable()

    def check_writable(self) -> None:
        """Make sure that the store can be written, by writing to it.

        Raises:
            StoreError: it cannot; says why.
        """
        with self.store.transaction(quietly=True):
            self.store.set_meta("written", "")

    def _files(self, stored: StoredJob) -> list[JobFile]:
        record, kept = stored.record, stored.files
        found = [
            self._file("output", each.name, each.url, kept.outputs.get(each.name))
            for each in record.outputFileResults
        ]
        others = [] if record.otherFileOutputs is msgspec.UNSET else record.otherFileOutputs
        found += [
            self._file("other", each.name, each.url, kept.others.get(each.name)) for each in others
        ]
        console, usage = record.consoleOutputUrl, record.resourceUtilizationLogUrl
        if kept.console is not None:
            found.append(self._file("console", "output.txt", console, kept.console))
        if kept.usage is not None:
            found.append(self._file("usage", "log.jsonl", usage, kept.usage))
        return found

    def _file(
        self,
        kind: Literal["output", "other", "console", "usage"],
        name: str,
        url: str,
        kept: StoredFile | None,
    ) -> JobFile:
        if kept is None:
            return JobFile(kind=kind, name=name, url=url)
        is_there = kept.digest is not None and self.store.blobs.has(kept.digest)
        return JobFile(
            kind=kind, name=name, url=url, digest=kept.digest, size=kept.size, is_there=is_there
        )


def _is_held_by(stored: StoredJob, run: LiveRun) -> bool:
    return (stored.claim_token or "").partition(":")[0] == run.run_id
