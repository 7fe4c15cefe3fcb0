"""What a client or a compute client may ask of a hub, wherever the hub is.

`Hub` is the one edge between those who want jobs done or do them, and those who keep the records.
All of it is safe for use by many threads. What fails raises an error of `dendro_local.errors`;
nothing fails silently, and what failed changed nothing.
"""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from dendro_local.errors import JobNotFound
from dendro_local.matching import Capacity
from dendro_local.model import (
    AppSdk,
    ComputeSlot,
    Job,
    JobDefinition,
    JobId,
    JobInputFile,
    RequiredResources,
    Secret,
    Service,
)
from dendro_local.store import JobQuery, LiveRun, RegisteredApp

__all__ = [
    "Changes",
    "Claim",
    "ClaimedApp",
    "FetchStopped",
    "FetchedInput",
    "Hub",
    "JobQuery",
    "LiveRun",
    "NewJob",
    "PREPARES_ENVIRONMENT",
    "Progress",
    "RegisteredApp",
    "RunResult",
    "RunToken",
    "StoreFacts",
    "id_prefix",
]

Progress = Callable[[str, int, int], None]
"""Is told how far something long has come: what is done, and the bytes so far and in all."""

PREPARES_ENVIRONMENT = "It prepares the app's environment"
"""Among the words of `Hub.why` while that is so."""


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sends to have a job done."""

    serviceName: str
    jobDefinition: JobDefinition
    requiredResources: RequiredResources
    targetComputeClientIds: list[str] | None = None
    tags: Sequence[str] = ()
    batchId: str = ""
    jobDependencies: Sequence[JobId] = ()
    secrets: Sequence[Secret] = ()
    """Only the job's own run may see them."""
    skipCache: bool = False
    rerunFailing: bool = False
    deleteFailing: bool = False
    local_paths: Mapping[str, str] = {}
    """Where input files of this machine lie, by URL."""


class RunToken(msgspec.Struct, frozen=True, kw_only=True):
    """A compute client that has registered and counts as alive."""

    run_id: str
    compute_client_id: str
    name: str
    user_id: str
    runtime: str = "process"
    """How it runs apps: as processes, or in containers of the engine that is named."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A job that a compute client holds. Whoever comes with an older token is refused."""

    number: int
    job: Job
    token: str
    attempt: int
    """1 for the first."""
    folder: Path
    """Where to work."""


class ClaimedApp(msgspec.Struct, frozen=True, kw_only=True):
    """Where the code of a claimed job is."""

    folder: Path | None
    """None where the code is in the image alone."""
    python_path: str
    """PYTHONPATH with which the app finds the SDK."""
    environments: Path
    """Where environments of apps are kept."""
    state: str
    """Changes with the code."""
    may_be_warm: bool = True
    """Whether the app may be imported once and forked for each job."""
    sdk: AppSdk | None = "dendro_local"
    """What it is written with. With the original's, it speaks the contract with a hub itself.

    None where that is not known, because the code is in the image alone.
    """
    python: Path = Path(sys.executable)
    """Runs the app."""
    image: str = ""
    """The container image of the job's processor; empty if it names none."""
    executable: str = ""
    """The app's main file in the image."""
    needs_network: bool = False
    """Whether the processor asks for a network in its container."""
    image_uri: str | None = None
    """The image that runs, to be recorded; None where none does."""
    secrets: Sequence[Secret] = ()
    """Those of the job, for its app alone."""


class FetchedInput(msgspec.Struct, frozen=True, kw_only=True):
    """How an app reads one of its inputs: from a local file, or from a URL."""

    path: Path | None
    url: str


