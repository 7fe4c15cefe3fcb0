"""A run of a job on a hub, told step by step by who has the job's key."""

from collections.abc import Mapping

import msgspec

from dendro_local.contract import (
    GetSignedUploadUrlRequest,
    SetJobStatusRequest,
    SetOutputFileUrlRequest,
    UploadType,
)
from dendro_local.errors import InvalidRequest
from dendro_local.model import Digest, JobId, JobStatus
from dendro_local.signed_records import FileRecord, FilesRecord
from dendro_sync.remotes.dendro.calls import Calls
from dendro_sync.remotes.dendro.job_urls import file_urls
from dendro_sync.remotes.dendro.listing import Listing
from dendro_sync.remotes.dendro.uploads import OutgoingFile, upload

__all__ = ["HubRun"]


class HubRun:
    """One run. Whatever was told before, because the answer was lost, may be told again.

    Args:
        calls: asks the hub.
        client_id: the compute client that runs the job; empty where a user does.
        job_id: of the job there.
        key: of the job.
    """

    def __init__(self, calls: Calls, client_id: str, job_id: JobId, key: str) -> None:
        self._calls = calls
        self._listing = Listing(calls)
        self._client_id = client_id
        self._job_id = job_id
        self._key = key

    def set_status(self, status: JobStatus, error: str | None = None) -> None:
        """Take the job a step further.

        Raises:
            DendroError: the hub refused it, and the job is not there already.
        """
        request = SetJobStatusRequest(
            jobId=self._job_id,
            computeClientId=self._client_id,
            status=status,
            error=msgspec.UNSET if error is None else error,
        )
        try:
            self._calls.ask(request, msgspec.Raw, self._key)
        except InvalidRequest:
            job = self._listing.job(self._job_id)
            if job is None or job.status != status:
                raise

    def hand_over(self, files: FilesRecord, outgoing: Mapping[Digest, OutgoingFile]) -> None:
        """Have the files of the job there, from where they are here.

        Raises:
            DendroError: the hub, or who keeps its files, does not take one.
        """
        for name, file in files.outputs.items():
            if file.url is not None:
                self._set_url(name, file.url)
            else:
                self._upload("output", file, outgoing, output=name)
        for name, file in files.others.items():
            self._upload("other", file, outgoing, other=name)
        self._upload("consoleOutput", files.console, outgoing)
        self._upload("resourceUtilizationLog", files.usage, outgoing)

    def _set_url(self, output: str, url: str) -> None:
        request = SetOutputFileUrlRequest(jobId=self._job_id, outputName=output, url=url)
        try:
            self._calls.ask(request, msgspec.Raw, self._key)
        except InvalidRequest as error:
            if "already set" not in str(error):
                raise

    def _upload(
        self,
        kind: UploadType,
        file: FileRecord | None,
        outgoing: Mapping[Digest, OutgoingFile],
        *,
        output: str | None = None,
        other: str | None = None,
    ) -> None:
        if file is None or file.digest is None:
            return
        request = GetSignedUploadUrlRequest(
            jobId=self._job_id,
            uploadType=kind,
            size=file.size or 0,
            outputName=msgspec.UNSET if output is None else output,
            otherName=msgspec.UNSET if other is None else other,
        )
        try:
            upload(self._calls, request, outgoing[file.digest], self._key)
        except InvalidRequest:
            # Files that are no outputs are taken once.
            job = None if other is None else self._listing.job(self._job_id)
            if job is None or ("other", other) not in file_urls(job):
                raise
