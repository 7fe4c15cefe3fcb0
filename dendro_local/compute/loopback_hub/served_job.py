"""A job as an app of the original's SDK sees it: the few calls of the contract that it makes.

The app reads its job's record, hands its files over, and says which URLs it has set. Files go
straight to where an app of our own SDK would put them in the job's folder, so that afterwards
nothing tells the one run from the other.
"""

import hmac
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from dendro_local.compute.job_folder import AppResult, JobFolder, LeftFile
from dendro_local.compute.loopback_hub.upload import Upload
from dendro_local.contract import PlannedUpload, UploadLimits, check_other_is_new, plan_upload
from dendro_local.contract.of_running_jobs import (
    CALLS,
    CancelMultipartUploadRequest,
    FinalizeMultipartUploadRequest,
    GetDandiApiKeyRequest,
    GetJobRequest,
    GetSignedDownloadUrlRequest,
    GetSignedUploadUrlRequest,
    JobRequest,
    SetOutputFileUrlRequest,
    decode_request,
)
from dendro_local.dandi import API_KEY_SECRET, is_dandi_url, readable_url
from dendro_local.errors import HubUnreachable, InvalidRequest
from dendro_local.file_urls import file_url
from dendro_local.hub import FetchedInput
from dendro_local.model import Job, JobInputFile, JobOutputFile, Secret
from dendro_local.random_ids import random_id, random_token
from dendro_local.sdk.job_folder import output_path

__all__ = ["Refusal", "ServedJob"]


