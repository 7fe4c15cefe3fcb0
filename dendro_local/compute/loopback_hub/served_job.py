"""A job as an app of the original's SDK sees it: the few calls of the contract that it makes.

The app reads its job's record, hands its files over, and says which URLs it has set. Files go
straight to where an app of our own SDK would put them in the job's folder, so that afterwards
nothing tells the one run from the other.
"""

import hmac
import math
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from dendro_local.compute.job_folder import AppResult, JobFolder, LeftFile
from dendro_local.compute.loopback_hub.requests import (
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
from dendro_local.compute.loopback_hub.upload import Upload, UploadRefused
from dendro_local.file_urls import file_url
from dendro_local.hub import FetchedInput
from dendro_local.model import Job, JobInputFile, JobOutputFile
from dendro_local.random_ids import random_id, random_token
from dendro_local.sdk.job_folder import output_path
from dendro_local.sdk.other_outputs import is_allowed_name

__all__ = ["PART_BYTES", "Refusal", "ServedJob"]

PART_BYTES = 1024 * 1024 * 1000
"""From this size on, an output comes in parts of at most this size."""

MAX_PARTS = 10_000
MAX_OTHER_BYTES = 1024 * 1024 * 1024 + 10


class Refusal(Exception):
    """A request that is not granted, with the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """An upload, and what it is of the job."""

    upload: Upload
    kind: Literal["output", "other"]
    name: str
    path: str
    """In the job's folder."""
    has_parts: bool = False


class ServedJob:
    """One run of a job, with what its app may ask. Safe for use by many threads.

    Args:
        job: its record, with the stable URLs that the store keeps.
        folder: where it runs.
        inputs: where its inputs are.
        base_url: where the app finds this; whoever knows it may read the job and its inputs.
        part_bytes: from which size on an output comes in parts.
    """

    def __init__(
        self,
        job: Job,
        folder: JobFolder,
        inputs: Mapping[str, FetchedInput],
        *,
        base_url: str,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.base_url = base_url
        self.private_key = random_id(32)
        self._folder = folder
        self._part_bytes = part_bytes
        self._inputs = {str(number): fetched.path for number, fetched in enumerate(inputs.values())}
        self._job = _with_readable_inputs(job, inputs, base_url)
        self._lock = threading.Lock()
        self._was_read = False
        self._has_ended = False
        self._uploads: dict[str, Announced] = {}
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
        with self._lock:
            return {"type": f"{call}Response", **self._answer(request)}

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
            announced = next(
                (each for each in self._uploads.values() if token in each.upload.tokens), None
            )
        if announced is None:
            raise Refusal(404, "Upload not found")
        try:
            tag = announced.upload.write(token, pieces)
        except UploadRefused as error:
            raise Refusal(400, str(error)) from error
        if not announced.has_parts:
            with self._lock:
                self._publish(announced)
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
        match request.uploadType:
            case "output":
                announced, url = self._announce_output(request)
            case "other":
                announced, url = self._announce_other(request)
            case _:
                raise Refusal(400, "The compute client uploads what a job prints and uses")
        self._uploads[announced.upload.id] = announced
        urls = [f"{self.base_url}/u/{token}" for token in announced.upload.tokens]
        if not announced.has_parts:
            return {"signedUrl": urls[0], "downloadUrl": url}
        parts = [{"partNumber": n, "signedUrl": each} for n, each in enumerate(urls, start=1)]
        return {"parts": parts, "uploadId": announced.upload.id, "downloadUrl": url}

    def _announce_output(self, request: GetSignedUploadUrlRequest) -> tuple[Announced, str]:
        if not request.outputName:
            raise Refusal(400, "Must specify outputName")
        output = self._output(request.outputName)
        name = output.name
        has_parts = request.size >= self._part_bytes
        num_parts = math.ceil(request.size / self._part_bytes) if has_parts else 1
        if num_parts > MAX_PARTS:
            raise Refusal(400, "File size too large")
        path = output_path(name)
        announced = Announced(
            upload=self._upload(path, request.size, num_parts),
            kind="output",
            name=name,
            path=path,
            has_parts=has_parts,
        )
        return announced, self._url(name, output.fileBaseName)

    def _announce_other(self, request: GetSignedUploadUrlRequest) -> tuple[Announced, str]:
        if not request.otherName:
            raise Refusal(400, "Must specify otherName")
        name, path = request.otherName, f"other/{request.otherName}"
        if not is_allowed_name(name):
            raise Refusal(400, "Invalid otherName")
        if request.size > MAX_OTHER_BYTES:
            raise Refusal(400, "File size too large")
        self._check_other_is_new(name)
        # Whole however large it is: the SDK cannot give such a file in parts.
        upload = self._upload(path, request.size, num_parts=1)
        announced = Announced(upload=upload, kind="other", name=name, path=path)
        return announced, self._url("other", name)

    def _finalize(self, request: FinalizeMultipartUploadRequest) -> dict[str, Any]:
        announced = self._uploads.get(request.uploadId)
        tags = {part.PartNumber: part.ETag for part in request.parts}
        if announced is None or not announced.upload.has(tags):
            raise Refusal(500, "Failed to finalize multipart upload")
        self._publish(announced)
        return {}

    def _cancel(self, request: CancelMultipartUploadRequest) -> dict[str, Any]:
        announced = self._uploads.pop(request.uploadId, None)
        if announced is not None:
            announced.upload.drop()
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
        raise Refusal(
            404,
            f"There is no DANDI API key for output {output.name!r}: only a hub can hold one, and "
            "this job runs without a connection to a hub.",
        )

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

    def _upload(self, path: str, size: int, num_parts: int) -> Upload:
        root = self._folder.root
        partial = root / "outputs" / f".{random_token(8)}.partial"
        return Upload(partial, root / path, size, num_parts)

    def _publish(self, announced: Announced) -> None:
        if self._has_ended:
            raise Refusal(400, "Job is not running")
        left = LeftFile(path=announced.path)
        if announced.kind == "output":
            announced.upload.publish()
            self._outputs[announced.name] = left
        else:
            self._check_other_is_new(announced.name)
            announced.upload.publish()
            self._others[announced.name] = left
        del self._uploads[announced.upload.id]

    def _check_other_is_new(self, name: str) -> None:
        """Refuse a name that is taken, as a file or as a folder of one."""
        for other in self._others:
            if other == name or other.startswith(f"{name}/") or name.startswith(f"{other}/"):
                raise Refusal(400, "Other file already exists")


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
