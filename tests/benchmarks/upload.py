"""An output that is uploaded to a hub: from the first byte sent to the answer that it is kept."""

import contextlib
import hashlib
import http.client
import json
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from dendro_local.contract import GetSignedUploadUrlRequest, part_range
from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.uploads import UploadPlace
from dendro_local.model import JobDefinition, JobId, JobOutputFile, JobParameter, RequiredResources
from tests.benchmarks.figure import Figure, at_most_times
from tests.benchmarks.measuring import alternate, timed
from tests.benchmarks.processes import ProcessFailed
from tests.benchmarks.servers import serving
from tests.benchmarks.stores import Stores

__all__ = ["upload"]

PIECE_BYTES = 1 << 20
LIMIT = 2.0


def upload(stores: Stores) -> Iterator[Figure]:
    """One large output beside writing and hashing the same bytes by the standard library."""
    size = stores.size(1 << 30, quick=1 << 26)
    folder = stores.folder("upload")
    source = folder / "source"
    _write_random(source, size)
    hub = LocalHub(folder / "store")
    with served(folder / "store") as base:
        uploads, written = alternate(
            timed(_uploading(hub, base, source)),
            timed(lambda: _write_and_hash(source, folder / "copy")),
            rounds=3,
        )
    hub.close()
    yield at_most_times(
        f"upload of {size >> 20:,} MiB, to the answer",
        uploads,
        "written and hashed here",
        written,
        LIMIT,
    )


@contextlib.contextmanager
def served(store: Path) -> Generator[str]:
    """A server of a store in a process of its own; gives its URL."""
    with serving("tests.benchmarks.scripts.serve_store", store) as url:
        yield url


def _uploading(hub: LocalHub, base: str, source: Path) -> Callable[[], None]:
    """What puts a file as the output of a new job of its own, whose bytes no store has yet."""
    address = urlsplit(base).netloc
    numbers = iter(range(1_000_000))

    def call() -> None:
        # Other bytes each time, or the store would find that it has them.
        with source.open("r+b") as file:
            file.write(os.urandom(16))
        size = source.stat().st_size
        job_id, key, place = _place(hub, str(next(numbers)), size)
        tags: list[dict[str, object]] = []
        with contextlib.closing(
            http.client.HTTPConnection(address, blocksize=PIECE_BYTES)
        ) as connection:
            for number, token in enumerate(place.tokens, start=1):
                first, length = part_range(size, len(place.tokens), number)
                tag = _put(connection, f"/u/{token}", source, first, length)
                tags.append({"PartNumber": number, "ETag": tag})
            if place.upload_id is not None:
                request = {
                    "type": "finalizeMultipartUploadRequest",
                    "jobId": job_id,
                    "url": place.url,
                    "size": size,
                    "uploadId": place.upload_id,
                    "parts": tags,
                }
                _finalize(connection, request, key)

    return call


def _put(
    connection: http.client.HTTPConnection, path: str, source: Path, first: int, length: int
) -> str | None:
    with source.open("rb") as file:
        file.seek(first)
        body = (file.read(PIECE_BYTES) for _ in range(length // PIECE_BYTES))
        connection.request("PUT", path, body=body, headers={"Content-Length": str(length)})
        return _checked(connection).getheader("ETag")


def _finalize(connection: http.client.HTTPConnection, request: dict[str, object], key: str) -> None:
    connection.request(
        "POST",
        "/api/finalizeMultipartUpload",
        body=json.dumps(request),
        headers={"Authorization": f"Bearer {key}"},
    )
    _checked(connection)


def _checked(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    reply = connection.getresponse()
    text = reply.read()
    if reply.status != 200:
        raise ProcessFailed(f"the upload was answered with {reply.status}: {text!r}")
    return reply


def _place(hub: LocalHub, name: str, size: int) -> tuple[JobId, str, UploadPlace]:
    """A job that runs, its key, and where its output is to be put."""
    job = hub.submit(
        [
            NewJob(
                serviceName="hello_world_service",
                jobDefinition=JobDefinition(
                    appName="hello_world",
                    processorName="hello_world_2",
                    inputFiles=[],
                    outputFiles=[JobOutputFile(name="output", fileBaseName="output.txt")],
                    parameters=[JobParameter(name="name", value=name)],
                ),
                requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=3600),
            )
        ]
    )[0]
    job_id = JobId(job.jobId)
    key = hub.keyed_job(job_id).key
    hub.set_status_by_key(job_id, key, "", "starting", None)
    hub.set_status_by_key(job_id, key, "", "running", None)
    request = GetSignedUploadUrlRequest(
        jobId=job_id, uploadType="output", outputName="output", size=size
    )
    return job_id, key, hub.upload_place(job_id, key, request)


def _write_random(file: Path, size: int) -> None:
    with file.open("wb") as stream:
        for _ in range(size // PIECE_BYTES):
            stream.write(os.urandom(PIECE_BYTES))


def _write_and_hash(source: Path, copy: Path) -> None:
    """What has to be done at least: bytes read, hashed, written, and on the disk."""
    sha256 = hashlib.sha256()
    with source.open("rb", buffering=0) as reading, copy.open("wb", buffering=0) as writing:
        while piece := reading.read(PIECE_BYTES):
            sha256.update(piece)
            writing.write(piece)
        os.fsync(writing.fileno())
    copy.unlink()
