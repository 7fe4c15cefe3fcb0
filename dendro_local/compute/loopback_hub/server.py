"""An HTTP server for apps that speak the Dendro contract, on a loopback port of this machine.

Each job has an address of its own, ``http://127.0.0.1:PORT/ADDRESS``, that nobody can guess: the
contract asks for no key where a job's record is read, and other users of the machine can reach
the port too. Below it are

    /api/NAME      POST        the calls of the contract
    /u/TOKEN       PUT         an output, another file or a part, where ``getSignedUploadUrl`` says
    /i/NUMBER/NAME GET, HEAD   an input that lies on this machine, or a range of it

Files are read from and written to the disk in pieces, whatever their size.
"""

import contextlib
import errno
import functools
import http.server
import logging
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BufferedReader
from typing import Any

import msgspec

from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.loopback_hub.byte_range import NoSuchBytes, byte_range
from dendro_local.compute.loopback_hub.request_body import body_pieces
from dendro_local.compute.loopback_hub.served_job import Refusal, ServedJob
from dendro_local.contract import UploadLimits
from dendro_local.hub import FetchedInput
from dendro_local.model import Job, Secret
from dendro_local.random_ids import random_id

__all__ = ["LoopbackHub"]

logger = logging.getLogger(__name__)

MAX_CALL_BYTES = 1 << 20
"""The longest call is that which finalizes an upload of very many parts."""


class LoopbackHub:
    """Serves jobs to their apps until it is closed. Safe for use by many threads.

    Args:
        limits: how large files may be.
    """

    def __init__(self, *, limits: UploadLimits | None = None) -> None:
        self._limits = limits
        self._server = _Server()
        self._is_closing = False
        self._thread = threading.Thread(
            target=self._accept, name="dendro-loopback-hub", daemon=True
        )
        self._thread.start()

    def serve(
        self,
        job: Job,
        folder: JobFolder,
        inputs: Mapping[str, FetchedInput],
        secrets: Sequence[Secret] = (),
    ) -> ServedJob:
        """Let an app ask for this job, which runs in this folder, until `withdraw`."""
        address = random_id(32)
        served = self._server.served[address] = ServedJob(
            job,
            folder,
            inputs,
            secrets,
            base_url=f"http://127.0.0.1:{self._server.port}/{address}",
            limits=self._limits,
        )
        return served

    def withdraw(self, served: ServedJob) -> None:
        """Answer nobody who asks for this job any more."""
        self._server.served.pop(served.base_url.rpartition("/")[2], None)

    def close(self) -> None:
        """Answer nobody any more."""
        self._is_closing = True
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self._server.port)).close()
        self._thread.join(timeout=1.0)
        self._server.server_close()

    def _accept(self) -> None:
        # Not `serve_forever`, which looks twice a second whether it should end.
        while not self._is_closing:
            self._server.handle_request()


class _Server(socketserver.ThreadingTCPServer):
    # Not `http.server.HTTPServer`, which asks the network for this machine's name.
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        self.served: dict[str, ServedJob] = {}
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, self.served))
        self.port: int = self.socket.getsockname()[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Note what went wrong, unless an app has just gone away."""
        if not isinstance(sys.exception(), ConnectionError):
            logger.exception("a request of an app could not be answered")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, served: Mapping[str, ServedJob], *connection: Any) -> None:
        self._served = served
        super().__init__(*connection)  # this answers all requests of the connection

    def do_POST(self) -> None:
        """A call of the contract."""
        self._respond(self._answer_call)

    def do_PUT(self) -> None:
        """A file of the app."""
        self._respond(self._take_file)

    def do_GET(self) -> None:
        """An input."""
        self._respond(self._give_file)

    def do_HEAD(self) -> None:
        """What there is to know of an input."""
        self._respond(self._give_file)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a request's address is as good as a key."""

    def _respond(self, action: Callable[[ServedJob, str, str, Iterator[bytes]], None]) -> None:
        """Do what is asked; whatever comes of it, read the request to its end."""
        try:
            body = body_pieces(self.headers, self.rfile)
            try:
                action(*self._asked(), body)
            finally:
                for _ in body:
                    pass  # an answer that came while the app still sends would be lost
        except Refusal as refusal:
            self._send_json(refusal.status, {"error": str(refusal)})
        except ConnectionError:
            self.close_connection = True
        except OSError as error:
            self._send_json(*_fault_of_disk(error))

    def _asked(self) -> tuple[ServedJob, str, str]:
        """The job, the kind of thing and which one, that the path names."""
        path, _, _ = self.path.partition("?")
        address, _, rest = path.removeprefix("/").partition("/")
        served = self._served.get(address)
        if served is None:
            raise Refusal(404, "Job not found")
        kind, _, name = rest.partition("/")
        return served, kind, name

    def _answer_call(self, served: ServedJob, kind: str, name: str, body: Iterator[bytes]) -> None:
        if kind != "api":
            raise Refusal(405, "Method not allowed")
        raw = bytearray()
        for piece in body:
            raw += piece
            if len(raw) > MAX_CALL_BYTES:
                raise Refusal(400, "Invalid request")
        words = self.headers.get("Authorization", "").split(" ")
        key = words[1] if len(words) > 1 else None
        self._send_json(200, served.answer(name, bytes(raw), key or None))

    def _take_file(self, served: ServedJob, kind: str, name: str, body: Iterator[bytes]) -> None:
        if kind != "u":
            raise Refusal(405, "Method not allowed")
        tag = served.receive(name, body)
        self.send_response(200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _give_file(self, served: ServedJob, kind: str, name: str, body: Iterator[bytes]) -> None:
        if kind != "i":
            raise Refusal(405, "Method not allowed")
        try:
            file = served.input_path(name.partition("/")[0]).open("rb")
        except OSError as error:
            raise Refusal(404, f"The input file cannot be read: {error.strerror}") from error
        with file:
            self._send_file(file)

    def _send_file(self, file: BufferedReader) -> None:
        status = os.fstat(file.fileno())
        size = status.st_size
        tag = f'"{status.st_mtime_ns:x}-{size:x}"'
        is_same = self.headers.get("If-Range", tag) == tag
        try:
            part = byte_range(self.headers.get("Range") if is_same else None, size)
        except NoSuchBytes:
            self._send_file_headers(416, tag, 0, f"bytes */{size}")
            return
        first, end = part or (0, size)
        if part is None:
            self._send_file_headers(200, tag, size)
        else:
            self._send_file_headers(206, tag, end - first, f"bytes {first}-{end - 1}/{size}")
        if self.command == "GET" and first < end:
            try:
                self.connection.sendfile(file, first, end - first)
            except OSError as error:  # it is too late for another answer
                raise ConnectionError(str(error)) from error

    def _send_file_headers(
        self, status: int, tag: str, length: int, content_range: str | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(length))
        if content_range is not None:
            self.send_header("Content-Range", content_range)
        self.end_headers()

    def _send_json(self, status: int, content: Mapping[str, Any]) -> None:
        raw = msgspec.json.encode(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)


def _fault_of_disk(error: OSError) -> tuple[int, dict[str, str]]:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return 507, {"error": "No room is left on the disk of the store"}
    return 500, {"error": f"The file cannot be kept: {error.strerror}"}
