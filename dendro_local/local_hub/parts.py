"""What the parts of the local hub share: its store and user, look-ups, consequences of an end."""

from pathlib import Path

from dendro_local.app_source import AppFolder, bundled_app_folder
from dendro_local.compatibility import suggestion
from dendro_local.errors import AppNotFound, JobNotFound, ServiceNotFound
from dendro_local.lifecycle import TERMINAL
from dendro_local.model import Job, JobId
from dendro_local.store import ComputeClientRun, Store, StoredJob

__all__ = ["Part"]


class Part:
    """The base of each part."""

    store: Store
    user_id: str
    max_attempts: int
    _app_folders: dict[Path, AppFolder]
    _runs: dict[str, ComputeClientRun]

    def stored(self, job_id: JobId) -> StoredJob:
        """The job as the store keeps it.

        Raises:
            JobNotFound: there is none.
        """
        found = self.store.jobs.by_id(job_id)
        if found is None:
            raise JobNotFound(
                f"There is no job {job_id!r} in store {self.store.folder.root}. "
                "`dendro-local jobs` lists those that there are."
            )
        return found

    def missing_app(self, service: str, name: str) -> ServiceNotFound | AppNotFound:
        """The error for an app that is not registered: what is missing, and what is there."""
        if self.store.services.get(service) is None:
            services = [each.serviceName for each in self.store.services.all()]
            return ServiceNotFound(
                f"Service not found: {service}.{suggestion(service, services, all_are='There are')}"
            )
        apps = [app.record.appName for app in self.store.services.apps(service=service)]
        return AppNotFound(
            f"Service app not found: {name}."
            f"{suggestion(name, apps, all_are=f'Service {service} has')} "
            "`dendro-local apps add FOLDER` registers one."
        )

    def app_folder(self, source: str) -> Path:
        """The folder that the source of a registered app names."""
        kind, _, name = source.partition(":")
        return bundled_app_folder(name) if kind == "bundled" else Path(name)

    def fail_dependents(self, job: Job, reason: str, now: float) -> None:
        """Fail what waits for a job that will not be completed, and what waits for that.

        Args:
            job: the job that failed or is deleted.
            reason: such as ``failed: ValueError: no spikes``.
            now: the time to record.
        """
        definition = job.jobDefinition
        name = f"{job.jobId} ({definition.appName}/{definition.processorName})"
        for child in self.store.jobs.children(job.jobId):
            if child.record.status in TERMINAL:
                continue
            error = f"Its dependency {name} {reason}"
            self.store.jobs.update(
                child.number, status="failed", error=error, finished_at=now, claim_token=None
            )
            # The root of the failure is what helps, however long the chain.
            self.fail_dependents(child.record, f"failed: {error}", now)

    def release_dependents(self, job_id: JobId) -> None:
        """Let run what waited for nothing but this job."""
        for child in self.store.jobs.children(job_id):
            if child.record.status != "pending" or child.record.isRunnable:
                continue
            if not self.store.jobs.unfinished_parents(child.number):
                self.store.jobs.update(child.number, is_runnable=1)
