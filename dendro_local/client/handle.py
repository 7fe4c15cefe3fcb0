"""A job as a script sees it, and its outputs."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dendro_local.client.default_hub import default_hub
from dendro_local.errors import HubUnreachable, NotAHub, OutputNotFound
from dendro_local.hub import PREPARES_ENVIRONMENT, Hub
from dendro_local.lifecycle import TERMINAL
from dendro_local.model import Job, JobId, JobStatus

__all__ = ["DendroJob", "DendroJobOutput", "get_job", "preparation_of", "why_now"]

LOOK_SEC = 2.0
"""How often to look for changes that no wake-up told of."""

TELL_WHY_SEC = 3.0
"""How long a job may be pending, or starting, before its reason is told."""


class DendroJobOutput:
    """An output of a job. It can be the ``url`` of another job's input before it is there.

    Or a file that the app added to the job, such as a figure, once it is there.
    """

    def __init__(self, hub: Hub, job: Job, name: str) -> None:
        self._hub = hub
        self._job = job
        self.jobId = job.jobId
        self.name = name
        results = {result.name: result for result in job.outputFileResults}
        others = {other.name: other for other in job.otherFileOutputs or ()}
        result, other = results.get(name), others.get(name)
        if result is not None:
            self.fileBaseName = result.fileBaseName
            self.url = result.url
        elif other is not None:
            self.fileBaseName = name.rpartition("/")[2]
            self.url = other.url
        else:
            raise OutputNotFound(
                f"Job {job.jobId} has no output {name!r}. It has: "
                f"{', '.join([*results, *others]) or 'none'}."
            )
        self.size = None if result is None else result.size
        """In bytes; None until the job is completed, and of what the app added."""

    def __repr__(self) -> str:
        return f"DendroJobOutput(jobId={self.jobId!r}, name={self.name!r}, url={self.url!r})"

    def path(self) -> Path:
        """A read-only file with the output's bytes, under its own file name.

        Raises:
            JobFailed: the job failed.
            Conflict: the job is not finished.
            OutputNotFound: the bytes are no longer there.
            HubUnreachable: they lie elsewhere, where nobody answers now.
        """
        try:
            return self._hub.output_file(self.jobId, self.name)
        except HubUnreachable as error:
            # It says who did not answer, and why: through what it was asked helps nobody.
            raise error.with_traceback(None) from None

    def read_bytes(self) -> bytes:
        """The output's bytes. Raises as `path`."""
        return self.path().read_bytes()

    def read_text(self) -> str:
        """The output as UTF-8 text. Raises as `path`."""
        return self.path().read_text(encoding="utf-8")

    def json(self) -> Any:
        """The output's JSON as Python values. Raises as `path`."""
        return json.loads(self.read_bytes())


