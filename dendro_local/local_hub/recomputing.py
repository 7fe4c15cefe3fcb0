"""Whether a completed job could run again now, so that its outputs need not be kept.

It can if its app is registered in the same version with its code, and each of its inputs is there:
a file of this machine, an http(s) URL, or an output of another job that is in the store or that
can be computed again itself.
"""

from collections.abc import Callable
from pathlib import Path

from dendro_local.compatibility import check_compatible
from dendro_local.errors import IncompatibleDefinition, InputUnavailable, InvalidApp, NotFound
from dendro_local.file_urls import FileUrl, parse_blob_url, parse_file_url
from dendro_local.model import Digest, JobId, JobInputFile
from dendro_local.store import RegisteredApp, Store, StoredJob

__all__ = ["RunsAgain"]

FindApp = Callable[[str, str], RegisteredApp]


class RunsAgain:
    """Answers for the jobs of a store as it is now, each looked at once.

    Args:
        store: the store.
        find_app: an app by service and name, as it is now; raises NotFound or InvalidApp.
    """

    def __init__(self, store: Store, find_app: FindApp) -> None:
        self._store = store
        self._find_app = find_app
        self._apps: dict[tuple[str, str], RegisteredApp | None] = {}
        self._known: dict[JobId, bool] = {}
        self.relied_on: set[Digest] = set()
        """Blobs that have to stay for a job that can run again: files that lie nowhere else."""

    def can(self, job_id: JobId) -> bool:
        """Whether the job could run again."""
        waiting = [job_id]
        seen: set[JobId] = set()
        while waiting:  # no recursion: a chain of jobs may be longer than Python's stack
            current = waiting[-1]
            stored = None if current in self._known else self._store.jobs.by_id(current)
            if stored is not None and current not in seen:
                seen.add(current)
                waiting += self._parents_without_bytes(stored)
                continue
            self._known.setdefault(current, stored is not None and self._judge(stored))
            waiting.pop()
        return self._known[job_id]

    def _judge(self, stored: StoredJob) -> bool:
        record = stored.record
        definition = record.jobDefinition
        app = self._app(record.serviceName, definition.appName)
        if record.status != "completed" or app is None or app.source is None:
            return False
        if app.version != stored.app_version:
            return False
        try:
            check_compatible(definition, app.record.appSpecification)
        except IncompatibleDefinition:
            return False
        return all(self._is_there(stored, file) for file in definition.inputFiles)

    def _app(self, service: str, name: str) -> RegisteredApp | None:
        key = (service, name)
        if key not in self._apps:
            try:
                self._apps[key] = self._find_app(service, name)
            except (NotFound, InvalidApp):
                self._apps[key] = None
        return self._apps[key]

    def _is_there(self, stored: StoredJob, file: JobInputFile) -> bool:
        own = parse_file_url(file.url)
        if own is not None:
            return self._has_bytes(own) or self._known.get(JobId(own.job_id), False)
        digest = parse_blob_url(file.url)
        if digest is not None:
            return self._is_on_this_machine(stored, file.url, digest)
        return file.url.startswith(("http://", "https://"))

    def _parents_without_bytes(self, stored: StoredJob) -> list[JobId]:
        """The jobs that would have to run before this one."""
        urls = [parse_file_url(file.url) for file in stored.record.jobDefinition.inputFiles]
        return [JobId(url.job_id) for url in urls if url is not None and not self._has_bytes(url)]

    def _has_bytes(self, url: FileUrl) -> bool:
        """Whether the job of the URL itself keeps the bytes, so that nobody else drops them."""
        parent = self._store.jobs.by_id(JobId(url.job_id))
        file = None if parent is None else parent.files.find(url.output_name, url.file_base_name)
        if parent is None or file is None:
            return False
        if file.digest is None:
            return file.url is not None  # such as one that its app has published
        held = self._store.upkeep.holders.held_by(parent.number)
        return file.digest in held and self._store.blobs.has(file.digest)

    def _is_on_this_machine(self, stored: StoredJob, url: str, digest: Digest) -> bool:
        submitted = self._store.jobs.input_paths(stored.number).get(url)
        paths = [Path(submitted)] if submitted is not None else []
        for path in [*paths, *self._store.local_files.paths(digest)]:
            try:
                if self._store.local_files.digest(path)[0] == digest:
                    return True
            except InputUnavailable:
                continue
        if self._store.blobs.has(digest) and self._store.upkeep.holders.count(digest):
            self.relied_on.add(digest)
            return True
        return False