class FetchStopped(Exception):
    """An input was not fetched, since nobody wants it any more."""


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of a job left in its folder. A value of ``outputs`` is a file, or a set URL."""

    outputs: Mapping[str, Path | str] = {}
    others: Mapping[str, Path] = {}
    console: Path | None = None
    usage: Path | None = None
    """The log of what it used, see `dendro_local.compute.usage_log`."""
    started_at: float | None = None
    """When the app was started, in seconds since 1970, if `Hub.set_running` was not told."""


class StoreFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the store behind a hub is, and how much it holds.

    ``folder`` and ``schema_version`` are of a store of this machine; ``url`` and ``version``, of
    its dendro-local, of a hub elsewhere. The others are None.
    """

    folder: Path | None = None
    schema_version: int | None = None
    url: str | None = None
    version: str | None = None
    jobs_by_status: Mapping[str, int]
    database_bytes: int
    blob_bytes: int
    compute_clients: Sequence[LiveRun]
    """Those that are alive."""


def id_prefix(text: str) -> str:
    """What a person gives of a job's id: a beginning, ``dendro:ID``, or the URL of its page.

    Raises:
        JobNotFound: it is none of these.
    """
    given = text.removeprefix("dendro:").strip()
    if "://" in given:
        given = given.rstrip("/").rpartition("/")[2]
    if not given.isascii() or not given.isalnum() or len(given) > 20:
        raise JobNotFound(
            f"{text!r} is no job id: an id is 20 letters and digits, or the beginning of one."
        )
    return given


class Changes(Protocol):
    """Waits for changes of jobs."""

    def wait(self, timeout_sec: float) -> bool:
        """Wait for a change, at most this long; False if there was surely none."""
        ...

    def wake(self) -> None:
        """End another thread's wait."""
        ...

    def close(self) -> None:
        """Wait no more."""
        ...


