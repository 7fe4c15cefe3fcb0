"""An exchange that is under way in a thread of its own, and may be looked at and ended."""

import logging
import threading
import time
from collections.abc import Sequence

from dendro_local import v1
from dendro_local.errors import DendroError
from dendro_local.local_hub import LocalHub
from dendro_sync.exchange import Exchange, sync_by
from dendro_sync.incoming_blob import Stopped
from dendro_sync.options import PullOptions, PushOptions
from dendro_sync.progress import Meter, Progress
from dendro_sync.report import Report
from dendro_sync.selection import Selection

__all__ = ["UnderWay"]

logger = logging.getLogger(__name__)

MOST_TOLD = 200
"""So many of what was refused, and of what was left out, are told one by one."""

METER_SEC = 0.2
"""How often it is noted how far it has come."""

LEAST_SEC = 1.0
"""Before that nobody can tell how long it will take."""


class UnderWay:
    """An exchange, which begins at once. Safe for use by many threads.

    Args:
        hub: of the store.
        remote: its name.
        wanted: what is to be exchanged.
    """

    def __init__(self, hub: LocalHub, remote: str, wanted: v1.NewExchange) -> None:
        self._hub = hub
        self._remote = remote
        self._wanted = wanted
        self._is_canceled = threading.Event()
        self._lock = threading.Lock()
        self._reports: dict[str, Report] = {}
        self._progress: Progress | None = None
        self._meters = _Meters()
        self._started_at = time.time()
        self._ended_at: float | None = None
        self._was_canceled = False
        self._error: str | None = None
        # A daemon: a remote that does not answer is not to keep the process from its end. What
        # has come so far stays, and the next exchange goes on from there.
        self._thread = threading.Thread(target=self._run, name="dendro-exchange", daemon=True)
        self._thread.start()

    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return self._ended_at is None

    def cancel(self) -> None:
        """Have it end after the piece that is being moved."""
        self._is_canceled.set()

    def wait(self, timeout_sec: float) -> bool:
        """Wait for its end; whether it has come."""
        self._thread.join(timeout_sec)
        return not self._thread.is_alive()

    def told(self) -> v1.Exchange:
        """How it stands."""
        with self._lock:
            is_over = self._ended_at is not None
            return v1.Exchange(
                remote=self._remote,
                wanted=self._wanted,
                status=self._status(),
                started_at=self._started_at,
                ended_at=self._ended_at,
                error=self._error,
                progress=None if is_over else self._told_progress(),
                reports=[_told_report(each) for each in self._reports.values()],
            )

    def _status(self) -> v1.ExchangeStatus:
        if self._ended_at is None:
            return "canceling" if self._is_canceled.is_set() else "running"
        if self._error is not None:
            return "failed"
        return "canceled" if self._was_canceled else "done"

    def _run(self) -> None:
        reports: Sequence[Report] = ()
        error: str | None = None
        was_canceled = False
        try:
            with Exchange(self._hub, self._remote) as exchange:
                reports = self._exchange(exchange)
        except Stopped:
            was_canceled = True
        except DendroError as fault:
            was_canceled = self._is_canceled.is_set()
            error = None if was_canceled else str(fault)
        except Exception:
            was_canceled = self._is_canceled.is_set()  # the hub may have been closed by now
            if not was_canceled:
                logger.exception("the exchange with %s failed", self._remote)
                error = "The exchange failed; the hub's log says why."
        with self._lock:
            for each in reports:
                self._reports[each.direction] = each
            self._error = error
            self._was_canceled = was_canceled
            self._ended_at = time.time()

    def _exchange(self, exchange: Exchange) -> Sequence[Report]:
        wanted = self._wanted
        selection = Selection(
            service=wanted.service,
            app=wanted.app,
            processor=wanted.processor,
            tags=wanted.tags,
            since=wanted.since,
        )
        pushed = PushOptions(
            selection=selection,
            outputs=wanted.outputs or "eager",
            max_size=wanted.max_size,
            full=wanted.full,
            inputs=wanted.inputs,
            is_dry_run=wanted.dry_run,
        )
        pulled = PullOptions(
            selection=selection,
            outputs=wanted.outputs or exchange.saved.settings.outputs,
            max_size=wanted.max_size,
            full=wanted.full,
            inputs=wanted.inputs,
            is_dry_run=wanted.dry_run,
        )
        if wanted.direction == "pull":
            return [exchange.pull(pulled, self._on_progress)]
        if wanted.direction == "push":
            exchange.check_may_push()
            return [exchange.push(pushed, self._on_progress)]
        both = sync_by(exchange, pushed, pulled, self._on_progress)
        return [both.push, both.pull] if exchange.may_push() else [both.pull]

    def _on_progress(self, progress: Progress) -> None:
        with self._lock:
            self._reports[progress.report.direction] = progress.report
            self._progress = progress
            self._meters.note(progress)
        if self._is_canceled.is_set():
            raise Stopped

    def _told_progress(self) -> v1.ExchangeProgress | None:
        now = self._progress
        if now is None:
            return None
        return v1.ExchangeProgress(
            direction=now.report.direction,
            jobs_done=now.jobs_done,
            jobs_total=None if now.jobs_total is None else max(now.jobs_total, now.jobs_done),
            bytes_done=now.bytes_done,
            bytes_total=now.bytes_total,
            bytes_per_sec=self._meters.bytes.rate(now.bytes_done),
            left_sec=self._meters.left_sec(now),
        )


