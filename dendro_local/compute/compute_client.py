"""The loop of a compute client: claim what fits, watch what runs, take over what was left.

One thread claims and watches; each running job has a worker thread, which does the job's own
steps. The loop sleeps until something in the store changes or a job's time is up.
"""

import queue
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from dendro_local.compute.adopted_process import adopted_app, can_be_adopted, end_left_app
from dendro_local.compute.containers import configured_runtime
from dendro_local.compute.gpus import GpuPool, machine_gpu_ids, noted_gpus
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.job_watch import JobWatch
from dendro_local.compute.machine import machine_capacity, machine_slots
from dendro_local.compute.runner import JobRun
from dendro_local.compute.runtime import Runtime
from dendro_local.compute.usage import UsageWatcher
from dendro_local.errors import ClaimLost, HubUnreachable
from dendro_local.hub import Claim, Hub, RunToken
from dendro_local.matching import Capacity, free_slots
from dendro_local.model import ComputeSlot, JobId, RequiredResources

if TYPE_CHECKING:
    from dendro_local.compute.app_watch import AppWatch

__all__ = ["ComputeClient"]

LOOK_SEC = 2.0
"""How often to look for changes that no wake-up told of."""

WATCH_SEC = 0.02
"""How long after a look at what runs the next may come. With short jobs, changes come faster."""

TAKE_OVER_SEC = 10.0
RENEW_SEC = 30.0

RELEASE_SEC = 30.0
"""How long an end waits at the most for running jobs to be given back."""


