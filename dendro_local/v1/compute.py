"""What a compute client on another machine and its hub say to each other.

A compute client begins a *run*, which counts as alive as long as heartbeats come, and claims jobs
for it. Of a claimed job it uploads files, each of them from any byte on, and then says how the
job ended. All of it is authorized by the compute client's private key, with its id in the header
``Dendro-Compute-Client``, and each step about a job also by the token of the claim, so that who
comes late is refused. Each step but a claim may be asked for again if its answer is lost; a claim
that its run does not name in its heartbeats is given back.

| request | answer |
|---|---|
| ``POST /v1/runs`` `BeginRun` | `BegunRun` |
| ``POST /v1/runs/{run_id}/heartbeat`` `Heartbeat` | `HeartbeatReply` |
| ``DELETE /v1/runs/{run_id}`` | 204 |
| ``POST /v1/runs/{run_id}/claim`` `ClaimRequest` | `ClaimReply` |
| ``GET /v1/runs/{run_id}/abandoned`` | `AbandonedReply` |
| ``POST /v1/claims/{job_id}/adopt`` `Adopt` | `ClaimedJob` |
| ``POST /v1/claims/{job_id}/app`` `ClaimToken` | `AppOfClaim` |
| ``POST /v1/claims/{job_id}/input`` `InputOf` | `InputOfClaim` |
| ``POST /v1/claims/{job_id}/running`` `Started` | 204 |
| ``POST /v1/claims/{job_id}/release`` `ClaimToken` | 204 |
| ``POST /v1/claims/{job_id}/give-up`` `ClaimToken` | 204 |
| ``POST /v1/claims/{job_id}/complete`` `Complete` | 204 |
| ``POST /v1/claims/{job_id}/fail`` `Fail` | 204 |
| ``GET /v1/claims/{job_id}/file?kind=&name=`` | `Received` |
| ``PATCH /v1/claims/{job_id}/file?kind=&name=`` the bytes from ``Upload-Offset`` on | `Received` |

The last two carry the token in the header ``Claim-Token`` and the attempt in ``Claim-Attempt``:
what a job that was canceled has printed may still come. ``kind`` is ``output``, ``other``,
``console`` or ``usage``; the last two have no name. The bytes must go on where those that have come
end, or begin at 0 again. What goes on elsewhere, or while another request does, is answered with
409 ``incomplete_upload``: ask again how much has come.
"""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, field

from dendro_local.model import AppSdk, ComputeSlot, Digest, Job, JobId, Secret
from dendro_local.v1.record import Answer, Question

__all__ = [
    "AbandonedReply",
    "Adopt",
    "AppOfClaim",
    "BeginRun",
    "BegunRun",
    "ClaimReply",
    "ClaimRequest",
    "ClaimToken",
    "ClaimedJob",
    "Complete",
    "Fail",
    "Heartbeat",
    "HeartbeatReply",
    "InputOf",
    "InputOfClaim",
    "Received",
    "Room",
    "Started",
    "UploadedFile",
]


AgoSec = Annotated[float, Meta(ge=0, le=1e9)]


class BeginRun(Question, frozen=True, kw_only=True):
    """A compute client starts to work.

    ``instance`` tells its machine, and the folder in which it runs jobs there, from others: one
    compute client works in one place at a time.
    """

    slots: list[ComputeSlot]
    serves_all: bool
    instance: Annotated[str, Meta(pattern="^[A-Za-z0-9]{1,64}$")]
    runtime: str = "process"


class BegunRun(Answer, frozen=True, kw_only=True):
    """The run counts as alive for so long after each heartbeat."""

    run_id: str
    name: str
    user_id: str
    lease_sec: float


class Heartbeat(Question, frozen=True, kw_only=True):
    """The run is alive and holds these claims: tokens by job id.

    ``steps`` tells, by job id, what is done for a job before its app starts. ``unable`` says why
    the run can start nothing now; None if it can.
    """

    claims: dict[JobId, str]
    steps: dict[JobId, str] = field(default_factory=dict)
    unable: str | None = None