class Refusal(Exception):
    """A request that is not granted, with the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ServedJob:
    """One run of a job, with what its app may ask. Safe for use by many threads.

    Args:
        job: its record, with the stable URLs that the store keeps.
        folder: where it runs.
        inputs: where its inputs are.
        secrets: those that its app may ask for.
        base_url: where the app finds this; whoever knows it may read the job and its inputs.
        limits: how large files may be.
    """

    def __init__(
        self,
        job: Job,
        folder: JobFolder,
        inputs: Mapping[str, FetchedInput],
        secrets: Sequence[Secret] = (),
        *,
        base_url: str,
        limits: UploadLimits | None = None,
    ) -> None:
        self.base_url = base_url
        self.private_key = random_id(32)
        self._folder = folder
        self._limits = limits or UploadLimits()
        self._secrets = {secret.name: secret.value for secret in secrets}
        self._inputs = {str(number): fetched.path for number, fetched in enumerate(inputs.values())}
        self._job = _with_readable_inputs(job, inputs, base_url)
        self._lock = threading.Lock()
        self._was_read = False
        self._has_ended = False
        self._uploads: dict[str, Upload] = {}
        self._outputs: dict[str, LeftFile] = {}
        self._others: dict[str, LeftFile] = {}

    # What the app asks

    def answer(self, call: str, body: bytes, key: str | None) -> dict[str, Any]:
        """The reply to a call of the contract, such as ``getJob``.

        Args:
            call: its name.
            body: the request as JSON.
            key: what came as authorization.

        Raises:
            Refusal: it is not granted; the message is the contract's.
        """
        if call not in CALLS:
            raise Refusal(404, f"While a job runs, {call} is not to be asked by its app")
        try:
            request = decode_request(call, body)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, "Invalid request") from error
        if not isinstance(request, GetJobRequest):
            self._check_key(request, key)
        try:
            with self._lock:
                reply = self._answer(request)
            if isinstance(request, GetSignedDownloadUrlRequest) and is_dandi_url(request.url):
                # Not under the lock: the archive may take its time.
                key = self._secrets.get(API_KEY_SECRET)
                reply = {"signedUrl": readable_url(request.url, key)}
        except InvalidRequest as error:
            raise Refusal(400, str(error)) from error
        except HubUnreachable as error:
            raise Refusal(502, str(error)) from error
        return {"type": f"{call}Response", **reply}

    def input_path(self, number: str) -> Path:
        """The file of an input that lies on this machine, by the number in its URL.

        Raises:
            Refusal: there is none of this number.
        """
        path = self._inputs.get(number)
        if path is None:
            raise Refusal(404, "Input file not found")
        return path

    def receive(self, token: str, pieces: Iterable[bytes]) -> str:
        """Take in a file, or a part of one, at the URL that was given out for it.

        Returns:
            A tag of what was received.

        Raises:
            Refusal: the URL is not known, or something else arrived than was announced.
        """
        with self._lock:
            upload = next((each for each in self._uploads.values() if token in each.tokens), None)
        if upload is None:
            raise Refusal(404, "Upload not found")
        try:
            tag = upload.write(token, pieces)
            if upload.planned.num_parts is None:
                with self._lock:
                    self._publish(upload)
        except InvalidRequest as error:
            raise Refusal(400, str(error)) from error
        return tag

    # What the runner is told

    def end(self, *, exit_code: int) -> None:
        """Take nothing in any more; say what the app left, if it came to its end."""
        with self._lock:
            self._has_ended = True
            if exit_code != 0 or not self._was_read:
                return
            result = AppResult(
                formatVersion=1,
                status="completed",
                outputs=self._outputs,
                otherOutputs=self._others,
            )
        try:
            self._folder.write_result(result)
        except FileNotFoundError:
            pass  # the app has removed its folder, as the runner sees for itself

    # Each call

    def _check_key(self, request: JobRequest, key: str | None) -> None:
        if request.jobId != self._job.jobId:
            raise Refusal(404, "Job not found")
        if key is None:
            raise Refusal(400, "Job private key must be provided")
        if not hmac.compare_digest(key.encode(), self.private_key.encode()):
            if isinstance(request, SetOutputFileUrlRequest):
                raise Refusal(403, "Unauthorized")
            raise Refusal(401, "Unauthorized: incorrect or missing job private key")

    def _answer(self, request: JobRequest) -> dict[str, Any]:
        if self._has_ended:
            raise Refusal(400, "Job is not running")
        match request:
            case GetJobRequest():
                return self._get_job(request)
            case GetSignedUploadUrlRequest():
                return self._get_upload_url(request)
            case FinalizeMultipartUploadRequest():
                return self._finalize(request)
            case CancelMultipartUploadRequest():
                return self._cancel(request)
            case SetOutputFileUrlRequest():
                return self._set_output_url(request)
            case GetSignedDownloadUrlRequest():
                return self._get_download_url(request)
            case GetDandiApiKeyRequest():
                return self._get_dandi_api_key(request)

    def _get_job(self, request: GetJobRequest) -> dict[str, Any]:
        if request.includePrivateKey:
            if request.computeClientId is msgspec.UNSET:
                raise Refusal(400, "Compute client ID must be provided")
            raise Refusal(401, "Unauthorized: incorrect or missing compute client private key")
        if request.jobId != self._job.jobId:
            return {}
        self._was_read = True
        return {"job": self._job}

    def _get_upload_url(self, request: GetSignedUploadUrlRequest) -> dict[str, Any]:
        if request.uploadType not in ("output", "other"):
            raise Refusal(400, "The compute client uploads what a job prints and uses")
        planned = plan_upload(
            request, self._job.jobDefinition, others=self._others, limits=self._limits
        )
        root = self._folder.root
        partial = root / "outputs" / f".{random_token(8)}.partial"
        upload = Upload(planned, partial, root / _path(planned))
        self._uploads[upload.id] = upload
        url = self._url(planned.output_name, planned.file_base_name)
        urls = [f"{self.base_url}/u/{token}" for token in upload.tokens]
        if planned.num_parts is None:
            return {"signedUrl": urls[0], "downloadUrl": url}
        parts = [{"partNumber": n, "signedUrl": each} for n, each in enumerate(urls, start=1)]
        return {"parts": parts, "uploadId": upload.id, "downloadUrl": url}

    def _finalize(self, request: FinalizeMultipartUploadRequest) -> dict[str, Any]:
        upload = self._uploads.get(request.uploadId)
        tags = {part.PartNumber: part.ETag for part in request.parts}
        if upload is None or not upload.has(tags):
            raise Refusal(500, "Failed to finalize multipart upload")
        self._publish(upload)
        return {}

    def _cancel(self, request: CancelMultipartUploadRequest) -> dict[str, Any]:
        upload = self._uploads.pop(request.uploadId, None)
        if upload is not None:
            upload.drop()
        return {}

    def _set_output_url(self, request: SetOutputFileUrlRequest) -> dict[str, Any]:
        output = self._output(request.outputName)
        if output.urlDeterminedAtRuntime is not True:
            raise Refusal(400, "Output url is not determined at run time")
        if output.name in self._outputs:
            raise Refusal(400, "Output file url is already set")
        self._outputs[output.name] = LeftFile(url=request.url)
        return {}

    def _get_download_url(self, request: GetSignedDownloadUrlRequest) -> dict[str, Any]:
        if request.url not in self._job.inputFileUrlList:
            raise Refusal(
                400, "Cannot generate signed download URL. No input file with this URL in job."
            )
        return {"signedUrl": request.url}

    def _get_dandi_api_key(self, request: GetDandiApiKeyRequest) -> dict[str, Any]:
        output = self._output(request.outputName)
        if output.urlDeterminedAtRuntime is not True:
            raise Refusal(
                400, "Cannot get DANDI API key because output url is not determined at run time"
            )
        key = self._secrets.get(API_KEY_SECRET)
        if key is None:
            raise Refusal(404, "DANDI_API_KEY not found in job secrets")
        return {"dandiApiKey": key}

    # Files

    def _output(self, name: str) -> JobOutputFile:
        for output in self._job.jobDefinition.outputFiles:
            if output.name == name:
                return output
        raise Refusal(400, "Output file not found")

    def _url(self, output: str, base_name: str) -> str:
        """What names a file of the job for good: the port at which it was handed over will not."""
        job = self._job
        definition = job.jobDefinition
        app, processor = definition.appName, definition.processorName
        return file_url(job.serviceName, app, processor, job.jobId, output, base_name)

    def _publish(self, upload: Upload) -> None:
        if self._has_ended:
            raise Refusal(400, "Job is not running")
        planned = upload.planned
        left = LeftFile(path=_path(planned))
        if planned.kind == "output":
            upload.publish()
            self._outputs[planned.output_name] = left
        else:
            check_other_is_new(planned.file_base_name, self._others)
            upload.publish()
            self._others[planned.file_base_name] = left
        del self._uploads[upload.id]


def _path(planned: PlannedUpload) -> str:
    """Where a file goes in the job's folder."""
    if planned.kind == "output":
        return output_path(planned.output_name)
    return f"other/{planned.file_base_name}"


def _with_readable_inputs(job: Job, inputs: Mapping[str, FetchedInput], base_url: str) -> Job:
    """The record for the app: inputs of this machine are at URLs that it can read now."""
    numbers = {name: number for number, name in enumerate(inputs)}
    files: list[JobInputFile] = []
    for file in job.jobDefinition.inputFiles:
        url = inputs[file.name].url
        if inputs[file.name].path is not None:
            # Readers of files go by endings, so that its name is part of it.
            url = f"{base_url}/i/{numbers[file.name]}/{quote(file.fileBaseName, safe='')}"
        files.append(msgspec.structs.replace(file, url=url))
    return msgspec.structs.replace(
        job,
        jobPrivateKey=None,
        secrets=None,
        jobDefinition=msgspec.structs.replace(job.jobDefinition, inputFiles=files),
        inputFileUrlList=[file.url for file in files],
        status="running",
        timestampStartedSec=time.time(),
    )
