"""The pages of which there is a screenshot in the docs."""

from collections.abc import Callable

import msgspec

from dendro_local.model import Job
from tests.screenshots.demo_store import APP, SERVICE, DemoJobs

__all__ = ["SHOTS", "Shot"]


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """One screenshot: of which page, and as what it is seen."""

    name: str
    """Of its file, without ``.png``."""
    path: Callable[[DemoJobs], str]
    at: str = "h1"
    """The element that is brought to the top of the window."""
    waits_for: str = "main"
    """What must be seen first."""
    is_dark: bool = False
    width: int = 1280


def _of(job: Job) -> str:
    return f"/jobs/{job.jobId}"


SHOTS = (
    Shot(name="jobs", path=lambda _: "/"),
    Shot(name="jobs-dark", path=lambda _: "/", is_dark=True),
    Shot(name="jobs-phone", path=lambda _: "/", width=390),
    Shot(
        name="job-running",
        path=lambda jobs: _of(jobs.running),
        at="#console",
        waits_for="#usage-charts canvas",
    ),
    Shot(name="job-failed", path=lambda jobs: _of(jobs.failed)),
    Shot(name="lineage", path=lambda jobs: _of(jobs.spikes), at="#lineage"),
    Shot(
        name="preview",
        path=lambda jobs: f"{_of(jobs.recording)}/files/output/output?path=acquisition/voltage",
    ),
    Shot(
        name="new-job",
        path=lambda _: f"/new?service={SERVICE}&app={APP}&processor=detect_spikes",
    ),
    Shot(
        name="compare",
        path=lambda jobs: f"/compare?job={jobs.spikes.jobId}&job={jobs.other_spikes.jobId}",
    ),
    Shot(name="apps", path=lambda _: f"/apps/{SERVICE}"),
    Shot(name="compute-clients", path=lambda _: "/clients"),
    Shot(name="remotes", path=lambda _: "/remotes"),
    Shot(name="storage", path=lambda _: "/storage?larger_than_mb=0"),
    Shot(name="account", path=lambda _: "/account"),
)
