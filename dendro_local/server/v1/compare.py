"""``/v1/compare``: jobs, side by side."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from dendro_local.server.comparing import LEAST_JOBS, MOST_JOBS, compare
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.refusals import refusals
from dendro_local.v1 import Comparison

__all__ = ["compared"]


@get("/compare", operation_id="compareJobs", responses=refusals(400, 404), tags=["jobs"])
async def compared(
    asked: Asked,
    job: Annotated[
        list[str],
        QueryParameter(
            description="The id of a job, or a beginning that is of no other; "
            f"{LEAST_JOBS} to {MOST_JOBS} times.",
            min_items=LEAST_JOBS,
            max_items=MOST_JOBS,
        ),
    ],
) -> Comparison:
    """Compare jobs.

    What was given to some jobs, what they used and what they gave, each beside the others: what
    differs is first. JSON outputs of up to 1 MB are compared value by value, all others by their
    bytes.
    """
    return await asked.in_thread(compare, asked, job)
