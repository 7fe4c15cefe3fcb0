"""Checks of the records: the database itself, claims, and jobs that wait."""

import functools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from dendro_local.errors import ClaimLost, InvalidApp
from dendro_local.hub import Claim
from dendro_local.local_hub.claims import LEASE_SEC, is_remote_run
from dendro_local.local_hub.dependency_errors import dependency_failed
from dendro_local.local_hub.findings import Found, found
from dendro_local.local_hub.running import Running
from dendro_local.model import JobId
from dendro_local.store.integrity import TABLES_OF_JOBS, PendingApp, WronglyWaiting

__all__ = ["RecordChecks", "RunFolders"]


class RunFolders(Protocol):
    """What compute clients know of the folders in which jobs run. None of these raises."""

    def can_go_on(self, folder: Path, /) -> bool:
        """Whether a job still runs in it, or came to its end when its compute client was gone."""
        ...

    def end(self, folder: Path, /) -> None:
        """End the processes that still work in it."""
        ...

    def remove(self, folder: Path, /) -> None:
        """Remove it, whatever rights its app took away."""
        ...


class RecordChecks:
    """Each check gives what it finds."""

    def __init__(self, hub: Running, run_folders: RunFolders) -> None:
        self._hub = hub
        self._store = hub.store
        self._integrity = hub.store.upkeep.integrity
        self._run_folders = run_folders

    def database(self, *, quick: bool) -> Iterator[Found]:
        """The database file, and rows that belong to nothing."""
        file = self._store.folder.database
        for fault in self._integrity.database_faults(quick=quick):
            yield found("database_damaged", file, f"SQLite finds {file} damaged: {fault}.")
        for table, count in self._integrity.rows_of_nothing().items():
            rows = f"{count} rows of table {table} in {file} belong to"
            if table in TABLES_OF_JOBS:
                remove = functools.partial(self._remove_rows, table)
                yield found("row_of_no_job", file, f"{rows} jobs that are not there.", remove)
            else:
                yield found("row_of_no_service", file, f"{rows} services that are not there.")

    def claims(self) -> Iterator[Found]:
        """Jobs whose compute client is gone, or has not been heard of."""
        lost = self._hub.abandoned()
        for claim in lost:
            text = f"Job {claim.job.jobId} is {claim.job.status}, but its compute client is gone"
            if self._run_folders.can_go_on(claim.folder):
                yield found("claim_left", claim.job.jobId, f"{text}. What it left can be used.")
            else:
                give_up = functools.partial(self._give_up, claim)
                yield found("claim_abandoned", claim.job.jobId, f"{text}.", give_up)
        ids = {claim.job.jobId for claim in lost}
        late = time.time() - LEASE_SEC
        for stored in self._store.jobs.active():
            job = stored.record
            if job.jobId not in ids and stored.lease_until and stored.lease_until < late:
                fault = (
                    "which runs on another machine and was not heard of for some minutes. A "
                    "server of the store sees to it."
                    if is_remote_run(stored.claim_token or "")
                    else "which is alive but has not renewed its claim for some minutes."
                )
                yield found(
                    "claim_not_renewed",
                    job.jobId,
                    f"Job {job.jobId} is {job.status} on {job.computeClientName}, {fault}",
                )

    def waiting(self) -> Iterator[Found]:
        """Pending jobs that wait for nothing, or for what will not come."""
        for waiting in self._integrity.wrongly_waiting():
            job_id, parent = waiting.job_id, waiting.hopeless_parent
            if parent is not None:
                yield found(
                    "waits_in_vain",
                    job_id,
                    f"Job {job_id} waits for job {parent}, which has failed or is gone.",
                    functools.partial(self._fail_dependent, waiting, parent),
                )
                continue
            state = (
                "counts as runnable although its dependencies are not completed"
                if waiting.is_runnable
                else "does not count as runnable although its dependencies are completed"
            )
            yield found(
                "wrongly_waiting",
                job_id,
                f"Job {job_id} is pending and {state}.",
                functools.partial(self._set_runnable, waiting),
            )

    def sums(self) -> Iterator[Found]:
        """What is kept of users' files beside the jobs themselves."""
        for wrong in self._integrity.wrong_sums():
            yield found(
                "sum_wrong",
                wrong.user_id,
                f"The files of the jobs of {wrong.user_id} count as {wrong.kept_bytes:,} bytes, "
                f"and are {wrong.counted_bytes:,}.",
                functools.partial(self._put_sum_right, wrong.user_id),
            )

    def pending_apps(self) -> Iterator[Found]:
        """Apps of pending jobs that cannot be run here."""
        for pending in self._integrity.pending_apps():
            fault = self._fault_of_app(pending)
            if fault is not None:
                jobs = "1 job waits" if pending.jobs == 1 else f"{pending.jobs} jobs wait"
                yield found(
                    "app_missing",
                    f"{pending.service_name}/{pending.app_name}",
                    f"{jobs} for app {pending.app_name}: {fault}",
                )

    def _fault_of_app(self, pending: PendingApp) -> str | None:
        app = self._store.services.app(pending.service_name, pending.app_name)
        if app is None:
            return f"service {pending.service_name} has no such app."
        if app.source is None:
            return "only its spec is registered, so its code is not here."
        try:
            folder = self._hub.app_folder(app.source)
        except InvalidApp as error:
            return str(error)
        return None if (folder / "main.py").exists() else f"there is no {folder / 'main.py'}."

    # Repairs

    def _remove_rows(self, table: str) -> None:
        with self._store.transaction():
            self._integrity.remove_rows_of_no_job(table)

    def _give_up(self, claim: Claim) -> None:
        if self._run_folders.can_go_on(claim.folder):
            return
        self._run_folders.end(claim.folder)
        try:
            self._hub.give_up(claim)
        except ClaimLost:
            return  # a compute client was faster
        self._run_folders.remove(claim.folder)

    def _put_sum_right(self, user_id: str) -> None:
        with self._store.transaction(quietly=True):
            self._integrity.put_sum_right(user_id)

    def _fail_dependent(self, waiting: WronglyWaiting, parent_id: JobId) -> None:
        with self._store.transaction():
            stored = self._store.jobs.by_id(waiting.job_id)
            if stored is None or waiting not in self._integrity.wrongly_waiting():
                return
            parent = self._store.jobs.by_id(parent_id)
            error = (
                f"Its dependency {parent_id} was deleted."
                if parent is None
                else dependency_failed(parent.record, parent.record.error or "")
            )
            self._hub.end_failed(stored, error)

    def _set_runnable(self, waiting: WronglyWaiting) -> None:
        with self._store.transaction():
            if waiting in self._integrity.wrongly_waiting():
                self._store.jobs.update(waiting.number, is_runnable=int(not waiting.is_runnable))
