"""``/``: the jobs, as they are now."""

from collections.abc import Mapping, Sequence

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from dendro_local.model import Job, JobStatus
from dendro_local.server.pages.jobs_filter import LIMITS, STATUSES, JobsFilter
from dendro_local.server.pages.rendering import page
from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.throughput import HalfHour
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.lists import text_of_place
from dendro_local.store import JobPage

__all__ = ["home"]


@get("/")
async def home(asked: Asked, figures: NamedDependency[StoreFigures]) -> Response[bytes]:
    """The first page."""
    wanted = JobsFilter.of(asked.request.query_params)
    # Some milliseconds of work, which are not to keep others waiting.
    return await asked.in_thread(_home, asked, figures, wanted)


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows of the hub."""

    jobs: Sequence[Job]
    older: str | None
    """The address of the jobs that come after these in the list."""
    looked_back_to: float | None
    counts: Mapping[JobStatus, int]
    half_hours: Sequence[HalfHour]
    apps: Mapping[str, Mapping[str, Sequence[str]]]
    """The names of the processors, by service and app."""

    @property
    def app_names(self) -> Sequence[str]:
        """The names of all apps, sorted."""
        return sorted({app for apps in self.apps.values() for app in apps})

    @property
    def processor_names(self) -> Sequence[str]:
        """The names of the processors of all apps, sorted."""
        processors = [each for apps in self.apps.values() for each in apps.values()]
        return sorted({name for names in processors for name in names})

    @property
    def num_jobs(self) -> int:
        """How many jobs the hub has."""
        return sum(self.counts.values())


def _home(asked: Asked, figures: StoreFigures, wanted: JobsFilter) -> Response[bytes]:
    return page(
        asked.request,
        "home.html",
        base_url=asked.base,
        filter=wanted,
        statuses=STATUSES,
        limits=LIMITS,
        shown=_shown(asked, figures, wanted),
    )


def _shown(asked: Asked, figures: StoreFigures, wanted: JobsFilter) -> _Shown:
    found: JobPage = asked.hub.find_page(wanted.query())
    apps: dict[str, dict[str, list[str]]] = {
        service.serviceName: {} for service in asked.hub.services()
    }
    for app in asked.hub.apps():
        names = [each.name for each in app.record.appSpecification.processors]
        apps.setdefault(app.record.serviceName, {})[app.record.appName] = names
    return _Shown(
        jobs=[stored.record for stored in found.jobs],
        older=None if found.next is None else wanted.address(after=text_of_place(found.next)),
        looked_back_to=found.looked_back_to,
        counts=figures.jobs_now(),
        half_hours=figures.throughput(),
        apps=apps,
    )