class ComputeClient:
    """Runs jobs of a hub on this machine.

    Args:
        hub: whose jobs to run.
        slots: what one job may have; by default the whole machine, see `machine_slots`.
        capacity: what all jobs together may have; by default the machine's.
        only: gives the ids of the jobs to run, and no others; None runs any.
        runtime: starts apps, and is closed at the end; by default that of the settings.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        slots: Sequence[ComputeSlot] | None = None,
        capacity: Capacity | None = None,
        only: Callable[[], Collection[JobId]] | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        self._hub = hub
        self._capacity = capacity or machine_capacity()
        self._slots = list(slots) if slots is not None else machine_slots(self._capacity)
        self._only = only
        self._runtime = runtime or configured_runtime(is_eager=only is None)
        self._unable: str | None = None
        self._gpus = GpuPool(self._capacity.num_gpus, machine_gpu_ids())
        self._usage = UsageWatcher()
        # What only some jobs are to be run for may wait for what others run.
        self._changes = hub.changes(for_work=only is None)
        self._stopping = threading.Event()
        self._leaves_running = False
        self._running: dict[JobRun, None] = {}
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[JobRun | None] = queue.SimpleQueue()
        self._workers = 0
        # Hashing large outputs is work too, though nobody asked for resources for it.
        self._most_ending = max(2, 2 * self._capacity.num_cpus)
        self._waits_for_records = False
        self._failure: Exception | None = None
        self._next_take_over = 0.0
        self._next_renewal = 0.0
        self._next_watch = 0.0
        self.idle_since = time.monotonic()
        """When, by this clock, it last had something to run, or else began."""

    def stop(self, *, leave_running: bool = False) -> None:
        """End `serve` from another thread or a signal handler.

        Args:
            leave_running: let the apps that run go on. The next compute client of the store goes
                on with their jobs; until there is one, they count as running.
        """
        self._leaves_running = leave_running
        self._stopping.set()
        self._changes.wake()

    def wake(self) -> None:
        """Look for work now."""
        self._changes.wake()

    def serve(self, *, is_done: Callable[[], bool] = lambda: False) -> None:
        """Run jobs until `stop`, or until ``is_done`` while nothing runs and nothing can start.

        Jobs that run when it ends are stopped and pending again, unless `stop` says otherwise.

        Raises:
            StoreError: the hub's store could not be read or written, so that the end of a job
                could not be recorded. Whoever runs jobs of the store next takes it over.
        """
        run = self._hub.begin_run(
            self._slots, serves_all=self._only is None, runtime=self._runtime.name
        )
        app_watch = self._app_watch()
        try:
            while not self._stopping.is_set():
                self._take_over_abandoned(run)
                # Looked at first: a job that ends while others are looked for may let some start.
                was_idle = not self._running
                started = self._start_what_fits(run)
                if started or not was_idle:
                    self.idle_since = time.monotonic()
                self._watch()
                self._raise_failure()
                self._runtime.close_idle()
                if was_idle and not started and is_done():
                    break
                if self._changes.wait(self._sleep_sec()) and app_watch is not None:
                    app_watch.note_change()
        finally:
            self._release_running(keep=self._leaves_running)
            if app_watch is not None:
                app_watch.close()
            self._usage.close()
            for _ in range(self._workers):
                self._work.put(None)
            self._runtime.close()
            self._hub.end_run(run)
            self._changes.close()

    def _app_watch(self) -> "AppWatch | None":
        """What follows the edits of apps, as long as all jobs of this machine are served."""
        if self._only is not None or not self._hub.runs_jobs_itself():
            return None
        from dendro_local.compute.app_watch import AppWatch  # a script needs none

        return AppWatch(self._hub, self._runtime.keep_only)

    def _start_what_fits(self, run: RunToken) -> bool:
        started = False
        while not self._stopping.is_set() and self._is_able(run):
            shares = self._shares_in_use()
            slots = [] if shares is None else free_slots(self._slots, shares)
            if shares is None or not slots:
                break
            free = self._capacity
            for share in shares:
                free = free.minus(share)
            only = None if self._only is None else self._only()
            claim = self._hub.claim_next(run, slots, free, only)
            if claim is None:
                break
            self._start(claim)
            started = True
        return started

    def _is_able(self, run: RunToken) -> bool:
        """Whether anything can be started now; whoever asks `why` is told if not."""
        reason = self._runtime.unable()
        if reason != self._unable:
            self._unable = reason
            self._hub.set_unable(run, reason)
            if reason is not None:
                _log("warning", "no job can be started: %s", reason)
        return reason is None

    def _shares_in_use(self) -> list[RequiredResources] | None:
        """What the jobs that run were given; None if too many others are still to be recorded."""
        with self._lock:
            in_use = [run for run in self._running if not run.is_app_over]
            self._waits_for_records = len(self._running) - len(in_use) >= self._most_ending
            is_full = self._waits_for_records
        return None if is_full else [run.claim.job.requiredResources for run in in_use]

    def _start(self, claim: Claim) -> None:
        definition = claim.job.jobDefinition
        _log(
            "info",
            "started job %s (%s/%s)",
            claim.job.jobId,
            definition.appName,
            definition.processorName,
        )
        gpu_ids = self._gpus.take(claim.job.requiredResources.numGpus)
        self._begin(
            JobRun(
                self._hub, claim, self._runtime, gpu_ids=gpu_ids, on_app_end=self._take_back_share
            )
        )

    def _take_back_share(self, job_run: JobRun) -> None:
        """The app of a job has ended: what it had is free for the next."""
        self._gpus.give_back(job_run.gpu_ids)
        self._changes.wake()

    def _begin(self, job_run: JobRun) -> None:
        """Give a run to a worker."""
        with self._lock:
            self._running[job_run] = None
            if self._workers < len(self._running):
                self._workers += 1
                threading.Thread(
                    target=self._run_jobs, name=f"dendro-worker-{self._workers}", daemon=True
                ).start()
        self._work.put(job_run)

    def _run_jobs(self) -> None:
        """A worker: runs one job after another."""
        while (job_run := self._work.get()) is not None:
            failure = job_run.run()
            _log("info", "ended job %s: %s", job_run.claim.job.jobId, job_run.outcome)
            with self._lock:
                del self._running[job_run]
                self._failure = self._failure or failure
                is_awaited = failure is not None or self._waits_for_records or not self._running
            if is_awaited or self._stopping.is_set():
                self._changes.wake()

    def _watch(self) -> None:
        """Stop what was canceled or takes too long, and keep the claims of the rest."""
        now = time.monotonic()
        if now < self._next_watch:
            return
        with self._lock:
            running = {run.claim.token: run for run in self._running}
        if not running:
            return
        self._next_watch = now + WATCH_SEC
        claims = [run.claim for run in running.values()]
        for lost in self._hub.lost_claims(claims):
            running.pop(lost.token).stop("canceled")
        for run in running.values():
            if run.deadline is not None and now >= run.deadline:
                limit = run.claim.job.requiredResources.timeSec
                run.stop(f"The job ran longer than its limit of {limit:g} s (timeSec).")
        if now >= self._next_renewal:
            self._next_renewal = now + RENEW_SEC
            self._hub.renew([run.claim for run in running.values()])
        self._usage.begin(_watches(running.values()))

    def _raise_failure(self) -> None:
        with self._lock:
            failure = self._failure
        if failure is not None:
            raise failure

    def _sleep_sec(self) -> float:
        with self._lock:
            running = list(self._running)
        now = time.monotonic()
        if running and now < self._next_watch:
            return self._next_watch - now
        deadlines = [run.deadline for run in running if run.deadline is not None]
        nearest = min([*deadlines, self._usage.next_beginning(_watches(running))])
        return min(LOOK_SEC, max(0.01, nearest - now))

    def _take_over_abandoned(self, run: RunToken) -> None:
        """Go on with what compute clients that are gone left running, and put the rest back."""
        now = time.monotonic()
        if now < self._next_take_over:
            return
        self._next_take_over = now + TAKE_OVER_SEC
        for claim in self._hub.abandoned():
            folder = JobFolder(claim.folder)
            try:
                if can_be_adopted(folder):
                    adopted = self._hub.adopt(claim, run)
                    process = adopted_app(folder)
                    gpu_ids = noted_gpus(folder.root)
                    self._gpus.reserve(gpu_ids)
                    self._begin(
                        JobRun(
                            self._hub,
                            adopted,
                            self._runtime,
                            process,
                            gpu_ids=gpu_ids,
                            on_app_end=self._take_back_share,
                        )
                    )
                    _log("info", "went on with job %s, left by a compute client", claim.job.jobId)
                    continue
                end_left_app(folder)
                self._hub.give_up(claim)
            except ClaimLost:
                continue  # another compute client was faster
            except HubUnreachable:
                return  # the next look goes on with it
            _log("warning", "job %s was left by a compute client that died", claim.job.jobId)
            folder.remove()
        for left in self._hub.left_folders():
            end_left_app(JobFolder(left))
            JobFolder(left).remove()
            _log("warning", "ended what was left in %s of a job that is no longer here", left)

    def _release_running(self, *, keep: bool) -> None:
        """Stop what runs, whose jobs are pending again; of what can go on alone, if not kept."""
        with self._lock:
            released = [run for run in self._running if not (keep and run.can_go_on_alone)]
        for job_run in released:
            job_run.stop_and_release()
        # A disk may take its time for what is to be recorded; the apps end within two seconds.
        deadline = time.monotonic() + RELEASE_SEC
        while time.monotonic() < deadline:
            with self._lock:
                if self._running.keys().isdisjoint(released):
                    return
            self._changes.wait(0.2)


def _watches(runs: Iterable[JobRun]) -> list[JobWatch]:
    """What is watched of those runs whose app has been started."""
    return [watch for run in runs if (watch := run.watch) is not None]


def _log(level: str, message: str, *values: object) -> None:
    """Log where somebody listens.

    A process that never imported `logging` has nobody who does, and importing it would cost each
    script that runs a job 3 ms.
    """
    logging = sys.modules.get("logging")
    if logging is not None:
        getattr(logging.getLogger(__name__), level)(message, *values)