class HeartbeatReply(Answer, frozen=True, kw_only=True):
    """The jobs of the heartbeat that are this run's no more: canceled, deleted or given away."""

    lost: list[JobId]


class Room(Question, frozen=True, kw_only=True):
    """What a compute client has left for jobs; memory in GB."""

    num_cpus: int
    num_gpus: int
    memory_gb: float


class ClaimRequest(Question, frozen=True, kw_only=True):
    """What the run has room for. ``only``: the ids of the jobs it may take; None is any."""

    slots: list[ComputeSlot]
    free: Room
    only: list[JobId] | None = None


class ClaimedJob(Answer, frozen=True, kw_only=True):
    """A job that the run holds now. URLs of its inputs work for the run."""

    number: int
    job: Job
    token: str
    attempt: int


class ClaimReply(Answer, frozen=True, kw_only=True):
    """The job that the run got; None if none fits."""

    claim: ClaimedJob | None


class AbandonedReply(Answer, frozen=True, kw_only=True):
    """Claims of earlier runs of the same compute client, which are not alive any more."""

    claims: list[ClaimedJob]


class ClaimToken(Question, frozen=True, kw_only=True):
    """A step of a claim that needs nothing else."""

    token: str


class Started(Question, frozen=True, kw_only=True):
    """The app of a claimed job has been started, in a container of this image if there is one.

    ``started_ago_sec`` is how long ago: clocks of different machines differ.
    """

    token: str
    image_uri: str | None = None
    started_ago_sec: AgoSec = 0.0


class Adopt(Question, frozen=True, kw_only=True):
    """A run takes over an abandoned claim of its compute client."""

    token: str
    run_id: str


class AppOfClaim(Answer, frozen=True, kw_only=True):
    """How the code of a claimed job is got, and what its app is told.

    ``code_digest`` is over the files of the app's folder, which `GET /v1/services/.../code` gives;
    None if the code is in the image alone. ``state`` changes with the code. The rest is as
    `dendro_local.hub.ClaimedApp` has it.
    """

    state: str
    sdk: AppSdk | None
    may_be_warm: bool
    code_digest: Digest | None
    image: str
    executable: str
    needs_network: bool
    secrets: Sequence[Secret] = ()


class InputOf(Question, frozen=True, kw_only=True):
    """Which input of a claimed job is wanted, by its name."""

    token: str
    name: str


class InputOfClaim(Answer, frozen=True, kw_only=True):
    """Where an input of a claimed job can be read.

    With ``digest``, its SHA-256, and ``size`` it is a file of the hub; else it lies elsewhere.
    """

    url: str
    digest: Digest | None = None
    size: int | None = None


class Received(Answer, frozen=True, kw_only=True):
    """How much of a file has come: it goes on at byte ``offset``.

    ``is_whole``: nothing more is wanted of it. Of a job's file that is only known at its end.
    ``is_coming``: somebody sends it at this moment, or did so just now.
    """

    offset: int
    is_whole: bool = False
    is_coming: bool = False


class UploadedFile(Question, frozen=True, kw_only=True):
    """A file that was uploaded whole: checked against this before anything is recorded."""

    digest: Digest
    size: int


class Complete(Question, frozen=True, kw_only=True):
    """The job is completed; a value of ``outputs`` is an uploaded file or the URL that was set.

    ``started_ago_sec`` is when its app was started, if that was not told.
    """

    token: str
    attempt: int
    outputs: dict[str, UploadedFile | str]
    others: dict[str, UploadedFile] = field(default_factory=dict)
    console: UploadedFile | None = None
    usage: UploadedFile | None = None
    started_ago_sec: AgoSec | None = None


class Fail(Question, frozen=True, kw_only=True):
    """The job failed. Of one that was canceled meanwhile, only its logs are kept."""

    token: str
    attempt: int
    error: str
    console: UploadedFile | None = None
    usage: UploadedFile | None = None
