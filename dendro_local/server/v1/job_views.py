"""One job, looked at closely: its kin, where it came from, parts of its console, its usage."""

from collections.abc import Sequence
from typing import Annotated, Literal

from litestar import Controller, get
from litestar.params import FromPath, QueryParameter

from dendro_local.lifecycle import TERMINAL
from dendro_local.local_hub.job_views import JobViews, LineageFacts
from dendro_local.model import Job, JobId
from dendro_local.server.console_windows import MOST_BYTES, Lines, find_text, lines_between
from dendro_local.server.usage_series import MOST_POINTS, usage_series
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.refusals import refusals
from dendro_local.store.lineage import Kin
from dendro_local.v1 import (
    ConsoleLine,
    ConsoleMatch,
    ConsoleWindow,
    Lineage,
    LineageJob,
    LineageLink,
    Origin,
    UsageSeries,
)

__all__ = ["JobLooks", "lineage_of"]

LAST_BYTE = 2**53


class JobLooks(Controller):
    """Close looks at a job."""

    path = "/jobs/{job_id:str}"
    tags = ("jobs",)

    @get("/lineage", operation_id="getLineage", responses=refusals(404))
    async def lineage(self, asked: Asked, job_id: FromPath[str]) -> Lineage:
        """Which jobs a job comes from, and which from it.

        The ancestors and descendants of a job and how they depend on each other: some hundred at
        most in either direction, and some of the children of one that has very many.
        """
        job, facts = await asked.in_thread(JobViews(asked.hub).lineage, JobId(job_id))
        return lineage_of(job, facts)

    @get("/origin", operation_id="getOrigin", responses=refusals(404))
    async def origin(self, asked: Asked, job_id: FromPath[str]) -> Origin:
        """Where a job came from.

        Which remote or user gave it to this hub, and whether its signature was verified.
        """
        facts = await asked.in_thread(JobViews(asked.hub).origin, JobId(job_id))
        if facts is None:
            return Origin(origin=None)
        found = facts.origin
        return Origin(
            origin=found.origin,
            arrived_at=found.arrived_at,
            is_verified=found.is_verified,
            key_id=found.key_id,
            key_name=facts.key_name,
        )

    @get("/console/window", operation_id="getConsoleWindow", responses=refusals(400, 404))
    async def console_window(
        self,
        asked: Asked,
        job_id: FromPath[str],
        begin: Annotated[
            int,
            QueryParameter(
                description="The byte from which on; a negative one counts from the end.",
                ge=-LAST_BYTE,
                le=LAST_BYTE,
            ),
        ] = 0,
        end: Annotated[
            int,
            QueryParameter(
                description="The byte up to which. However far that is, the answer has about "
                f"{MOST_BYTES >> 10} KB at most.",
                ge=0,
                le=LAST_BYTE,
            ),
        ] = LAST_BYTE,
        align: Annotated[
            Literal["both", "begin", "end"],
            QueryParameter(
                description="Which ends of the window are moved to where a line begins, if that "
                "is less than 64 KB away. A window that follows another takes the end of that as "
                "it is: `end`; and one that precedes it, `begin`."
            ),
        ] = "both",
    ) -> ConsoleWindow:
        """Some lines of a console.

        The lines of a console at some place of it, as it is now. It takes the same few
        milliseconds however long the console is.
        """
        log = await asked.in_thread(asked.hub.job_log, JobId(job_id), "console")
        is_final = log.job.status in TERMINAL
        found: Lines = await asked.in_thread(
            lines_between, log.path, begin, end, align=align, is_final=is_final
        )
        return ConsoleWindow(
            start=found.start,
            end=found.end,
            size=found.size,
            attempt=log.attempt,
            status=log.job.status,
            is_line_open=found.is_line_open,
            lines=[ConsoleLine(at=at, text=text) for at, text in found.lines],
        )

    @get("/console/find", operation_id="findInConsole", responses=refusals(400, 404))
    async def find_in_console(
        self,
        asked: Asked,
        job_id: FromPath[str],
        text: Annotated[
            str,
            QueryParameter(
                description="What to find. The case of ASCII letters is of no matter.",
                min_length=1,
                max_length=1000,
            ),
        ],
        begin: Annotated[
            int,
            QueryParameter(
                description="The byte from which on to search; backwards, before which.",
                ge=0,
                le=LAST_BYTE,
            ),
        ] = 0,
        backwards: Annotated[
            bool, QueryParameter(description="Search towards the beginning.")
        ] = False,
    ) -> ConsoleMatch:
        """Find a text in a console.

        Where a text is next. A long console is searched in parts: ask again from `searchedTo` on
        until it is found or `hasEnded`.
        """
        log = await asked.in_thread(asked.hub.job_log, JobId(job_id), "console")
        found = await asked.in_thread(find_text, log.path, text, begin, backwards=backwards)
        return ConsoleMatch(
            at=found.at,
            searched_to=found.searched_to,
            has_ended=found.has_ended,
            size=found.size,
        )

    @get("/usage/series", operation_id="getUsageSeries", responses=refusals(400, 404))
    async def usage_points(
        self,
        asked: Asked,
        job_id: FromPath[str],
        points: Annotated[
            int, QueryParameter(description="At most so many.", ge=2, le=MOST_POINTS)
        ] = 300,
    ) -> UsageSeries:
        """What a job has used, to be drawn.

        The log of what a job has used in so many points. Empty for a short job.
        """
        log = await asked.in_thread(asked.hub.job_log, JobId(job_id), "usage")
        return await asked.in_thread(usage_series, log.path, points)


def lineage_of(job: Job, facts: LineageFacts) -> Lineage:
    """The kin of a job as an answer has them."""
    definition = job.jobDefinition
    own = LineageJob(
        job_id=job.jobId,
        relation="self",
        app_name=definition.appName,
        processor_name=definition.processorName,
        status=job.status,
        canceled=job.canceled,
    )
    return Lineage(
        jobs=[
            *_kin("ancestor", facts.ancestors.kin),
            own,
            *_kin("descendant", facts.descendants.kin),
        ],
        links=[
            LineageLink(parent=parent, child=child)
            for parent, child in (*facts.ancestors.links, *facts.descendants.links)
        ],
        has_all_ancestors=facts.ancestors.is_whole,
        has_all_descendants=facts.descendants.is_whole,
        num_children=facts.num_children,
    )


def _kin(relation: Literal["ancestor", "descendant"], kin: Sequence[Kin]) -> list[LineageJob]:
    return [
        LineageJob(
            job_id=each.job_id,
            relation=relation,
            app_name=each.app_name,
            processor_name=each.processor_name,
            status=each.status,
            canceled=each.canceled,
        )
        for each in kin
    ]
