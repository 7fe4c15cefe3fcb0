"""The compute client inside a script or notebook, for when no other one is alive.

It runs the jobs that the script submitted, and what they depend on, in the background from the
moment that the script waits for one of them. When the script ends, what still runs is stopped and
is pending again.
"""

import atexit
import os
import threading
import time
from collections.abc import Collection

from dendro_local.compute.compute_client import ComputeClient
from dendro_local.compute.process_runtime import HOST_IDLE_SEC
from dendro_local.hub import Hub
from dendro_local.model import JobId

__all__ = ["EmbeddedComputeClient", "embedded_compute_client"]


class EmbeddedComputeClient:
    """The compute client of this process for one hub. Safe for use by many threads."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._submitted: set[JobId] = set()
        self._wanted: set[JobId] = set()
        self._client: ComputeClient | None = None
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._failure: Exception | None = None

    def note_submitted(self, job_id: JobId) -> None:
        """The script submitted this job: it runs once the script waits for any."""
        with self._lock:
            self._submitted.add(job_id)

    def run(self, job_ids: Collection[JobId]) -> None:
        """Run these jobs, what they depend on, and what else the script submitted.

        Raises:
            StoreError: it has had to end, because the store could not be read or written.
        """
        with self._lock:
            if self._pid != os.getpid():
                self._after_fork()
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            new = (self._submitted | set(job_ids)) - self._wanted
            self._submitted.clear()
            if new:
                # A new set, since the compute client's thread may be going through this one.
                self._wanted = self._wanted | self._hub.unfinished_ancestry(new)
            if self._thread is not None and self._thread.is_alive():
                if new and self._client is not None:
                    self._client.wake()
                return
            self._client = ComputeClient(self._hub, only=lambda: self._wanted)
            self._thread = threading.Thread(
                target=self._serve,
                args=(self._client,),
                name="dendro-embedded-compute-client",
                daemon=True,
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop what runs; its jobs are pending again."""
        with self._lock:
            client, thread = self._client, self._thread
            self._client = self._thread = None
        if client is not None and thread is not None and self._pid == os.getpid():
            client.stop()
            thread.join()  # it ends by itself, see RELEASE_SEC

    def _serve(self, client: ComputeClient) -> None:
        try:
            # Its warm hosts end with it, and the next cell of a notebook may need one.
            client.serve(is_done=lambda: time.monotonic() - client.idle_since > HOST_IDLE_SEC)
        except Exception as failure:  # noqa: BLE001 - raised again in the thread that waits
            self._failure = failure

    def _after_fork(self) -> None:
        """A forked process has none of its parent's threads, and none of its jobs to run."""
        self._pid = os.getpid()
        self._client = self._thread = self._failure = None
        self._wanted = set()


_by_hub: dict[int, EmbeddedComputeClient] = {}


def embedded_compute_client(hub: Hub) -> EmbeddedComputeClient:
    """The compute client of this process for a hub; it ends with the process."""
    found = _by_hub.get(id(hub))
    if found is None:
        found = _by_hub[id(hub)] = EmbeddedComputeClient(hub)
        atexit.register(found.stop)
    return found
