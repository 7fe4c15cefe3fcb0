"""``/metrics``: what the hub does and holds, as Prometheus reads it."""

import time
from collections.abc import Collection, Iterable
from typing import get_args

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dendro_local.model import JobStatus
from dendro_local.server.news import News
from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.v1.asking import Asked

__all__ = ["Metered", "Metrics", "metrics"]

TEXT = "text/plain; version=0.0.4"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The figures of one server, in a registry of their own.

    Args:
        figures: how much the store holds.
        news: who listens.
        calls: the names of the contract's calls.
    """

    def __init__(self, figures: StoreFigures, news: News, calls: Collection[str]) -> None:
        self._registry = CollectorRegistry()
        self._calls = frozenset(calls)
        self._requests = Counter(
            "dendro_http_requests",
            "Requests that were answered.",
            ("route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "dendro_http_seconds",
            "How long it took until an answer began.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._registry.register(_Gauges(figures, news))
        self._kept: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def note(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        kept = self._kept.get((route, status))
        if kept is None:
            # Looking them up by their labels would cost as much again at each answer.
            kept = self._requests.labels(route, status), self._seconds.labels(route)
            self._kept[route, status] = kept
        kept[0].inc()
        kept[1].observe(seconds)

    def text(self) -> bytes:
        """All figures as they are now."""
        return generate_latest(self._registry)

    def route(self, path: str, template: str | None) -> str:
        """What was asked, of a fixed set of words however many paths there are.

        Args:
            path: of the request.
            template: of the route that answered it, such as ``/v1/jobs/{job_id}``, if there is one.
        """
        if path.startswith("/api/"):
            name = path[5:].strip("/")
            return f"/api/{name}" if name in self._calls else "/api"
        if path.startswith(("/f/", "/u/")):
            return path[:2]
        return template or "other"


class _Gauges(Collector):
    """What is looked up when it is asked for."""

    def __init__(self, figures: StoreFigures, news: News) -> None:
        self._figures = figures
        self._news = news

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering it does not look anything up."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The gauges."""
        jobs = GaugeMetricFamily("dendro_jobs", "Jobs in the store.", labels=["status"])
        counted = self._figures.jobs_by_status()
        for status in get_args(JobStatus):
            jobs.add_metric([status], counted.get(status, 0))
        yield jobs
        for name, meaning, value in (
            ("dendro_jobs_runnable", "Jobs that could start now.", self._figures.runnable_jobs()),
            ("dendro_blobs_bytes", "Size of all blobs.", self._figures.blob_bytes()),
            ("dendro_listeners", "Streams of events that are open.", self._news.num_listeners),
        ):
            yield GaugeMetricFamily(name, meaning, value=value)


class Metered:
    """An application whose answers are counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and count it when its answer begins."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        path = scope["path"]  # of which a mounted route takes its own away

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = self._metrics.route(path, scope.get("path_template"))
                self._metrics.note(route, message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, counted)


@get("/metrics", operation_id="getMetrics", tags=["hub"], media_type=TEXT)
async def metrics(asked: Asked, server_metrics: NamedDependency[Metrics]) -> Response[bytes]:
    """What the hub does and holds.

    For Prometheus: answers by route and status, how long they took, jobs by status, the size of
    all blobs, open streams. Figures of the store may be ten seconds old.
    """
    return Response(await asked.in_thread(server_metrics.text), media_type=TEXT)
