"""``/v1/claims``: what a compute client of another machine does with a job that it has taken."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from litestar import Controller, get, patch, post
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from dendro_local.errors import ClaimLost, InputUnavailable, InvalidRequest
from dendro_local.file_urls import parse_blob_url
from dendro_local.hub import Claim, RunResult
from dendro_local.local_hub.received_files import FileKind
from dendro_local.model import Digest, JobId
from dendro_local.server.v1.asking import AnyRequest, Asked
from dendro_local.server.v1.claimed_files import checked, files_of, logs_of
from dendro_local.server.v1.incoming import incoming_of, size_of
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.server.v1.runs import claimed_job
from dendro_local.v1 import (
    Adopt,
    AppOfClaim,
    ClaimedJob,
    ClaimToken,
    Complete,
    Fail,
    InputOf,
    InputOfClaim,
    Received,
    Started,
)

__all__ = ["Claims"]

LOGS = frozenset({"console", "usage"})

Kind = Annotated[FileKind, QueryParameter(description="What the file is to the job.")]
Name = Annotated[
    str,
    QueryParameter(description="Of the output or additional file; none for a log.", max_length=500),
]
Token = Annotated[
    str | None, HeaderParameter(name="Claim-Token", description="The token of the claim.")
]
Attempt = Annotated[
    int | None,
    HeaderParameter(name="Claim-Attempt", description="The attempt that the claim is of."),
]


class Claims(Controller):
    """Jobs that compute clients have taken."""

    path = "/claims/{job_id:str}"
    tags = ("compute",)
    security = KEY_NEEDED

    @post("/adopt", status_code=200, operation_id="adopt", responses=refusals(400, 401, 409))
    async def adopt(self, asked: Asked, job_id: FromPath[str], data: JSONBody[Adopt]) -> ClaimedJob:
        """Go on with a job.

        A run takes over a claim that an earlier run of its compute client has left.
        """
        run = asked.hub.remote_run(data.run_id, asked.compute_client_id())
        claim = await asked.in_thread(asked.hub.adopt_for, run, JobId(job_id), data.token)
        return claimed_job(asked, claim)

    @post("/app", status_code=200, operation_id="getAppOfClaim", responses=refusals(400, 401, 409))
    async def app(
        self, asked: Asked, job_id: FromPath[str], data: JSONBody[ClaimToken]
    ) -> AppOfClaim:
        """Get a job's app.

        Where the code of the job's app is, and what the app is told beside its definition.
        """
        return await asked.in_thread(_app, asked, _claim(asked, job_id, data.token))

    @post(
        "/input", status_code=200, operation_id="getInput", responses=refusals(400, 401, 404, 409)
    )
    async def input(
        self, asked: Asked, job_id: FromPath[str], data: JSONBody[InputOf]
    ) -> InputOfClaim:
        """Get a job's input.

        Where it can be read, and what bytes it has if it is a file of the hub. An input that is
        not what it was when the job was submitted is refused.
        """
        claim = _claim(asked, job_id, data.token)
        return await asked.in_thread(_input, asked, claim, data.name)

    @post("/running", status_code=204, operation_id="setRunning", responses=refusals(400, 401, 409))
    async def running(self, asked: Asked, job_id: FromPath[str], data: JSONBody[Started]) -> None:
        """Tell that the app runs."""
        claim = _claim(asked, job_id, data.token)
        if claim.job.status == "starting":  # else it was told already
            started_at = _started_at(claim, data.started_ago_sec)
            await asked.in_thread(
                asked.hub.set_running, claim, data.image_uri, started_at=started_at
            )

    @post("/release", status_code=204, operation_id="release", responses=refusals(400, 401, 409))
    async def release(
        self, asked: Asked, job_id: FromPath[str], data: JSONBody[ClaimToken]
    ) -> None:
        """Give a job back.

        It is pending again, as if it had not been claimed.
        """
        claim = _claim(asked, job_id, data.token)
        incoming = incoming_of(asked)
        async with incoming.closed(claim.folder):
            # Before: who claims it next has the same folder.
            await asked.in_thread(asked.hub.clear_folder, claim)
            incoming.forget(claim.folder)
            await asked.in_thread(asked.hub.release, claim)

    @post("/give-up", status_code=204, operation_id="giveUp", responses=refusals(400, 401, 409))
    async def give_up(
        self, asked: Asked, job_id: FromPath[str], data: JSONBody[ClaimToken]
    ) -> None:
        """Give up a job.

        It is pending again, or failed after too many attempts: its app has died.
        """
        claim = _claim(asked, job_id, data.token)
        incoming = incoming_of(asked)
        async with incoming.closed(claim.folder):
            await asked.in_thread(asked.hub.give_up, claim)
            await asked.in_thread(asked.hub.clear_folder, claim)
        incoming.forget(claim.folder)

    @post(
        "/complete",
        status_code=204,
        operation_id="complete",
        responses=refusals(400, 401, 409, 503, 507),
    )
    async def complete(self, asked: Asked, job_id: FromPath[str], data: JSONBody[Complete]) -> None:
        """Complete a job.

        Its files have been uploaded; they are checked against their digests, then recorded. While
        that takes long, it is answered with 503, and is to be asked again.
        """
        incoming, folder = incoming_of(asked), _folder(asked, job_id, data.attempt)
        async with incoming.closed(folder):
            try:
                claim = _claim(asked, job_id, data.token)
            except ClaimLost:
                if _was_completed(asked, JobId(job_id), data):
                    return  # but whoever told it had no answer
                raise
            digests = await checked(incoming, files_of(asked, claim, data))
            await asked.in_thread(_complete, asked, claim, data, digests)
        incoming.forget(folder)

    @post(
        "/fail", status_code=204, operation_id="fail", responses=refusals(400, 401, 409, 503, 507)
    )
    async def fail(self, asked: Asked, job_id: FromPath[str], data: JSONBody[Fail]) -> None:
        """Fail a job.

        Of one that was canceled while it ran, what it printed and used is kept.
        """
        incoming, folder = incoming_of(asked), _folder(asked, job_id, data.attempt)
        async with incoming.closed(folder):
            client_id = asked.compute_client_id()
            try:
                claim = _held_or_canceled(asked, job_id, data.token, data.attempt)
            except ClaimLost:
                if asked.hub.has_failed(JobId(job_id), data.attempt, client_id, data.error):
                    return
                raise
            await checked(incoming, logs_of(asked, claim, data.console, data.usage))
            await asked.in_thread(_fail, asked, claim, data)
        incoming.forget(folder)

    @get("/file", operation_id="getReceived", responses=refusals(400, 401, 409))
    async def received(
        self,
        asked: Asked,
        job_id: FromPath[str],
        kind: Kind,
        name: Name = "",
        claim_token: Token = None,
        claim_attempt: Attempt = None,
    ) -> Received:
        """How much of a file has come."""
        claim = _claim_of_file(asked, job_id, kind, claim_token, claim_attempt)
        return await incoming_of(asked).received(asked.hub.received_file(claim, kind, name))

    @patch(
        "/file",
        status_code=200,
        operation_id="putFile",
        responses=refusals(400, 401, 409, 413, 507),
        request_max_body_size=None,
    )
    async def put(
        self,
        asked: Asked,
        request: AnyRequest,
        job_id: FromPath[str],
        kind: Kind,
        name: Name = "",
        claim_token: Token = None,
        claim_attempt: Attempt = None,
    ) -> Received:
        """Send a file, or what follows of it.

        The bytes from `Upload-Offset` on: where what has come ends, or 0 to begin anew.
        """
        claim = _claim_of_file(asked, job_id, kind, claim_token, claim_attempt)
        file = asked.hub.received_file(claim, kind, name)

        def check_may_come(size: int, more: int) -> None:
            if kind not in LOGS:
                asked.hub.check_may_store(claim.job.userId, size)

        await incoming_of(asked).receive(request, file, check_may_come, may_begin_anew=True)
        return Received(offset=size_of(file))


def _claim(asked: Asked, job_id: str, token: str) -> Claim:
    return asked.hub.held_claim(JobId(job_id), token, asked.compute_client_id())


def _folder(asked: Asked, job_id: str, attempt: int) -> Path:
    return asked.hub.store.folder.job_folder(JobId(job_id), attempt)


def _held_or_canceled(asked: Asked, job_id: str, token: str, attempt: int) -> Claim:
    """A claim, or the last one of a job that was canceled: its logs may still come."""
    client_id = asked.compute_client_id()
    try:
        return asked.hub.held_claim(JobId(job_id), token, client_id)
    except ClaimLost:
        canceled = asked.hub.canceled_claim(JobId(job_id), attempt, client_id)
        if canceled is None:
            raise
        return canceled


def _claim_of_file(
    asked: Asked, job_id: str, kind: FileKind, token: str | None, attempt: int | None
) -> Claim:
    if token is None:
        raise InvalidRequest("The token of the claim is to be sent in the header Claim-Token.")
    if kind in LOGS and attempt is not None:
        return _held_or_canceled(asked, job_id, token, attempt)
    return _claim(asked, job_id, token)


def _app(asked: Asked, claim: Claim) -> AppOfClaim:
    app = asked.hub.app_of(claim)
    service, name = claim.job.serviceName, claim.job.jobDefinition.appName
    code = None if app.folder is None else asked.hub.app_code(service, name).digest
    return AppOfClaim(
        state=app.state,
        sdk=app.sdk,
        may_be_warm=app.may_be_warm,
        code_digest=None if code is None else Digest(code),
        image=app.image,
        executable=app.executable,
        needs_network=app.needs_network,
        secrets=app.secrets,
    )


def _input(asked: Asked, claim: Claim, name: str) -> InputOfClaim:
    for file in claim.job.jobDefinition.inputFiles:
        if file.name == name:
            fetched = asked.hub.fetch_input(claim, file)
            if fetched.path is None:
                return InputOfClaim(url=fetched.url)
            return InputOfClaim(
                url=asked.urls.public(file.url),
                # What is no file of another place is a blob, which has its digest for a name.
                digest=parse_blob_url(file.url) or Digest(fetched.path.name),
                size=fetched.path.stat().st_size,
            )
    raise InputUnavailable(f"Job {claim.job.jobId} has no input {name!r}.")


def _complete(asked: Asked, claim: Claim, data: Complete, digests: Mapping[Path, Digest]) -> None:
    hub = asked.hub
    result = RunResult(
        outputs={
            name: told if isinstance(told, str) else hub.received_file(claim, "output", name)
            for name, told in data.outputs.items()
        },
        others={name: hub.received_file(claim, "other", name) for name in data.others},
        console=None if data.console is None else hub.received_file(claim, "console", ""),
        usage=None if data.usage is None else hub.received_file(claim, "usage", ""),
        started_at=None
        if data.started_ago_sec is None
        else _started_at(claim, data.started_ago_sec),
    )
    hub.complete(claim, result, digests)
    hub.clear_folder(claim)


def _started_at(claim: Claim, ago_sec: float) -> float:
    """When the app of a job was started, by this machine's clock; not before it was claimed."""
    return max(time.time() - ago_sec, claim.job.timestampStartingSec or 0.0)


def _fail(asked: Asked, claim: Claim, data: Fail) -> None:
    hub = asked.hub
    console = None if data.console is None else hub.received_file(claim, "console", "")
    usage = None if data.usage is None else hub.received_file(claim, "usage", "")
    hub.fail(claim, data.error, console, usage)
    hub.clear_folder(claim)


def _was_completed(asked: Asked, job_id: JobId, data: Complete) -> bool:
    files = {
        name: told if isinstance(told, str) else told.digest
        for name, told in {**data.others, **data.outputs}.items()
    }
    return asked.hub.was_completed(job_id, data.attempt, asked.compute_client_id(), files)