class DendroJob:
    """A job. Its attributes are those of its record, as it was when it was last looked at.

    `refresh` looks again; `wait_until_done` looks until it is finished.
    """

    def __init__(self, record: Job, hub: Hub) -> None:
        self._record = record
        self._hub = hub

    def __getattr__(self, name: str) -> Any:
        # The fields of the record that have no property here, such as tags or serviceName.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._record, name)

    def __repr__(self) -> str:
        definition = self._record.jobDefinition
        return (
            f"DendroJob({self.jobId!r}, {definition.appName}/{definition.processorName}, "
            f"{self.status})"
        )

    @property
    def jobId(self) -> JobId:  # noqa: N802 - the contract's name
        """The job's id."""
        return self._record.jobId

    @property
    def job_url(self) -> str:
        """Where a person finds the job; ``dendro-local job`` takes it too."""
        return self._hub.job_url(self._record.jobId)

    @property
    def status(self) -> JobStatus:
        """``pending``, ``starting``, ``running``, ``completed`` or ``failed``."""
        return self._record.status

    @property
    def isRunnable(self) -> bool:  # noqa: N802 - the contract's name
        """Whether all jobs that it depends on are completed."""
        return self._record.isRunnable

    @property
    def error(self) -> str | None:
        """Why it failed; None unless it did."""
        return self._record.error

    def refresh(self) -> "DendroJob":
        """Look at the job again; gives the job itself.

        Raises:
            JobNotFound: it has been deleted.
        """
        self._record = self._hub.get_job(self.jobId)
        return self

    def get_output(self, name: str) -> DendroJobOutput:
        """An output, there already or not yet, or a file that the app added to the job.

        Args:
            name: of the output in the processor, or of the file, such as ``figures/rates.png``.

        Raises:
            OutputNotFound: the job has none of this name.
        """
        return DendroJobOutput(self._hub, self._record, name)

    def console(self) -> str:
        """What the job has printed so far."""
        return self._hub.console(self.jobId).decode(errors="replace")

    def why(self) -> str:
        """Why the job is in the state that it is in, in words."""
        return self._hub.why(self.jobId)

    def cancel(self) -> "DendroJob":
        """Make the job failed, stopping its app; gives the job itself.

        Raises:
            Conflict: it is finished.
        """
        self._record = self._hub.cancel(self.jobId)
        return self

    def wait_until_done(self, *, wait_sec: float | None = None) -> "DendroJob":
        """Wait until the job is completed or failed, running it here if nobody else does.

        Prints the status that the handle has, and then each that it sees: a short job may end
        between two looks. While no compute client is alive, this process runs the
        job and what it depends on, as far as the machine allows, and other jobs that it submitted.

        Args:
            wait_sec: how long at most; None as long as it takes. The job goes on afterwards, in
                this process while it lives.

        Returns:
            The job itself, whose `status` and `error` tell how it ended.

        Raises:
            JobNotFound: it was deleted meanwhile.
        """
        telling = _Telling(self)
        telling.tell()  # as it was submitted: it may have started by the first look
        for _ in self.watch(wait_sec=wait_sec):
            telling.tell()
        return self

    def watch(
        self, *, wait_sec: float | None = None, look_sec: float = LOOK_SEC
    ) -> Iterator["DendroJob"]:
        """The job itself whenever it was looked at again, until it is completed or failed.

        Looks at once, at every change of the job, and every ``look_sec``. Runs the job, and
        raises, as `wait_until_done` does, but prints nothing, except that a hub elsewhere is away:
        it is waited for.
        """
        end = float("inf") if wait_sec is None else time.monotonic() + wait_sec
        if self.status in TERMINAL or self.refresh().status in TERMINAL:
            yield self
            return
        changes = self._hub.changes([self.jobId])
        is_away = False
        try:
            while True:
                try:
                    self.refresh()
                    is_away = False
                except NotAHub:
                    raise
                except HubUnreachable as error:
                    # A job outlives many a restart of its hub, and who waits for it does so too.
                    if not is_away:
                        is_away = True
                        print(f"{error} Waiting for it.", file=sys.stderr)  # noqa: T201
                yield self
                left = end - time.monotonic()
                if self.status in TERMINAL or left <= 0:
                    return
                if self._hub.runs_jobs_itself() and not self._hub.has_compute_client():
                    # Here, because a script that finds its jobs done needs no compute client.
                    from dendro_local.compute import embedded_compute_client

                    embedded_compute_client(self._hub).run([self.jobId])
                changes.wait(min(look_sec, left))
        finally:
            changes.close()

    def _repr_html_(self) -> str:
        from dendro_local.client.notebook import job_html

        return job_html(self)


def get_job(job_id: str) -> DendroJob:
    """The job of an id, which may be given by its unique beginning.

    Raises:
        JobNotFound: there is none, or several begin so.
    """
    hub = default_hub()
    return DendroJob(hub.get_job(hub.job_id(job_id)), hub)


def preparation_of(job: DendroJob) -> str | None:
    """What to tell of a job whose app's environment is being prepared; None of any other."""
    if job.status != "starting" or PREPARES_ENVIRONMENT not in (why_now(job) or ""):
        return None
    app: str = job.jobDefinition.appName
    return (
        f"The environment of app {app!r} is prepared first, which may take minutes, once. "
        f"`dendro-local why {job.jobId}` says how far it is."
    )


def why_now(job: DendroJob) -> str | None:
    """As `DendroJob.why`; None while the hub is away, for which who waits for the job waits too."""
    try:
        return job.why()
    except HubUnreachable:
        return None


class _Telling:
    """Prints what a person wants to know of a job that is waited for."""

    def __init__(self, job: DendroJob) -> None:
        self._job = job
        self._begun = time.monotonic()
        self._told_status: str | None = None
        self._has_told_why = False
        self._has_told_preparation = False

    def tell(self) -> None:
        """Print what is new."""
        job = self._job
        if job.status != self._told_status:
            self._told_status = job.status
            print(f"{job.job_url} {job.status}")  # noqa: T201 - as the original does
            if job.status == "failed":
                print(f"Error: {job.error}")  # noqa: T201
        # Why it is pending, once, if it is for longer than it takes to start.
        has_waited = time.monotonic() - self._begun > TELL_WHY_SEC
        is_pending = job.status == "pending"
        if has_waited and is_pending and not self._has_told_why and (why := why_now(job)):
            self._has_told_why = True
            print(why, file=sys.stderr)  # noqa: T201
        if has_waited and not self._has_told_preparation and (words := preparation_of(job)):
            self._has_told_preparation = True
            print(words, file=sys.stderr)  # noqa: T201
