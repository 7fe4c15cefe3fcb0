"""A run of this machine's compute client on a hub: kept by heartbeats, begun anew when lost."""

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Generator, Mapping
from typing import TypeVar

import msgspec

from dendro_local.errors import ClaimLost, DendroError, HubUnreachable
from dendro_local.hub import Claim, RunToken
from dendro_local.model import JobId
from dendro_local.remote_hub.credentials import ComputeClientKey
from dendro_local.remote_hub.transport import Timeouts, Transport
from dendro_local.v1 import (
    AbandonedReply,
    Adopt,
    BeginRun,
    BegunRun,
    ClaimedJob,
    ClaimReply,
    ClaimRequest,
    ClaimToken,
    Heartbeat,
    HeartbeatReply,
)

__all__ = ["RemoteRun"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

BEATS = 4
"""How many heartbeats there are in the time for which one keeps the run."""

LOOP_TIMEOUTS = Timeouts(silence_sec=10.0)
"""Of what the loop of a compute client asks: the jobs that run need it."""


class _Held(msgspec.Struct):
    """A claim: its job, and the token that it has now, in whatever run."""

    job_id: JobId
    token: str


class RemoteRun:
    """One run. Safe for use by many threads.

    A claim is known by the token with which it was made. It has another one when the run had to be
    begun anew, since the hub has forgotten it: `step` uses that which counts.

    Args:
        base_url: where the hub is.
        key: of the compute client.
        begin: what it offers.
    """

    def __init__(self, base_url: str, key: ComputeClientKey, begin: BeginRun) -> None:
        headers = {"dendro-compute-client": key.compute_client_id}
        self.transport = Transport(
            base_url,
            key.private_key,
            what_key=key.described,
            headers=headers,
            # Nothing of a job's end may be lost, however long the hub is away.
            patience_sec=math.inf,
            waits_for_room=True,
        )
        """For what a job cannot do without."""
        self.loop_transport = Transport(
            base_url,
            key.private_key,
            what_key=key.described,
            headers=headers,
            timeouts=LOOP_TIMEOUTS,
        )
        """For what is asked again by and by."""
        self.unable: str | None = None
        """Why it can run nothing now; None if it can."""
        self.steps: Callable[[], Mapping[JobId, str]] = dict
        """Tells, by job, what is done for it before its app starts."""
        self.is_away = False
        """Whether the hub did not answer when it was last asked."""
        self._client_id = key.compute_client_id
        self._begin = begin
        self._lock = threading.Lock()
        self._beating = threading.Lock()
        self._claims: dict[str, _Held] = {}
        self._lost: set[str] = set()
        self._run_id = ""
        self._has_left = True
        self._last_beat = -math.inf
        self._is_ended = threading.Event()

    def begin(self) -> RunToken:
        """Begin the run, and keep it by heartbeats from now on.

        Raises:
            NotAuthenticated: the key is not in use.
            Conflict: the compute client is at work elsewhere.
            HubUnreachable: the hub does not answer.
        """
        begun = self.loop_transport.patiently(lambda _: self._begun())
        threading.Thread(
            target=self._keep, args=(begun.lease_sec / BEATS,), name="dendro-heartbeat", daemon=True
        ).start()
        return RunToken(
            run_id=begun.run_id,
            compute_client_id=self._client_id,
            name=begun.name,
            user_id=begun.user_id,
            runtime=self._begin.runtime,
        )

    def end(self) -> None:
        """End it; what it holds still is its next run's to take over."""
        self._is_ended.set()
        self.transport.close()
        with contextlib.suppress(DendroError):  # the hub finds out by itself
            if self._run_id:
                self.loop_transport.ask_once("DELETE", f"/v1/runs/{self._run_id}")
        self.loop_transport.close()

    def claim(self, wanted: ClaimRequest) -> ClaimedJob | None:
        """The next job that fits; None also while the hub is away."""
        try:
            # Once: a claim whose answer is lost is given back, as heartbeats do not name it.
            path = f"/v1/runs/{self._run_id}/claim"
            claimed = self.loop_transport.post_once(path, wanted, ClaimReply).claim
        except HubUnreachable:
            return None
        except ClaimLost:
            self.beat(at_once=True)
            return None
        if claimed is not None:
            for known in self._known_of(claimed.job.jobId):
                self._forget(known)  # it is pending since, and nobody has noticed
            with self._lock:
                self._claims[claimed.token] = _Held(claimed.job.jobId, claimed.token)
        return claimed

    def step(self, claim: Claim, ask: Callable[[str], T]) -> T:
        """What the hub says to a step of a claim, asked with the token that counts.

        Raises:
            ClaimLost: the job is not this run's any more.
            DendroError: as the hub has it.
        """
        token = self._token(claim)
        try:
            return ask(token)
        except ClaimLost:
            # The run may have to be begun anew, and its claims with it.
            self.beat(at_once=True)
            if self._token(claim) == token:
                raise
        return ask(self._token(claim))

    def let_go(self, claim: Claim) -> None:
        """Keep a claim no more: its job has ended, or was given back."""
        with self._lock:
            self._claims.pop(claim.token, None)

    def holds(self, job_id: JobId) -> bool:
        """Whether it has a claim of this job."""
        return bool(self._known_of(job_id))

    def beat(self, *, at_once: bool = False, every_sec: float = 0.0) -> None:
        """Keep the run and its claims, unless that was done just now.

        While the hub is away nothing happens.

        Raises:
            NotAuthenticated: the compute client was removed, or has another key.
            Conflict: the compute client is at work elsewhere.
        """
        with self._beating:
            if not at_once and time.monotonic() - self._last_beat < every_sec:
                return
            try:
                self._beat()
            except HubUnreachable as error:
                self._note_away(error)
            else:
                self._note_away(None)
            self._last_beat = time.monotonic()

    def lost(self, claims: Collection[Claim]) -> list[Claim]:
        """Those of all claims that run which the hub says are this run's no more."""
        with self._lock:
            self._lost &= {claim.token for claim in claims}
            return [claim for claim in claims if claim.token in self._lost]

    def is_lost(self, claim: Claim) -> bool:
        """Whether the hub says that a claim is this run's no more."""
        with self._lock:
            return claim.token in self._lost

    def abandoned(self) -> list[ClaimedJob]:
        """Claims of earlier runs, which are not alive any more; none while the hub is away."""
        if not self._has_left:
            return []
        try:
            path = f"/v1/runs/{self._run_id}/abandoned"
            found = self.loop_transport.get_once(path, AbandonedReply).claims
        except (HubUnreachable, ClaimLost):
            return []  # a heartbeat mends it
        self._has_left = False
        return [each for each in found if not self.holds(each.job.jobId)]

    @property
    def is_settled(self) -> bool:
        """Whether all that earlier runs left was asked for."""
        return not self._has_left

    def adopt(self, job_id: JobId, token: str) -> ClaimedJob:
        """Take over an abandoned claim.

        Raises:
            ClaimLost: it is another's by now.
            HubUnreachable: the hub does not answer; the claim is `abandoned` still.
        """
        with self._leaving_the_rest():
            adopted = self._adopted(job_id, token)
        with self._lock:
            self._claims[adopted.token] = _Held(job_id, adopted.token)
            self._lost.discard(adopted.token)
        return adopted

    def give_up(self, job_id: JobId, token: str) -> None:
        """End an abandoned claim.

        Raises:
            ClaimLost: it is another's by now.
            HubUnreachable: the hub does not answer; the claim is `abandoned` still.
        """
        with self._leaving_the_rest():
            self.loop_transport.send_once(f"/v1/claims/{job_id}/give-up", ClaimToken(token=token))

    @contextlib.contextmanager
    def _leaving_the_rest(self) -> Generator[None]:
        try:
            yield
        except HubUnreachable:
            self._has_left = True
            raise

    def _known_of(self, job_id: JobId) -> list[str]:
        with self._lock:
            return [known for known, held in self._claims.items() if held.job_id == job_id]

    def _token(self, claim: Claim) -> str:
        with self._lock:
            held = self._claims.get(claim.token)
            return claim.token if held is None else held.token

    def _begun(self) -> BegunRun:
        begun = self.loop_transport.post_once("/v1/runs", self._begin, BegunRun)
        self._run_id = begun.run_id
        self._has_left = True
        return begun

    def _adopted(self, job_id: JobId, token: str) -> ClaimedJob:
        adopt = Adopt(token=token, run_id=self._run_id)
        return self.loop_transport.post_once(f"/v1/claims/{job_id}/adopt", adopt, ClaimedJob)

    def _beat(self) -> None:
        try:
            self._tell()
        except ClaimLost:
            self._begun()  # the hub has forgotten it
            self._tell()

    def _tell(self) -> None:
        self._take_along()
        with self._lock:
            claims = {held.job_id: (known, held.token) for known, held in self._claims.items()}
        told = Heartbeat(
            claims={job_id: token for job_id, (_, token) in claims.items()},
            steps={job_id: step for job_id, step in self.steps().items() if job_id in claims},
            unable=self.unable,
        )
        path = f"/v1/runs/{self._run_id}/heartbeat"
        reply = self.loop_transport.post_once(path, told, HeartbeatReply)
        for job_id in reply.lost:
            self._forget(claims[job_id][0])

    def _take_along(self) -> None:
        """Take the claims into this run that were made in one which the hub has forgotten."""
        with self._lock:
            claims = list(self._claims.items())
        for known, held in claims:
            if held.token.rpartition(":")[0] == self._run_id:
                continue
            try:
                held.token = self._adopted(held.job_id, held.token).token
            except ClaimLost:
                self._forget(known)

    def _forget(self, known: str) -> None:
        with self._lock:
            if self._claims.pop(known, None) is not None:
                self._lost.add(known)

    def _note_away(self, error: HubUnreachable | None) -> None:
        """Say once that the hub is away, and once that it is back."""
        was_away, self.is_away = self.is_away, error is not None
        if error is not None and not was_away and not self._is_ended.is_set():
            logger.warning("%s Jobs that run go on, and their ends wait for it.", error)
        elif error is None and was_away:
            logger.info("the hub at %s answers again", self.transport.base_url)

    def _keep(self, every_sec: float) -> None:
        while not self._is_ended.wait(every_sec):
            with contextlib.suppress(DendroError):  # whoever asks for something is told
                self.beat(every_sec=every_sec / 2)