class _Meters:
    """How fast jobs and bytes go, of what is counted by one tracker."""

    def __init__(self) -> None:
        self.jobs, self.bytes = _new_meter(), _new_meter()
        self._counts = (0, 0)
        self._next = 0.0
        self._began = time.monotonic()

    def note(self, progress: Progress) -> None:
        """Note how far it has come, unless that was done just now."""
        jobs, of_bytes = self._counts
        if progress.jobs_done < jobs or progress.bytes_done < of_bytes:
            # A sync goes on with the other direction.
            self.jobs, self.bytes = _new_meter(), _new_meter()
            self._began = time.monotonic()
        self._counts = (progress.jobs_done, progress.bytes_done)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + METER_SEC
            self.jobs.rate(progress.jobs_done)
            self.bytes.rate(progress.bytes_done)

    def left_sec(self, progress: Progress) -> float | None:
        """The longer of what jobs and bytes say; None if nobody can tell."""
        if time.monotonic() < self._began + LEAST_SEC:
            return None
        left = [self.bytes.left_sec(progress.bytes_done, progress.bytes_total)]
        if progress.jobs_total is not None:
            left.append(self.jobs.left_sec(progress.jobs_done, progress.jobs_total))
        return max((each for each in left if each is not None), default=None)


def _new_meter() -> Meter:
    meter = Meter()
    meter.rate(0)
    return meter


def _told_report(report: Report) -> v1.ExchangeReport:
    return v1.ExchangeReport(
        direction=report.direction,
        new=report.new,
        known=report.known,
        tagged=report.tagged,
        deleted=report.deleted,
        kept_deleted=report.kept_deleted,
        apps=report.apps,
        unknown_apps=report.unknown_apps,
        files=report.files,
        bytes=report.bytes,
        awaited_files=report.awaited_files,
        awaited_bytes=report.awaited_bytes,
        refused_count=report.refused_count,
        refused=[
            v1.RefusedJob(
                job_id=each.job_id,
                code=each.code,
                reason=each.reason if each.app is None else f"App {each.app}: {each.reason}",
                digests=each.digests,
            )
            for each in report.refused[:MOST_TOLD]
        ],
        left_out_count=report.left_out_count,
        left_out=[
            v1.LeftOutJob(job_id=each.job_id, reason=each.reason)
            for each in report.left_out[:MOST_TOLD]
        ],
        requests=report.requests,
    )
