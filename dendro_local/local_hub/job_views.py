"""What is asked by whoever looks closely at one job: imported when a page or program does."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from dendro_local.file_urls import parse_blob_url, parse_file_url
from dendro_local.local_hub.job_records import JobFacts, JobRecords
from dendro_local.model import Digest, Job, JobId, JobInputFile
from dendro_local.store import StoredJob
from dendro_local.store.lineage import LineageLimits, Relatives
from dendro_local.store.origins import JobOrigin

__all__ = ["InputFacts", "JobView", "JobViews", "LineageFacts", "MOST_CHILDREN", "OriginFacts"]

MOST_CHILDREN = 10_000
"""Children of a job are counted so far."""

LIMITS = LineageLimits()


class InputFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An input of a job. What is not known of it, or not yet, is None."""

    file: JobInputFile
    digest: Digest | None = None
    size: int | None = None
    parent: JobId | None = None
    """The job of this store whose output it is."""
    is_there: bool = False
    """Whether its bytes can be read from this store."""


class LineageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The kin of a job, as far as they are read."""

    ancestors: Relatives
    descendants: Relatives
    num_children: int
    """At most `MOST_CHILDREN`."""


class OriginFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job came from, and as what the key is known here that signed it."""

    origin: JobOrigin
    key_name: str | None


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """All that is shown of a job."""

    facts: JobFacts
    inputs: Sequence[InputFacts]
    lineage: LineageFacts
    origin: OriginFacts | None
    """None for a job of this store."""


class JobViews:
    """Looks at jobs of a hub.

    Args:
        hub: whose jobs they are.
    """

    def __init__(self, hub: JobRecords) -> None:
        self._hub = hub
        self._store = hub.store

    def view(self, job_id: JobId) -> JobView:
        """All that is shown of a job.

        Raises:
            JobNotFound: there is none.
        """
        facts = self._hub.job_facts(job_id)
        with self._store.reading():
            stored = self._hub.stored(job_id)
            return JobView(
                facts=facts,
                inputs=self._inputs(stored),
                lineage=self._lineage(job_id),
                origin=self._origin(stored.number),
            )

    def lineage(self, job_id: JobId) -> tuple[Job, LineageFacts]:
        """A job, its ancestors and descendants.

        Raises:
            JobNotFound: there is none.
        """
        with self._store.reading():
            return self._hub.stored(job_id).record, self._lineage(job_id)

    def inputs(self, job_id: JobId) -> list[InputFacts]:
        """The inputs of a job.

        Raises:
            JobNotFound: there is none.
        """
        with self._store.reading():
            return self._inputs(self._hub.stored(job_id))

    def origin(self, job_id: JobId) -> OriginFacts | None:
        """Where a job came from; None if it is of this store.

        Raises:
            JobNotFound: there is none.
        """
        with self._store.reading():
            return self._origin(self._hub.stored(job_id).number)

    def _lineage(self, job_id: JobId) -> LineageFacts:
        table = self._store.lineage
        return LineageFacts(
            ancestors=table.relatives(job_id, "ancestors", LIMITS),
            descendants=table.relatives(job_id, "descendants", LIMITS),
            num_children=table.count_children(job_id, MOST_CHILDREN),
        )

    def _origin(self, number: int) -> OriginFacts | None:
        sharing = self._store.sharing
        origin = sharing.origins.of(number)
        if origin is None:
            return None
        names = {key.key_id: key.name for key in sharing.trusted_keys.all()}
        return OriginFacts(origin=origin, key_name=names.get(origin.key_id or ""))

    def _inputs(self, stored: StoredJob) -> list[InputFacts]:
        files = stored.record.jobDefinition.inputFiles
        paths = self._store.jobs.input_paths(stored.number) if files else {}
        parents: dict[JobId, StoredJob | None] = {}
        return [self._input(file, paths, parents) for file in files]

    def _input(
        self, file: JobInputFile, paths: dict[str, str], parents: dict[JobId, StoredJob | None]
    ) -> InputFacts:
        digest = parse_blob_url(file.url)
        if digest is not None:
            known = [self._store.blobs.path(digest)]
            known += [Path(paths[file.url])] if file.url in paths else []
            size = next((found for path in known if (found := _size(path)) is not None), None)
            return InputFacts(file=file, digest=digest, size=size, is_there=size is not None)
        own = parse_file_url(file.url)
        if own is None:
            return InputFacts(file=file)
        job_id = JobId(own.job_id)
        if job_id not in parents:
            parents[job_id] = self._store.jobs.by_id(job_id)
        parent = parents[job_id]
        if parent is None:
            return InputFacts(file=file)
        kept = parent.files.find(own.output_name, own.file_base_name)
        if kept is None or kept.digest is None:
            return InputFacts(file=file, parent=job_id)
        return InputFacts(
            file=file,
            digest=kept.digest,
            size=kept.size,
            parent=job_id,
            is_there=self._store.blobs.has(kept.digest),
        )


def _size(path: Path) -> int | None:
    """In bytes; None if there is no file."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
