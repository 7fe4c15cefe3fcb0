"""Reading jobs, their outputs and what they printed, and why they are as they are."""

from collections.abc import Sequence
from pathlib import Path

from dendro_local.app_source import AppFolder
from dendro_local.errors import (
    Conflict,
    HubUnreachable,
    InvalidApp,
    InvalidRequest,
    JobFailed,
    JobNotFound,
    OutputNotFound,
)
from dendro_local.file_urls import is_path_part
from dendro_local.hub import PREPARES_ENVIRONMENT, StoreFacts, id_prefix
from dendro_local.lifecycle import TERMINAL
from dendro_local.local_hub.app_code import lacking
from dendro_local.local_hub.app_faults import app_fault
from dendro_local.local_hub.parts import Part
from dendro_local.local_hub.untaken import note_by_now
from dendro_local.matching import LiveClient, why_waiting
from dendro_local.model import Job, JobId
from dendro_local.store import (
    SCHEMA_VERSION,
    JobQuery,
    LiveRun,
    RegisteredApp,
    StoredFile,
    StoredJob,
)
from dendro_local.store.origins import came_from
from dendro_local.store.output_names import name_output

__all__ = ["Reading"]

COMPARED = 200
"""How many earlier jobs `why` looks at for the nearest."""

MOST_DIFFERENCES = 10

OTHER = "other"
"""The folder of the files that apps add to a job. No output has this name."""


