"""What a job prints and uses, sent to its hub while it runs: for whoever looks on there.

What has been sent so is not sent again when the job ends.
"""

import contextlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from dendro_local.errors import ClaimLost, DendroError, HubUnreachable, IncompleteUpload
from dendro_local.hub import Claim
from dendro_local.model import JobId
from dendro_local.remote_hub.remote_run import RemoteRun
from dendro_local.remote_hub.uploads import send_piece
from dendro_local.v1 import Received

__all__ = ["LOG_FILES", "LiveLogs", "file_headers", "file_path"]

SEND_SEC = 1.5
"""How often what is new is sent."""

PIECE_BYTES = 1 << 20
"""At most so much of each log at once. The rest comes later, or when the job ends."""

LOG_FILES: Mapping[str, str] = {"console": "console.txt", "usage": "usage.jsonl"}
"""The logs in the folder of a job, by what they are to the job."""


class LiveLogs:
    """Sends the logs of the jobs that run, in a thread of its own, until `close`.

    Args:
        run: whose jobs.
    """

    def __init__(self, run: RemoteRun) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._told: Mapping[JobId, str] = {}
        self._is_closed = threading.Event()
        threading.Thread(target=self._send, name="dendro-live-logs", daemon=True).start()

    def add(self, claim: Claim, *, is_new: bool) -> None:
        """Send the logs of a job from now on; of one that is not new, the hub may have some."""
        with self._lock:
            self._jobs[claim.token] = _Job(claim, is_new=is_new)

    def remove(self, claim: Claim) -> None:
        """Send them no more. What is being sent has come when this returns."""
        with self._lock:
            job = self._jobs.pop(claim.token, None)
        if job is not None:
            with job.sending:
                job.is_over = True

    def steps(self) -> Mapping[JobId, str]:
        """What is done for each job before its app starts, where that is written down."""
        with self._lock:
            jobs = list(self._jobs.values())
        found = {job.claim.job.jobId: job.step() for job in jobs}
        return {job_id: step for job_id, step in found.items() if step is not None}

    def close(self) -> None:
        """Send nothing any more."""
        self._is_closed.set()

    def _send(self) -> None:
        while not self._is_closed.wait(SEND_SEC):
            with self._lock:
                jobs = list(self._jobs.values())
            for job in jobs:
                # What cannot be sent now is sent later, or when the job ends.
                with contextlib.suppress(DendroError, OSError):
                    job.send(self._run)
                if self._run.is_away or self._is_closed.is_set():
                    break
            self._tell_steps()

    def _tell_steps(self) -> None:
        steps = self.steps()
        if steps != self._told:
            self._told = steps
            with contextlib.suppress(DendroError):  # a later heartbeat tells it
                self._run.beat(at_once=True)


class _Job:
    """A job whose logs are sent."""

    def __init__(self, claim: Claim, *, is_new: bool) -> None:
        self.claim = claim
        self._is_new = is_new
        self.sending = threading.Lock()
        self.is_over = False
        self._sent: dict[str, tuple[int, int]] = {}
        """By log: which file it was, and how much of it the hub has."""

    def step(self) -> str | None:
        try:
            return (self.claim.folder / "preparation.txt").read_text(encoding="utf-8")
        except OSError:
            return None

    def send(self, run: RemoteRun) -> None:
        """Send what is new."""
        for kind, name in LOG_FILES.items():
            with self.sending:
                if not self.is_over:
                    self._send_log(run, kind, self.claim.folder / name)

    def _send_log(self, run: RemoteRun, kind: str, file: Path) -> None:
        if not self._is_new and kind not in self._sent:
            self._sent[kind] = (_inode(file), self._received(run, kind))
        try:
            with file.open("rb") as stream:
                status = os.fstat(stream.fileno())
                inode, offset = self._sent.get(kind, (status.st_ino, 0))
                if inode != status.st_ino or offset > status.st_size:
                    offset = 0  # the app was started anew
                stream.seek(offset)
                piece = stream.read(PIECE_BYTES)
        except FileNotFoundError:
            return
        if not piece:
            return

        def send(token: str) -> None:
            headers = file_headers(self.claim, token)
            path, query = file_path(self.claim), {"kind": kind}
            send_piece(run.loop_transport, piece, offset, path, query=query, headers=headers)

        try:
            run.step(self.claim, send)
            self._sent[kind] = (status.st_ino, offset + len(piece))
        except (IncompleteUpload, HubUnreachable):
            # Some of it may have come.
            self._sent[kind] = (status.st_ino, self._received(run, kind))
        except ClaimLost:
            self.is_over = True
            raise

    def _received(self, run: RemoteRun, kind: str) -> int:
        """How much of a log the hub has."""

        def ask(token: str) -> int:
            headers = file_headers(self.claim, token)
            path, query = file_path(self.claim), {"kind": kind}
            found = run.loop_transport.get_once(path, Received, params=query, headers=headers)
            return found.offset

        return run.step(self.claim, ask)


def _inode(file: Path) -> int:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return 0


def file_path(claim: Claim) -> str:
    """Where a file of a claimed job is sent to."""
    return f"/v1/claims/{claim.job.jobId}/file"


def file_headers(claim: Claim, token: str) -> dict[str, str]:
    """What says whose a file is that is sent."""
    return {"claim-token": token, "claim-attempt": str(claim.attempt)}
