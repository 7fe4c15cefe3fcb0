"""``/v1/runs``: compute clients of other machines, and the jobs that they take."""

from litestar import Controller, delete, get, post
from litestar.params import FromPath, JSONBody

from dendro_local.hub import Claim, RunToken
from dendro_local.local_hub.remote_running import RUN_LEASE_SEC
from dendro_local.matching import Capacity
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.v1 import (
    AbandonedReply,
    BeginRun,
    BegunRun,
    ClaimedJob,
    ClaimReply,
    ClaimRequest,
    Heartbeat,
    HeartbeatReply,
)

__all__ = ["Runs", "claimed_job"]


class Runs(Controller):
    """Runs of compute clients."""

    path = "/runs"
    tags = ("compute",)
    security = KEY_NEEDED

    @post("/", status_code=200, operation_id="beginRun", responses=refusals(400, 401, 409))
    async def begin(self, asked: Asked, data: JSONBody[BeginRun]) -> BegunRun:
        """Begin a run.

        A compute client starts to work. It has one run at a time: an earlier one of the same
        instance ends now, and beside one of another instance it is refused.
        """
        client_id = asked.compute_client_id()
        run = await asked.in_thread(
            asked.hub.begin_remote_run,
            client_id,
            data.slots,
            serves_all=data.serves_all,
            runtime=data.runtime,
            instance=data.instance,
        )
        return BegunRun(
            run_id=run.run_id, name=run.name, user_id=run.user_id, lease_sec=RUN_LEASE_SEC
        )

    @post(
        "/{run_id:str}/heartbeat",
        status_code=200,
        operation_id="heartbeat",
        responses=refusals(400, 401, 409),
    )
    async def heartbeat(
        self, asked: Asked, run_id: FromPath[str], data: JSONBody[Heartbeat]
    ) -> HeartbeatReply:
        """Keep a run.

        The run and its claims are kept for another while. Tells which of them are its no more.
        """
        run = _run(asked, run_id)
        lost = await asked.in_thread(
            asked.hub.heartbeat, run, data.claims, steps=data.steps, unable=data.unable
        )
        return HeartbeatReply(lost=lost)

    @delete("/{run_id:str}", status_code=204, operation_id="endRun", responses=refusals(401, 409))
    async def end(self, asked: Asked, run_id: FromPath[str]) -> None:
        """End a run.

        What it holds still is to be taken over by the next run of its compute client.
        """
        await asked.in_thread(asked.hub.end_remote_run, _run(asked, run_id))

    @post(
        "/{run_id:str}/claim",
        status_code=200,
        operation_id="claim",
        responses=refusals(400, 401, 409),
    )
    async def claim(
        self, asked: Asked, run_id: FromPath[str], data: JSONBody[ClaimRequest]
    ) -> ClaimReply:
        """Claim a job.

        The next job that fits; of many compute clients that ask at once, one gets it.
        """
        run = _run(asked, run_id)
        free = Capacity(
            num_cpus=data.free.num_cpus,
            num_gpus=data.free.num_gpus,
            memory_gb=data.free.memory_gb,
        )
        only = None if data.only is None else frozenset(data.only)
        claim = await asked.in_thread(asked.hub.claim_for, run, data.slots, free, only)
        return ClaimReply(claim=None if claim is None else claimed_job(asked, claim))

    @get("/{run_id:str}/abandoned", operation_id="getAbandoned", responses=refusals(401, 409))
    async def abandoned(self, asked: Asked, run_id: FromPath[str]) -> AbandonedReply:
        """List abandoned claims.

        Claims of earlier runs of the compute client, whose apps may still run on its machine.
        """
        run = _run(asked, run_id)
        found = await asked.in_thread(asked.hub.abandoned_by, run.compute_client_id)
        return AbandonedReply(claims=[claimed_job(asked, claim) for claim in found])


def claimed_job(asked: Asked, claim: Claim) -> ClaimedJob:
    """A claim as its compute client is told of it."""
    return ClaimedJob(
        number=claim.number,
        job=asked.public(claim.job),
        token=claim.token,
        attempt=claim.attempt,
    )


def _run(asked: Asked, run_id: str) -> RunToken:
    return asked.hub.remote_run(run_id, asked.compute_client_id())
