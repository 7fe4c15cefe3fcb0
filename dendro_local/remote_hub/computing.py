"""What a compute client asks of a hub on another machine.

Jobs run in folders of this machine. What they leave is uploaded, each file from where an upload
that broke off had come to, and checked by the hub before it records the job's end. A hub that is
not reached is waited for: as long as it takes for a job's end, since nothing of it may be lost.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dendro_local.app_source import python_path_with_sdk
from dendro_local.errors import (
    ClaimLost,
    IncompleteUpload,
    InputUnavailable,
    InvalidApp,
    NotFound,
)
from dendro_local.hub import Claim, ClaimedApp, FetchedInput, FetchStopped, RunResult
from dendro_local.model import JobInputFile
from dendro_local.remote_hub.app_code import CodeChanged, fetch_app
from dendro_local.remote_hub.client_runs import ClientRuns
from dendro_local.remote_hub.live_logs import file_headers, file_path
from dendro_local.remote_hub.uploads import upload
from dendro_local.store import file_digest
from dendro_local.store.folder import StoreFolder
from dendro_local.v1 import (
    AppOfClaim,
    ClaimToken,
    Complete,
    Fail,
    InputOf,
    InputOfClaim,
    Question,
    Started,
    UploadedFile,
)

__all__ = ["RemoteComputing"]

T = TypeVar("T")

MOST_UPLOADS = 5
"""How often files are sent that the hub does not find whole."""

MOST_CODES = 5
"""How often an app's code may change while it is fetched."""


