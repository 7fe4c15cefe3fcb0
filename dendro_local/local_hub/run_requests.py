"""What an app asks about the job that it runs, with the job's key. Messages are the contract's."""

from msgspec.structs import replace

from dendro_local.dandi import API_KEY_SECRET
from dendro_local.errors import Conflict, InvalidRequest, NotFound
from dendro_local.lifecycle import ACTIVE
from dendro_local.local_hub.job_keys import JobKeys, is_contract_run
from dendro_local.model import Job, JobId, JobOutputFile
from dendro_local.store import StoredFile, StoredJob

__all__ = ["RunRequests"]


class RunRequests(JobKeys):
    """What an app asks beside where to put its files."""

    def set_output_url(self, job_id: JobId, key: str, output_name: str, url: str) -> None:
        """Record where an app itself has put an output.

        Raises:
            JobNotFound: there is no such job.
            NotAllowed: the key is not the job's.
            Conflict: the job is not running, or the URL is set already.
            InvalidRequest: the job has no such output, or the app does not set its URL.
        """
        with self.store.transaction():
            stored = self._running_by_key(job_id, key)
            output = _output(stored.record, output_name)
            if output.urlDeterminedAtRuntime is not True:
                raise InvalidRequest("Output url is not determined at run time")
            if output_name in stored.files.outputs:
                raise Conflict("Output file url is already set")
            if not url:
                raise InvalidRequest("Output file url is empty")
            outputs = {**stored.files.outputs, output_name: StoredFile(None, None, url)}
            self.store.jobs.update(stored.number, files=replace(stored.files, outputs=outputs))

    def dandi_api_key(self, job_id: JobId, key: str, output_name: str) -> str:
        """The secret with which an app publishes an output on DANDI.

        Raises:
            JobNotFound: there is no such job.
            NotAllowed: the key is not the job's.
            Conflict: the job is not running.
            InvalidRequest: the job has no such output, or it is not published by the app.
            NotFound: the job was given no such secret.
        """
        with self.store.reading():
            stored = self._running_by_key(job_id, key)
            if _output(stored.record, output_name).urlDeterminedAtRuntime is not True:
                raise InvalidRequest(
                    "Cannot get DANDI API key because output url is not determined at run time"
                )
            found = self._dandi_secret(stored)
        if found is None:
            raise NotFound("DANDI_API_KEY not found in job secrets")
        return found

    def input_secret(self, job_id: JobId, key: str, url: str) -> str | None:
        """The secret that may be needed to read an input of a job, if it was given it.

        Args:
            job_id: the job.
            key: its key.
            url: the input's stable URL.

        Raises:
            JobNotFound: there is no such job.
            NotAllowed: the key is not the job's.
            InvalidRequest: the job has no such input.
            Conflict: the job is not running.
        """
        with self.store.reading():
            stored = self._by_key(job_id, key)
            if url not in stored.record.inputFileUrlList:
                raise InvalidRequest(
                    "Cannot generate signed download URL. No input file with this URL in job."
                )
            if stored.record.status not in ACTIVE or not is_contract_run(stored):
                raise Conflict("Job is not running")
            return self._dandi_secret(stored)

    def _dandi_secret(self, stored: StoredJob) -> str | None:
        secrets = self.secrets_of(stored)
        return next((each.value for each in secrets if each.name == API_KEY_SECRET), None)

    def _running_by_key(self, job_id: JobId, key: str) -> StoredJob:
        stored = self._by_key(job_id, key)
        if stored.record.status != "running" or not is_contract_run(stored):
            raise Conflict("Job is not running")
        return stored


def _output(job: Job, name: str) -> JobOutputFile:
    for output in job.jobDefinition.outputFiles:
        if output.name == name:
            return output
    raise InvalidRequest("Output name not found in job definition")
