"""What clients ask of a hub about jobs."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from dendro_local.errors import (
    Conflict,
    IncompleteUpload,
    InputUnavailable,
    InvalidRequest,
    JobFailed,
    JobNotFound,
    OutputNotFound,
)
from dendro_local.file_urls import blob_url, parse_blob_url
from dendro_local.hub import NewJob, Progress, id_prefix
from dendro_local.model import Digest, Job, JobId
from dendro_local.random_ids import random_token
from dendro_local.remote_hub.part import RemotePart
from dendro_local.remote_hub.uploads import upload
from dendro_local.store import JobQuery
from dendro_local.v1 import (
    ComputeClientList,
    Details,
    JobList,
    JobRequest,
    NewJobs,
    Stats,
    SubmittedJobs,
    Why,
)

__all__ = ["RemoteJobs"]

MOST_A_PAGE = 1000


class RemoteJobs(RemotePart):
    """Jobs of a hub."""

    def submit(
        self, requests: Sequence[NewJob], *, on_progress: Progress | None = None
    ) -> list[Job]:
        """Record jobs, or find those that make them unneeded: all of them, or none.

        Files of this machine among the inputs are sent if the hub lacks them: never for a job that
        is found.

        Raises:
            DendroError: as the hub has it.
        """
        sent = NewJobs(jobs=[_job_request(request) for request in requests])
        # If the answer is lost, the same is asked again, and the same jobs are the answer.
        headers = {"idempotency-key": random_token(16)}
        try:
            return self.transport.post("/v1/jobs", sent, SubmittedJobs, headers).jobs
        except InputUnavailable:
            files = {url: path for each in requests for url, path in each.local_paths.items()}
            if not files:
                raise
            for url, path in files.items():
                self._send_input(url, Path(path), on_progress)
        return self.transport.post("/v1/jobs", sent, SubmittedJobs, headers).jobs

    def file_url(self, file: Path, on_progress: Progress | None = None) -> str:
        """The URL by which a definition names a file of this machine: its digest.

        Raises:
            InputUnavailable: there is no such file, or it cannot be read.
        """
        return blob_url(self._digest(file, on_progress))

    def now(self) -> float:
        """The time by the hub's clock, in seconds since the Unix epoch."""
        return self.transport.get("/v1/stats", Stats).now

    def get_job(self, job_id: JobId) -> Job:
        """The job of this id.

        Raises:
            JobNotFound: there is none.
        """
        # Not by the route for one job, whose answer takes the hub more work than the record.
        if job_id.isascii() and job_id.isalnum():
            for job in self._page(JobQuery(id_prefix=job_id), limit=2).jobs:
                if job.jobId == job_id:
                    return job
        raise JobNotFound(
            f"There is no job {job_id!r} on the hub at {self.transport.base_url}. "
            "`dendro-local jobs` lists those that there are."
        )

    def job_id(self, text: str) -> JobId:
        """The id that is given whole, by a unique beginning, as ``dendro:ID``, or as a URL.

        Raises:
            JobNotFound: no id begins so, or several do.
        """
        prefix = id_prefix(text)
        found = self._page(JobQuery(id_prefix=prefix), limit=4).jobs
        if len(found) == 1:
            return found[0].jobId
        if not found:
            raise JobNotFound(
                f"No job id begins with {prefix!r} on the hub at {self.transport.base_url}. "
                "`dendro-local jobs` lists those that there are."
            )
        raise JobNotFound(
            f"Several job ids begin with {prefix!r}: "
            f"{', '.join(sorted(job.jobId for job in found)[:3])}"
            f"{', ...' if len(found) > 3 else ''}. Give more of it."
        )

    def find_jobs(self, query: JobQuery) -> list[Job]:
        """Jobs of a query, latest update first."""
        if query.after is not None:
            raise InvalidRequest("Pages of a hub's lists are asked for by its own marks.")
        found: list[Job] = []
        after: str | None = None
        while len(found) < query.limit:
            page = self._page(query, limit=min(query.limit - len(found), MOST_A_PAGE), after=after)
            found += page.jobs
            after = page.next
            if after is None:
                break
        return found

    def job_url(self, job_id: JobId) -> str:
        """Where a person finds the job: its page."""
        return f"{self.transport.base_url}/jobs/{job_id}"

    def output_file(self, job_id: JobId, name: str, *, fetch: bool = True) -> Path:
        """A read-only file with the bytes of a job's output, under the output's own file name.

        It is fetched the first time, and checked against its digest.

        Args:
            job_id: the job.
            name: of the output in the processor, or of a file that the app added to the job.
            fetch: if false, what was not fetched yet is not found.

        Raises:
            OutputNotFound: the job has no such output, its bytes are gone, or it was not fetched
                yet and is not to be.
            JobFailed: the job failed.
            Conflict: the job is not finished.
        """
        details = self.transport.get(f"/v1/jobs/{job_id}", Details)
        job = details.job
        outputs = {each.name: each.fileBaseName for each in job.jobDefinition.outputFiles}
        is_other = name not in outputs
        kind = "other" if is_other else "output"
        file = next(
            (each for each in details.files if (each.kind, each.name) == (kind, name)), None
        )
        if is_other and file is None:
            names = ", ".join([*outputs, *(each.name for each in job.otherFileOutputs or ())])
            raise OutputNotFound(f"Job {job_id} has no output {name!r}. It has: {names or 'none'}.")
        if not is_other and job.status == "failed":
            raise JobFailed(f"Job {job_id} failed, so it has no outputs: {job.error}")
        if file is None or (not is_other and job.status != "completed"):
            raise Conflict(
                f"Job {job_id} is {job.status}; its outputs are there when it is completed."
            )
        if file.digest is None or file.size is None:
            raise OutputNotFound(f"Output {name!r} of job {job_id} is not a file but {file.url}.")
        digest = Digest(file.digest)
        fetched = self.downloads.path(digest)
        if not fetched.exists():
            if not file.is_there:
                raise OutputNotFound(
                    f"The bytes of output {name!r} of job {job_id} are no longer on the hub. "
                    "Submit the job again: it will run."
                )
            if not fetch:
                raise OutputNotFound(
                    f"on the hub; `dendro-local output {job_id[:8]} {name}` fetches it"
                )
            path = self.path_of(file.url)
            fetched = self.downloads.fetch(self.transport, path, digest, file.size)
        place = ("other", *name.split("/")) if is_other else (name, outputs[name])
        return self.named(fetched, job_id, *place)

    def console(self, job_id: JobId, offset: int = 0) -> bytes:
        """What the job has printed, from a byte on; as far as it has come, while it runs."""
        path = f"/v1/jobs/{job_id}/console"
        return self.transport.ask("GET", path, params={"offset": str(offset)}).content

    def usage(self, job_id: JobId) -> bytes:
        """The log of what the job has used; as far as it has come, while it runs."""
        return self.transport.ask("GET", f"/v1/jobs/{job_id}/usage").content

    def why(self, job_id: JobId) -> str:
        """Why the job is in the state that it is in, in words."""
        return self.transport.get(f"/v1/jobs/{job_id}/why", Why).why

    def rerun(self, job_id: JobId) -> Job:
        """A new job of the same definition, whatever the cache has."""
        headers = {"idempotency-key": random_token(16)}
        return self.transport.post(f"/v1/jobs/{job_id}/rerun", None, Job, headers)

    def cancel(self, job_id: JobId) -> Job:
        """Fail a job that is not finished.

        Raises:
            Conflict: it is finished.
        """

        def attempt(is_again: bool) -> Job:
            try:
                return self.transport.post_once(f"/v1/jobs/{job_id}/cancel", None, Job)
            except Conflict:
                job = self.get_job(job_id)
                if is_again and job.canceled:
                    return job  # by the request whose answer was lost
                raise

        return self.transport.patiently(attempt)

    def delete(self, job_ids: Sequence[JobId]) -> None:
        """Remove jobs and what only they keep."""

        def attempt(job_id: JobId, is_again: bool) -> None:
            try:
                self.transport.ask_once("DELETE", f"/v1/jobs/{job_id}")
            except JobNotFound:
                if not is_again:
                    raise

        for job_id in dict.fromkeys(job_ids):
            self.transport.patiently(partial(attempt, job_id))

    def has_compute_client(self) -> bool:
        """Whether a compute client is alive that takes any job."""
        found = self.transport.get("/v1/compute-clients", ComputeClientList)
        return any(each.serves_all for each in found.compute_clients)

    def _page(self, query: JobQuery, *, limit: int, after: str | None = None) -> JobList:
        # No id is the beginning of another.
        prefix = query.id_prefix if query.job_id is None else query.job_id
        return self.transport.get(
            "/v1/jobs",
            JobList,
            status=query.status,
            service=query.service,
            app=query.app,
            processor=query.processor,
            tag=list(query.tags),
            user=query.user,
            batch=query.batch,
            compute_client=query.compute_client,
            text=query.text,
            since=_moment(query.since),
            until=_moment(query.until),
            created_since=_moment(query.created_since),
            created_until=_moment(query.created_until),
            input_url=query.input_url,
            output_url=query.output_url,
            id_prefix=prefix,
            limit=str(limit),
            after=after,
        )

    def _digest(self, file: Path, on_progress: Progress | None) -> Digest:
        # The store of this machine remembers the digests of files that have not changed.
        tell = None if on_progress is None else partial(on_progress, f"Hashing {file.name}")
        digest, _ = self.local_store.local_files.digest(file, tell)
        return digest

    def _send_input(self, url: str, file: Path, on_progress: Progress | None) -> None:
        """Send a file of this machine, if the hub lacks it.

        Raises:
            InputUnavailable: it changed since it was looked at.
        """
        digest = parse_blob_url(url)
        changed = f"{file} changed before it was sent. Submit again when it is complete."
        if self._digest(file, None) != digest:
            raise InputUnavailable(changed)
        tell = None if on_progress is None else partial(on_progress, f"Sending {file.name}")
        try:
            upload(self.transport, file, f"/v1/blobs/{digest}", on_sent=tell)
        except IncompleteUpload as error:
            if self._digest(file, None) != digest:
                raise InputUnavailable(changed) from error
            raise


def _moment(timestamp_sec: float | None) -> str | None:
    return None if timestamp_sec is None else repr(timestamp_sec)


def _job_request(request: NewJob) -> JobRequest:
    return JobRequest(
        service_name=request.serviceName,
        job_definition=request.jobDefinition,
        required_resources=request.requiredResources,
        target_compute_client_ids=request.targetComputeClientIds,
        tags=request.tags,
        batch_id=request.batchId,
        job_dependencies=request.jobDependencies,
        secrets=request.secrets,
        skip_cache=request.skipCache,
        rerun_failing=request.rerunFailing,
        delete_failing=request.deleteFailing,
    )
