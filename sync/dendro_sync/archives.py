"""Jobs in one file: what is chosen, with what it came of, to be carried anywhere."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from dendro_local.errors import InvalidRequest, JobNotFound
from dendro_local.local_hub import LocalHub
from dendro_local.model import JobId
from dendro_local.store.sharing import RemoteSettings
from dendro_sync.agreement import Agreement
from dendro_sync.ledger import Ledger
from dendro_sync.opening import open_remote
from dendro_sync.options import PullOptions, PushOptions
from dendro_sync.plan import subject_of_pull
from dendro_sync.progress import OnProgress, Tracker
from dendro_sync.pulling import Pull
from dendro_sync.pushing import Push
from dendro_sync.remotes.remote import Refusal, Remote
from dendro_sync.report import Report
from dendro_sync.saved_remotes import saved_remote
from dendro_sync.selection import Selection
from dendro_sync.trust.keys import trust_policy

__all__ = ["export_jobs", "import_jobs"]


def export_jobs(
    hub: LocalHub,
    file: Path,
    *,
    job_ids: Sequence[JobId] = (),
    selection: Selection | None = None,
    ancestors: bool = True,
    inputs: bool = False,
    max_size: int | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Write jobs, with their outputs and the apps that they are of, to an archive.

    It is a bucket in a zip file, signed by this store. It is there when it is whole; a file of the
    name is replaced then.

    Args:
        hub: whose store has the jobs.
        file: the archive.
        job_ids: which jobs; none for those of the selection.
        selection: which jobs; None for all.
        ancestors: whether jobs bring those that they depend on.
        inputs: whether files of this machine that jobs took as inputs go along.
        max_size: jobs with a file of more bytes are left out.
        on_progress: is told how far it comes.

    Raises:
        JobNotFound: one of the jobs is not here, or has not ended; or none is selected.
        InvalidRequest: no file can be there.
        StoreError: the archive cannot be written.
    """
    from dendro_sync.remotes.bucket.archive import new_archive  # only here

    if job_ids and selection is not None and selection != Selection():
        raise InvalidRequest("Either jobs are named, or a selection is given.")
    _check_can_be_written(file)
    _check_have_ended(hub, job_ids)
    report = Report(direction="push", remote=str(file))
    with ExitStack() as opened, new_archive(file, key=hub.shared.signing_key) as remote:

        @cache
        def open_other(name: str) -> Remote:
            return opened.enter_context(closing(open_remote(hub, saved_remote(hub, name))))

        pushing = Push(
            hub,
            remote,
            name="",
            options=PushOptions(
                selection=selection or Selection(),
                ancestors=ancestors,
                inputs=inputs,
                max_size=max_size,
                is_archive=True,
            ),
            ledger=Ledger(hub.store, None, "push", ""),
            apps_ledger=Ledger(hub.store, None, "push", ""),
            open_other=open_other,
            tracker=Tracker(report, on_progress),
        )
        if job_ids:
            pushing.run_of(job_ids)
        else:
            pushing.run()
        if not report.new:
            raise JobNotFound("There is no finished job to export. Nothing was written.")
    return report


def import_jobs(
    hub: LocalHub,
    file: Path,
    *,
    selection: Selection | None = None,
    max_size: int | None = None,
    full: bool = True,
    ancestors: bool = True,
    allow_unsigned: bool = False,
    require: int = 1,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Report:
    """Take in the jobs of an archive with all files in it, as `dendro_sync.pull` does.

    Args:
        hub: into whose store.
        file: the archive.
        selection: which jobs; None for all.
        max_size: files of more bytes are left out, so that their jobs run again when submitted.
        full: whether to bring again what was deleted here.
        ancestors: whether jobs bring those that they depend on.
        allow_unsigned: whether jobs are taken that nobody signed whose key is trusted.
        require: how many trusted producers must agree on the outputs of each job.
        dry_run: whether only to tell what would come.
        on_progress: is told how far it comes.

    Raises:
        InvalidRequest: it is no such archive.
        InputUnavailable: it cannot be read.
    """
    from dendro_sync.remotes.bucket.archive import open_archive  # only here

    report = Report(direction="pull", remote=str(file), is_dry_run=dry_run)
    policy = trust_policy(hub, RemoteSettings(allow_unsigned=allow_unsigned, require=require))
    options = PullOptions(
        selection=selection or Selection(),
        max_size=max_size,
        full=full,
        ancestors=ancestors,
        # They were put in on purpose, and cannot be asked for later.
        inputs=True,
        is_dry_run=dry_run,
    )
    remote = open_archive(file)
    try:
        Pull(
            hub,
            remote,
            origin=f"archive {file.name}",
            awaited_from=None,
            policy=policy,
            options=options,
            ledger=Ledger(hub.store, None, "pull", subject_of_pull(options, policy)),
            agreement=Agreement(hub, policy, lambda: [remote]),
            tracker=Tracker(report, on_progress),
        ).run()
        report.requests = remote.requests
        report.refused = [_of_archive(each) for each in report.refused]
    finally:
        remote.close()
    return report


def _of_archive(refusal: Refusal) -> Refusal:
    """A refusal with what to do, if a part of the list of jobs cannot be read."""
    if refusal.code != "structure" or refusal.job_id is not None or refusal.app is not None:
        return refusal
    return replace(refusal, reason=f"{refusal.reason} The archive is damaged: get the file again.")


def _check_can_be_written(file: Path) -> None:
    if file.exists() and not file.is_file():
        raise InvalidRequest(f"{file} is there, and is no file that an archive could replace.")
    if not file.absolute().parent.is_dir():
        raise InvalidRequest(f"There is no folder {file.absolute().parent} for the archive.")


def _check_have_ended(hub: LocalHub, job_ids: Sequence[JobId]) -> None:
    with hub.store.reading():
        for job_id in job_ids:
            if hub.store.sharing.shared_jobs.by_id(job_id) is None:
                raise JobNotFound(f"Job {job_id} is not here, or has not ended.")