class Reading(Part):
    """What clients ask that changes nothing."""

    def get_job(self, job_id: JobId) -> Job:
        """The job of this id.

        Raises:
            JobNotFound: there is none.
        """
        with self.store.reading():
            return self.stored(job_id).record

    def job_id(self, text: str) -> JobId:
        """The id that is given whole, by a unique beginning, as ``dendro:ID``, or as a URL.

        Raises:
            JobNotFound: no id begins so, or several do.
        """
        prefix = id_prefix(text)
        with self.store.reading():
            found = self.store.jobs.ids_starting_with(prefix, limit=4)
        if len(found) == 1:
            return found[0]
        if not found:
            raise JobNotFound(
                f"No job id begins with {prefix!r} in store {self.store.folder.root}. "
                "`dendro-local jobs` lists those that there are."
            )
        raise JobNotFound(
            f"Several job ids begin with {prefix!r}: {', '.join(found[:3])}"
            f"{', ...' if len(found) > 3 else ''}. Give more of it."
        )

    def find_jobs(self, query: JobQuery) -> list[Job]:
        """Jobs of a query, latest update first."""
        with self.store.reading():
            return [stored.record for stored in self.store.find_jobs(query)]

    def facts(self) -> StoreFacts:
        """What the store is, how much it holds, and which compute clients are alive."""
        with self.store.reading():
            return StoreFacts(
                folder=self.store.folder.root,
                schema_version=SCHEMA_VERSION,
                jobs_by_status=self.store.jobs.count_by_status(),
                database_bytes=self.store.folder.database_bytes(),
                blob_bytes=self.store.blobs.total_bytes(),
                compute_clients=self.store.live_runs(),
            )

    def job_url(self, job_id: JobId) -> str:
        """Where a person finds the job: its id, as commands take it, with no server to show it."""
        return f"dendro:{job_id}"

    def output_file(self, job_id: JobId, name: str, *, fetch: bool = True) -> Path:
        """A read-only file with the bytes of a job's output, under the output's own file name.

        Args:
            job_id: the job.
            name: of the output in the processor, or of a file that the app added to the job.
            fetch: if false, what lies on a remote is not found.

        Raises:
            OutputNotFound: the job has no such output, or its bytes are gone.
            JobFailed: the job failed.
            Conflict: the job is not finished.
            HubUnreachable: it lies on a remote, and cannot be fetched now.
        """
        with self.store.reading():
            stored = self.stored(job_id)
        place, file = self._output_or_other(stored, name)
        if file.digest is None:
            raise OutputNotFound(f"Output {name!r} of job {job_id} is not a file but {file.url}.")
        try:
            blob = self.blob(file.digest) if fetch else self.store.blobs.path(file.digest)
        except HubUnreachable as error:
            raise HubUnreachable(
                f"Output {name!r} of job {job_id} cannot be read: {error}"
            ) from error
        if not blob.exists():
            if self.is_awaited(file.digest):
                raise OutputNotFound(
                    f"The bytes of output {name!r} of job {job_id} lie on a remote, and have not "
                    "been fetched."
                )
            raise OutputNotFound(
                f"The bytes of output {name!r} of job {job_id} are {self._why_absent(stored)}"
            )
        named = self.store.folder.outputs.joinpath(job_id, *place)
        with self.store.reading():
            name_output(named, blob)
        return named

    def _output_or_other(self, stored: StoredJob, name: str) -> tuple[Sequence[str], StoredFile]:
        """What the job left by this name, and the parts of the path under which it is read."""
        outputs = {each.name: each.fileBaseName for each in stored.record.jobDefinition.outputFiles}
        if name in outputs:
            return (name, outputs[name]), self._completed_output(stored, name)
        others = stored.files.others
        parts = name.split("/")
        if name not in others or not all(map(is_path_part, parts)):
            raise OutputNotFound(
                f"Job {stored.record.jobId} has no output {name!r}. It has: "
                f"{', '.join([*outputs, *others]) or 'none'}."
            )
        return (OTHER, *parts), others[name]

    def _why_absent(self, stored: StoredJob) -> str:
        """Why an output of a job has no bytes here, and what to do, as the end of a sentence."""
        with self.store.reading():
            origin = self.store.sharing.origins.of(stored.number)
            is_remote = origin is not None and self.store.sharing.remotes.get(origin.origin)
        if origin is None or not is_remote:
            return "no longer in the store. Submit the job again: it will run."
        return (
            f"not in the store: it came from remote {origin.origin!r}. `dendro-local pull "
            f"{origin.origin} --full --outputs eager` brings them if they are there; otherwise "
            "submit the job again: it will run."
        )

    def _completed_output(self, stored: StoredJob, name: str) -> StoredFile:
        record = stored.record
        if record.status == "failed":
            raise JobFailed(f"Job {record.jobId} failed, so it has no outputs: {record.error}")
        if record.status != "completed":
            raise Conflict(
                f"Job {record.jobId} is {record.status}; its outputs are there when it is "
                "completed."
            )
        return stored.files.outputs[name]

    def remove_output_links(self, job_id: JobId) -> None:
        """Remove the names under which a job's outputs were read."""
        import shutil  # only a deletion needs it

        shutil.rmtree(self.store.folder.outputs / job_id, ignore_errors=True)

    def console(self, job_id: JobId, offset: int = 0) -> bytes:
        """What the job has printed, from a byte on; as far as it has come, while it runs."""
        if offset < 0:
            raise InvalidRequest(f"offset is {offset}; it must be 0 or more.")
        with self.store.reading():
            stored = self.stored(job_id)
        file = self._log_file(stored, stored.files.console, "console.txt")
        try:
            with file.open("rb") as stream:
                stream.seek(offset)
                return stream.read()
        except FileNotFoundError:
            return b""  # nothing was printed, or not yet

    def usage(self, job_id: JobId) -> bytes:
        """The log of what the job has used; as far as it has come, while it runs.

        One JSON object a line, see `dendro_local.compute.usage_log`. Empty for a short job.
        """
        with self.store.reading():
            stored = self.stored(job_id)
        try:
            return self._log_file(stored, stored.files.usage, "usage.jsonl").read_bytes()
        except FileNotFoundError:
            return b""

    def _log_file(self, stored: StoredJob, kept: StoredFile | None, name: str) -> Path:
        """Where a log of a job is: the one that was kept, or that which is being written."""
        if kept is not None and kept.digest is not None:
            return self.blob(kept.digest)
        return self.store.folder.job_folder(stored.record.jobId, stored.attempts) / name

    def has_compute_client(self) -> bool:
        """Whether a compute client is alive that takes any job."""
        if any(run.live.serves_all for run in list(self._runs.values())):
            return True  # one of this process
        with self.store.reading():
            return any(run.serves_all for run in self.store.live_runs())

    def why(self, job_id: JobId) -> str:
        """Why the job is in the state that it is in, in words."""
        with self.store.reading():
            stored = self.stored(job_id)
            words = [self._why_status(stored), *self._why_as_registered(stored.record)]
            note = note_by_now(self.store, stored)
            if note is not None:
                words.append(note)
            elif stored.record.status != "failed":
                words += self._why_no_hit(stored)
        return "\n".join(words)

    def _why_as_registered(self, record: Job) -> list[str]:
        """Why an unfinished job's app is not registered as its folder is now, if it is not."""
        app = self.store.services.app(record.serviceName, record.jobDefinition.appName)
        source = None if app is None else app.source
        if record.status in TERMINAL or source is None or source.startswith("bundled:"):
            return []
        try:
            state = AppFolder(self.app_folder(source))
        except InvalidApp:
            return []  # a pending job says so itself
        name = record.jobDefinition.appName
        fault = app_fault(self.store, record.serviceName, name, state)
        if fault is None:
            return []
        return [f"App {name!r} stays as it was registered, before its folder was edited: {fault}"]

    def _why_no_hit(self, stored: StoredJob) -> list[str]:
        """What is nearest to the job among those that were there before it."""
        from dendro_local.definition_difference import nearest  # only a question needs it

        origin = self.store.sharing.origins.of(stored.number)
        if origin is not None:
            return [f"It did not run here: {came_from(origin)}."]
        record = stored.record
        definition = record.jobDefinition
        query = JobQuery(
            service=record.serviceName,
            app=definition.appName,
            processor=definition.processorName,
            limit=COMPARED,
        )
        earlier = [
            each.record
            for each in self.store.find_jobs(query)
            if each.record.timestampCreatedSec < record.timestampCreatedSec
        ]
        found = nearest(definition, [each.jobDefinition for each in earlier])
        if found is None or not found[1]:
            return []
        index, fields = found
        return [
            "No job had this definition before. The nearest of the latest, "
            f"{earlier[index].jobId}, differs in:",
            *(f"  {field}" for field in fields[:MOST_DIFFERENCES]),
        ]

    def _why_status(self, stored: StoredJob) -> str:
        record = stored.record
        if record.status == "failed":
            return f"Failed: {record.error}"
        if record.status == "completed":
            return f"Completed{_by(record)}{_duration(record)}."
        if record.status in ("starting", "running"):
            words = f"{record.status.capitalize()}{_by(record)}, attempt {stored.attempts}."
            folder = self.store.folder.job_folder(record.jobId, stored.attempts)
            try:
                step = (folder / "preparation.txt").read_text(encoding="utf-8")
            except OSError:
                return words
            return f"{words} {PREPARES_ENVIRONMENT}: {step}"
        waits = self.store.jobs.unfinished_parents(stored.number)
        if waits:
            parents = ", ".join(f"{parent} ({status or 'deleted'})" for parent, status in waits)
            return f"Pending: it waits for {parents}."
        return f"Pending: {self._why_not_started(record)}"

    def _why_not_started(self, record: Job) -> str:
        app = self.store.services.app(record.serviceName, record.jobDefinition.appName)
        if app is None:
            return str(self.missing_app(record.serviceName, record.jobDefinition.appName))
        runs = self.store.live_runs()
        runs = [run for run in runs if run.serves_all] or runs
        processor = record.jobDefinition.processorName
        if not runs and (lack := lacking(app, processor, "process")) is not None:
            return lack
        folder = None if app.source is None else self.app_folder(app.source)
        if folder is not None and not (folder / "main.py").exists():
            return f"The folder of app {app.record.appName!r}, {folder}, has no main.py any more."
        able = [run for run in runs if _fault(run, app, processor) is None]
        wanted = [run for run in runs if _is_wanted(run, record)]
        if wanted and not any(run in able for run in wanted):
            return " ".join(dict.fromkeys(_fault(run, app, processor) or "" for run in wanted))
        return why_waiting(
            record.requiredResources,
            record.targetComputeClientIds,
            [
                LiveClient(compute_client_id=run.compute_client_id, name=run.name, slots=run.slots)
                for run in able
            ],
        )


def _is_wanted(run: LiveRun, job: Job) -> bool:
    """Whether a job leaves it to this compute client to run it."""
    targets = job.targetComputeClientIds
    return not targets or "*" in targets or run.compute_client_id in targets


def _fault(run: LiveRun, app: RegisteredApp, processor: str) -> str | None:
    """Why a compute client cannot run a processor; None if it can, where there is room."""
    if run.unable is not None:
        return f"Compute client {run.name} can run nothing now: {run.unable}"
    return lacking(app, processor, run.runtime)


def _by(record: Job) -> str:
    return f" on {record.computeClientName}" if record.computeClientName else ""


def _duration(record: Job) -> str:
    if record.timestampStartingSec is None or record.timestampFinishedSec is None:
        return ""
    return f" in {record.timestampFinishedSec - record.timestampStartingSec:.2f} s"