class RemoteComputing(ClientRuns):
    """The compute client's side of a hub."""

    def app_of(self, claim: Claim) -> ClaimedApp:
        """Where the code of a claimed job is: fetched from the hub, or in its image.

        Raises:
            InvalidApp: it cannot be had.
        """
        app = self._ask(claim, "app", AppOfClaim)
        folder: Path | None = None
        if app.code_digest is not None:
            app, folder = self._with_code(claim, app)
        return ClaimedApp(
            folder=folder,
            python_path=python_path_with_sdk(self.folder.sdk),
            # Those of the store of this machine: an environment is the same for every hub.
            environments=StoreFolder(self.local_folder).environments,
            state=app.state,
            may_be_warm=app.may_be_warm,
            sdk=app.sdk,
            image=app.image,
            executable=app.executable,
            needs_network=app.needs_network,
            secrets=app.secrets,
        )

    def fetch_input(
        self, claim: Claim, file: JobInputFile, should_stop: Callable[[], bool] = lambda: False
    ) -> FetchedInput:
        """Make an input readable for the app; the hub's files are fetched and checked.

        Raises:
            InputUnavailable: the hub does not have it as it was submitted.
            ClaimLost: the job is not this run's any more.
            FetchStopped: it is not wanted any more.
        """
        run = self.working.run

        def ask(token: str) -> InputOfClaim:
            path = f"/v1/claims/{claim.job.jobId}/input"
            return run.transport.post(path, InputOf(token=token, name=file.name), InputOfClaim)

        found = run.step(claim, ask)
        if found.digest is None or found.size is None:
            return FetchedInput(path=None, url=found.url)
        try:
            path = self.downloads.fetch(
                run.transport,
                self.path_of(found.url),
                found.digest,
                found.size,
                lambda: should_stop() or run.is_lost(claim),
            )
        except NotFound as error:
            raise InputUnavailable(f"Input {file.name!r} cannot be had: {error}") from error
        except FetchStopped:
            if run.is_lost(claim):
                raise ClaimLost(f"Job {claim.job.jobId} is no longer this run's.") from None
            raise
        return FetchedInput(path=path, url=path.as_uri())

    def set_running(
        self, claim: Claim, image_uri: str | None = None, *, started_at: float | None = None
    ) -> None:
        """The app has been started.

        Raises:
            ClaimLost: the job is not this run's any more.
        """
        at = started_at or time.time()
        self._tell(
            claim,
            "running",
            lambda token: Started(token=token, image_uri=image_uri, started_ago_sec=_ago(at)),
        )

    def complete(self, claim: Claim, result: RunResult) -> None:
        """The job is completed: its files are uploaded, then its record says so.

        Raises:
            ClaimLost: the job is not this run's any more; nothing was recorded.
        """
        self.working.logs.remove(claim)

        def send() -> None:
            outputs: dict[str, UploadedFile | str] = {
                name: place if isinstance(place, str) else self._sent(claim, "output", place, name)
                for name, place in result.outputs.items()
            }
            others = {
                name: self._sent(claim, "other", file, name) for name, file in result.others.items()
            }
            console = self._sent_log(claim, "console", result.console)
            usage = self._sent_log(claim, "usage", result.usage)
            at = result.started_at
            self._tell(
                claim,
                "complete",
                lambda token: Complete(
                    token=token,
                    attempt=claim.attempt,
                    outputs=outputs,
                    others=others,
                    console=console,
                    usage=usage,
                    started_ago_sec=None if at is None else _ago(at),
                ),
            )

        _until_whole(send)
        self.working.run.let_go(claim)

    def fail(
        self, claim: Claim, error: str, console: Path | None, usage: Path | None = None
    ) -> None:
        """The job failed.

        Raises:
            ClaimLost: the job is not this run's any more; nothing was recorded.
        """
        self.working.logs.remove(claim)

        def send() -> None:
            logs = {
                "console": self._sent_log(claim, "console", console),
                "usage": self._sent_log(claim, "usage", usage),
            }
            self._tell(
                claim,
                "fail",
                lambda token: Fail(token=token, attempt=claim.attempt, error=error, **logs),
            )

        _until_whole(send)
        self.working.run.let_go(claim)

    def release(self, claim: Claim) -> None:
        """Give a claimed job back: pending again, as if it had not been claimed."""
        self.working.logs.remove(claim)
        self._tell(claim, "release", lambda token: ClaimToken(token=token))
        self.working.run.let_go(claim)

    def _with_code(self, claim: Claim, app: AppOfClaim) -> tuple[AppOfClaim, Path]:
        """The app in a state of which the code could be fetched, and where that is."""
        transport, name = self.working.run.transport, claim.job.jobDefinition.appName
        apps, service = self.folder.root / "apps", claim.job.serviceName
        for _ in range(MOST_CODES):
            if app.code_digest is None:
                break
            try:
                return app, fetch_app(transport, service, name, app.code_digest, apps)
            except CodeChanged:
                app = self._ask(claim, "app", AppOfClaim)  # and the hub notes what runs
        raise InvalidApp(f"The code of app {name!r} changed again and again while it was fetched.")

    def _ask(self, claim: Claim, step: str, kind: type[T]) -> T:
        run, path = self.working.run, f"/v1/claims/{claim.job.jobId}/{step}"
        return run.step(
            claim, lambda token: run.transport.post(path, ClaimToken(token=token), kind)
        )

    def _tell(self, claim: Claim, step: str, record: Callable[[str], Question]) -> None:
        """Tell the hub of a step; its record is made anew for each attempt, from the token."""
        run, path = self.working.run, f"/v1/claims/{claim.job.jobId}/{step}"

        def tell(token: str) -> None:
            run.transport.patiently(lambda _: run.transport.send_once(path, record(token)))

        run.step(claim, tell)

    def _sent(self, claim: Claim, kind: str, file: Path, name: str = "") -> UploadedFile:
        """A file after it has been sent to the hub."""
        run = self.working.run
        path, query = file_path(claim), {"kind": kind, "name": name}

        def send(token: str) -> None:
            upload(run.transport, file, path, query=query, headers=file_headers(claim, token))

        run.step(claim, send)
        digest, size = file_digest(file)
        return UploadedFile(digest=digest, size=size)

    def _sent_log(self, claim: Claim, kind: str, file: Path | None) -> UploadedFile | None:
        if file is None or not file.is_file() or file.stat().st_size == 0:
            return None
        return self._sent(claim, kind, file)


def _ago(moment: float) -> float:
    """How long ago a moment was by this machine's clock, in seconds."""
    return max(0.0, time.time() - moment)


def _until_whole(send: Callable[[], None]) -> None:
    """Send files and what they are for, and send anew what the hub has not found whole."""
    for _ in range(MOST_UPLOADS - 1):
        try:
            send()
            return
        except IncompleteUpload:
            continue
    send()