class Hub(Protocol):
    """Everything that a client or a compute client may ask."""

    @property
    def place(self) -> str:
        """Where it is, for people: the folder of a store, or a URL."""
        ...

    # Clients

    def submit(
        self, requests: Sequence[NewJob], *, on_progress: Progress | None = None
    ) -> list[Job]:
        """Record jobs, or find those that make them unneeded: all of them, or none.

        Of any number of equal submissions at once, one job results. Input files of this machine
        are sent to a hub elsewhere if it lacks them.
        """
        ...

    def file_url(self, file: Path, on_progress: Progress | None = None) -> str:
        """The URL by which a definition names a file of this machine: its digest."""
        ...

    def now(self) -> float:
        """The time by the clock of the hub's machine, in seconds since the Unix epoch."""
        ...

    def get_job(self, job_id: JobId) -> Job:
        """The job of this id."""
        ...

    def job_id(self, text: str) -> JobId:
        """The id that is given whole, by a unique beginning, as ``dendro:ID``, or as a URL."""
        ...

    def find_jobs(self, query: JobQuery) -> list[Job]:
        """Jobs of a query, latest update first."""
        ...

    def job_url(self, job_id: JobId) -> str:
        """Where a person finds the job."""
        ...

    def output_file(self, job_id: JobId, name: str, *, fetch: bool = True) -> Path:
        """A file of this machine with the bytes of a job's output, under its own name.

        Without ``fetch``, one that would have to be fetched from elsewhere is not found.
        """
        ...

    def console(self, job_id: JobId, offset: int = 0) -> bytes:
        """What the job has printed, from a byte on."""
        ...

    def usage(self, job_id: JobId) -> bytes:
        """The log of what the job has used, one JSON object a line; empty for a short job."""
        ...

    def why(self, job_id: JobId) -> str:
        """Why the job is in the state that it is in, in words.

        While the environment of its app is prepared, `PREPARES_ENVIRONMENT` is among them.
        """
        ...

    def rerun(self, job_id: JobId) -> Job:
        """A new job of the same definition, whatever the cache has."""
        ...

    def cancel(self, job_id: JobId) -> Job:
        """Fail a job that is not finished. Its app is stopped."""
        ...

    def delete(self, job_ids: Sequence[JobId]) -> None:
        """Remove jobs and what only they keep."""
        ...

    def changes(
        self, job_ids: Collection[JobId] | None = None, *, for_work: bool = False
    ) -> Changes:
        """Something to wait with, for what happens to these jobs; to any, and to apps, if None.

        ``for_work``: only that matters by which a job may have to be started or stopped.
        """
        ...

    def has_compute_client(self) -> bool:
        """Whether a compute client is alive that takes any job."""
        ...

    def runs_jobs_itself(self) -> bool:
        """Whether this process may run the hub's jobs if nobody else does."""
        ...

    # Services and apps

    def service(self, name: str) -> Service:
        """The service of this name."""
        ...

    def services(self) -> list[Service]:
        """Every service, by name."""
        ...

    def apps(self, *, service: str | None = None, name: str | None = None) -> list[RegisteredApp]:
        """Apps by service and name; all of them by default."""
        ...

    def app(self, service: str, name: str) -> RegisteredApp:
        """An app of a service, as its folder gives it now."""
        ...

    def add_app(self, source: str, service: str) -> RegisteredApp:
        """Register an app from a folder, a spec's file or its URL."""
        ...

    def remove_app(self, service: str, name: str) -> None:
        """Take an app off a service."""
        ...

    def facts(self) -> StoreFacts:
        """What the store is, how much it holds, and which compute clients are alive."""
        ...

    # Compute clients

    def begin_run(
        self, slots: Sequence[ComputeSlot], *, serves_all: bool, runtime: str = "process"
    ) -> RunToken:
        """Register a compute client; it counts as alive until `end_run` or its process ends."""
        ...

    def set_unable(self, run: RunToken, reason: str | None) -> None:
        """Why a compute client can run nothing now, for `why`; None when it can again."""
        ...

    def end_run(self, run: RunToken) -> None:
        """Count as alive no more."""
        ...

    def claim_next(
        self,
        run: RunToken,
        slots: Sequence[ComputeSlot],
        free: Capacity,
        only: Collection[JobId] | None = None,
    ) -> Claim | None:
        """Take the next runnable job that fits; of many that ask at once, one gets it."""
        ...

    def unfinished_ancestry(self, job_ids: Collection[JobId]) -> set[JobId]:
        """Those of the jobs, and of what they depend on, that are not finished."""
        ...

    def app_of(self, claim: Claim) -> ClaimedApp:
        """Where the code of a claimed job is; records which version of it runs."""
        ...

    def fetch_input(
        self, claim: Claim, file: JobInputFile, should_stop: Callable[[], bool] = lambda: False
    ) -> FetchedInput:
        """Make an input readable for the app; checked to be what was submitted.

        Raises:
            FetchStopped: ``should_stop``, which is asked now and then, said so.
        """
        ...

    def set_running(
        self, claim: Claim, image_uri: str | None = None, *, started_at: float | None = None
    ) -> None:
        """The app has been started, in a container of this image if there is one.

        It was so at the time that is given, in seconds since 1970, or now.
        """
        ...

    def complete(self, claim: Claim, result: RunResult) -> None:
        """The job is completed: its files are kept, then its record says so."""
        ...

    def fail(
        self, claim: Claim, error: str, console: Path | None, usage: Path | None = None
    ) -> None:
        """The job failed."""
        ...

    def release(self, claim: Claim) -> None:
        """Give a claimed job back: pending again, as if it had not been claimed."""
        ...

    def lost_claims(self, claims: Sequence[Claim]) -> list[Claim]:
        """Those that are claims no more: the job was canceled, deleted or given to another."""
        ...

    def renew(self, claims: Sequence[Claim]) -> None:
        """Keep claims for another while."""
        ...

    def abandoned(self) -> list[Claim]:
        """Claims of compute clients that are not alive any more."""
        ...

    def adopt(self, claim: Claim, run: RunToken) -> Claim:
        """Take over an abandoned claim whose app still runs, or has ended meanwhile."""
        ...

    def give_up(self, claim: Claim) -> None:
        """End an abandoned claim: its job is pending again, or failed after too many attempts."""
        ...

    def left_folders(self) -> list[Path]:
        """Working folders of earlier runs whose jobs are not this compute client's any more.

        Only those that nobody else looks after.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
