"""Waiting for changes of a hub's jobs: by its stream of events, or by looking now and then."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import httpx
import msgspec

from dendro_local.errors import DendroError
from dendro_local.model import JobId, JobStatus
from dendro_local.remote_hub.transport import Transport

__all__ = ["EventFilter", "JobEvent", "RemoteChanges"]

LOOK_SEC = 5.0
"""How often to look where the hub tells nothing."""

FIRST_PAUSE_SEC = 0.5
LONGEST_PAUSE_SEC = 15.0

SILENT_SEC = 40.0
"""The hub says something every 15 seconds; after this long, the connection is taken for broken."""

MOST_JOBS = 200
"""For more jobs all are followed: a URL has only so much room."""


class _Job(msgspec.Struct, frozen=True):
    jobId: JobId
    status: JobStatus
    isRunnable: bool


class JobEvent(msgspec.Struct, frozen=True):
    """A change of a job; ``job`` is None if it was deleted, or if whatever may have happened."""

    job: _Job | None = None


EventFilter = Callable[[JobEvent], bool]
"""Whether a change of a job is of interest."""

_event = msgspec.json.Decoder(JobEvent)


class RemoteChanges:
    """Waits for changes of jobs of a hub. `wait` in one thread; `wake` from any.

    Args:
        transport: asks the hub.
        job_ids: the jobs to follow; None for all.
        is_of_interest: which changes to wake for.
    """

    def __init__(
        self,
        transport: Transport,
        job_ids: Iterable[JobId] | None = None,
        is_of_interest: EventFilter = lambda _: True,
    ) -> None:
        self._transport = transport
        wanted = sorted(set(job_ids or ()))
        self._query = {"job": list[str](wanted)} if 0 < len(wanted) <= MOST_JOBS else {}
        self._is_of_interest = is_of_interest
        self._has_changed = threading.Event()
        self._is_closed = threading.Event()
        self._is_listening = threading.Event()
        self._reply: httpx.Response | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._follow, name="dendro-events", daemon=True).start()

    def wait(self, timeout_sec: float) -> bool:
        """Wait for a change, at most this long; False if there was surely none."""
        # Where the hub tells nothing, it is asked: not more often than is good for both.
        listens = self._is_listening.is_set()
        woken = self._has_changed.wait(timeout_sec if listens else min(timeout_sec, LOOK_SEC))
        self._has_changed.clear()
        return woken or not listens

    def wake(self) -> None:
        """End another thread's wait."""
        self._has_changed.set()

    def close(self) -> None:
        """Wait no more."""
        self._is_closed.set()
        with self._lock:
            if self._reply is not None:
                _hang_up(self._reply)
        self.wake()

    def _follow(self) -> None:
        pause = FIRST_PAUSE_SEC
        while not self._is_over:
            began = time.monotonic()
            with contextlib.suppress(DendroError):  # whoever asks for something is told
                self._listen()
            self._is_listening.clear()
            self._note(JobEvent())  # what happened meanwhile is not known
            pause = FIRST_PAUSE_SEC if time.monotonic() - began > pause else 2 * pause
            self._is_closed.wait(min(pause, LONGEST_PAUSE_SEC))

    def _listen(self) -> None:
        headers = {"accept": "text/event-stream"}
        streaming = self._transport.stream(
            "/v1/events", headers=headers, query=self._query, silence_sec=SILENT_SEC
        )
        with streaming as reply:
            with self._lock:
                self._reply = reply
            try:
                for name, data in _events(reply.iter_lines()):
                    if self._is_over:
                        return
                    self._is_listening.set()
                    self._note(_event.decode(data) if name == "job" else JobEvent())
            except msgspec.DecodeError:
                return  # of another version: it is looked for changes
            finally:
                with self._lock:
                    self._reply = None

    def _note(self, event: JobEvent) -> None:
        if self._is_of_interest(event):
            self.wake()

    @property
    def is_listening(self) -> bool:
        """Whether the hub tells of changes at this moment."""
        return self._is_listening.is_set()

    @property
    def _is_over(self) -> bool:
        return self._is_closed.is_set() or self._transport.is_closed


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Name and data of each event of a stream."""
    name = data = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data = value
        elif not line and name:
            yield name, data
            name = data = ""


def _hang_up(reply: httpx.Response) -> None:
    """End a stream from another thread than the one that reads it."""
    stream = reply.extensions.get("network_stream")
    connection = None if stream is None else stream.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):  # it has just ended by itself
            connection.shutdown(socket.SHUT_RDWR)
