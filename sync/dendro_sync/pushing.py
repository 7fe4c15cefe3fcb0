"""Having a remote take what this store has: page by page of its feed, files before records.

A page is dealt with before the cursor goes beyond it, and the remote is asked what it lacks before
anything is sent. So whatever ends a push, the next goes on where it was.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.shared_jobs import SharedChange
from dendro_local.model import JobId
from dendro_local.signed_records import (
    MOST_IN_BATCH,
    AppEntry,
    Entry,
    JobEntry,
    read_app,
    statement_digest,
)
from dendro_sync.ledger import Ledger
from dendro_sync.options import PushOptions
from dendro_sync.outgoing import Outgoing, OutgoingFiles
from dendro_sync.plan import is_selected, parents_first, parents_of, portions
from dendro_sync.progress import Tracker
from dendro_sync.remotes.remote import Refusal, Remote
from dendro_sync.report import Report
from dendro_sync.transfers import Transfers

__all__ = ["Push"]

PAGE = 500
"""With their ancestors, not much more than a batch."""

FINAL = frozenset({"conflict", "structure", "signature"})
"""What is refused for these will be so again."""


class Push:
    """One push.

    Args:
        hub: from whose store.
        remote: to where.
        name: of the remote: what came from it is there.
        options: what is pushed.
        ledger: how far it has come.
        apps_ledger: of which apps the remote was told.
        open_other: opens another remote by name, for files that are still to be fetched from it.
        tracker: is told how far it comes; its report is filled.
        takes_blobs: whether the remote takes files of jobs that are there already.
        takes_apps: whether it is to be told of apps.
        tries_again: whether what was refused before is pushed again.
    """

    def __init__(
        self,
        hub: LocalHub,
        remote: Remote,
        *,
        name: str,
        options: PushOptions,
        ledger: Ledger,
        apps_ledger: Ledger,
        open_other: Callable[[str], Remote],
        tracker: Tracker,
        takes_blobs: bool = True,
        takes_apps: bool = True,
        tries_again: bool = True,
    ) -> None:
        self._hub = hub
        self._store = hub.store
        self._remote = remote
        self._name = name
        self._options = options
        self._ledger = ledger
        self._apps_ledger = apps_ledger
        self._tracker = tracker
        self._report = tracker.report
        self._refused_apps: dict[tuple[str, str], Refusal] = {}
        self._apps: set[tuple[str, str]] = set()
        """Those of the jobs that were sent, by service and name."""
        self.end: int | None = None
        """All up to this number of the feed was dealt with; None if that is not known."""
        self._takes_blobs = takes_blobs
        self._takes_apps = takes_apps
        self._tries_again = tries_again
        self._not_taken: set[JobId] = set()
        """Of these it was told. They are tried again by the next push, not by this one."""
        self._transfers = Transfers(hub, tracker)
        self._files = OutgoingFiles(hub, remote, options, open_other, self._transfers, tracker)

    def run(self) -> Report:
        """Push what changed, and tell what was done.

        Raises:
            DendroError: the remote cannot be asked, or the store not read. What was sent before
                stays there.
        """
        job_ids = self._options.selection.job_ids
        if job_ids:
            return self.run_of(job_ids)
        return self._run(self._push_changes)

    def run_of(self, job_ids: Iterable[JobId]) -> Report:
        """Push these jobs, and tell what was done.

        Raises:
            DendroError: as `run`.
        """
        return self._run(lambda: self._push_jobs(job_ids))

    def _run(self, push: Callable[[], None]) -> Report:
        began = time.monotonic()
        try:
            if not self._options.is_archive:
                self._push_changed_apps()
            push()
            self._put_apps_of_jobs()
            self._tell_refused_apps()
        finally:
            self._transfers.close()
            self._report.seconds += time.monotonic() - began
        return self._report

    # What is looked at

    def _push_changed_apps(self) -> None:
        """Tell of apps, if one has changed since they were told of, and of those not taken then."""
        if self._options.is_dry_run or not self._takes_apps:
            return
        state = self._hub.shared.apps_state(self._options.selection.service)
        known, _, not_taken = self._apps_ledger.cursor().partition(" ")
        if self._options.full or known != state:
            refused = self._put_apps()
        elif not_taken:
            refused = self._put_apps(msgspec.json.decode(not_taken, type=set[tuple[str, str]]))
        else:
            return
        left = f" {msgspec.json.encode(sorted(refused)).decode()}" if refused else ""
        self._apps_ledger.note(f"{state}{left}", refused={}, done=())

    def _put_apps_of_jobs(self) -> None:
        """Tell of the apps of the jobs that were sent, as far as it was not told of them before.

        An app that is known here by its record alone is told of only with jobs of it: who has its
        code may have told of a newer one.
        """
        if self._options.is_archive:
            self._put_apps(self._apps)
        elif self._apps and self._takes_apps and not self._options.is_dry_run:
            with self._store.reading():
                alone = {app for app in self._apps if self._is_record_alone(*app)}
            self._put_apps(alone)

    def _is_record_alone(self, service: str, name: str) -> bool:
        app = self._store.services.app(service, name)
        return app is not None and app.source is None and not app.record.appSpecificationUri

    def _put_apps(
        self, which: Collection[tuple[str, str]] | None = None
    ) -> dict[tuple[str, str], Refusal]:
        """Tell of apps, by service and name; None for all of which not just the record is here.

        Everybody has those that come with the package. Those that are not taken are the answer.
        """
        service = self._options.selection.service
        with self._store.reading():
            own = {
                (app.record.serviceName, app.record.appName)
                for app in self._store.services.apps(service=service)
                if app.source is None or not app.source.startswith("bundled:")
            }
            alone = {app for app in own if self._is_record_alone(*app)}
        wanted = own - alone if which is None else own & set(which)
        told = {_key_of(each): each for each in self._hub.shared.shared_apps(service)}
        told = {app: entry for app, entry in told.items() if app in wanted}
        refused: dict[tuple[str, str], Refusal] = {}
        if told and self._remote.put(list(told.values())):
            # A refusal of an app does not say of which: so each by itself.
            for app, entry in told.items():
                refused.update((app, refusal) for refusal in self._remote.put([entry]))
        self._report.apps += len(told) - len(refused)
        self._refused_apps.update(refused)
        return refused

    def _tell_refused_apps(self) -> None:
        """Tell of apps that were not taken, if it is by these that jobs are found.

        Others are on services of which the remote need not know.
        """
        for app, refusal in self._refused_apps.items():
            if refusal.code != "not_allowed" or app in self._apps:
                self._report.refuse(replace(refusal, app=f"{app[1]} of service {app[0]}"))

    def _push_changes(self) -> None:
        if self._tries_again:
            self._push_jobs(self._ledger.to_try_again())
        with self._store.reading():
            last = self._store.feed.last()
        given = "" if self._options.full else self._ledger.cursor()
        after = int(given) if given else 0
        if after > last:
            after = 0  # the store was restored from a backup
        self._tracker.expect_jobs(last - after)
        conditions = msgspec.to_builtins(self._options.selection)
        conditions["not_from"] = self._name
        while True:
            changes = self._hub.shared.shared_changes(after, conditions, PAGE)
            is_last = len(changes) < PAGE
            end = changes[-1].feed_number if changes else after
            if changes:
                self._push_page(changes, end)
            # What is not to be sent is not to be looked at again.
            after = max(last, end) if is_last else end
            if changes or after > (int(given) if given else -1):
                self._note(str(after))
            self._tracker.add_jobs(len(changes))
            if is_last:
                self.end = after
                return

    def _push_jobs(self, job_ids: Iterable[JobId]) -> None:
        """Push jobs by id."""
        for some in portions(job_ids, PAGE):
            found = {each.record.jobId: each for each in self._outgoing_of(some)}
            refused = self._send(found, end=0)
            if not self._options.is_dry_run:
                stay = refused.keys() | self._files.kept_back
                done = [job_id for job_id in some if job_id not in stay]
                self._ledger.note(None, refused=refused, done=done)

    def _push_page(self, changes: Sequence[SharedChange], end: int) -> None:
        found: dict[JobId, Outgoing] = {}
        gone: list[Entry] = []
        for change in changes:
            if change.job is None or not isinstance(change.entry, JobEntry):
                gone.append(change.entry)
            elif is_selected(change.job.record, change.job.tags, self._options.selection):
                found[change.job_id] = Outgoing(entry=change.entry, job=change.job)
        refused = self._send(found, end)
        if gone and not self._options.is_dry_run and not self._options.is_archive:
            self._tell_refused(self._remote.put(gone), {})
        if not self._options.is_dry_run:
            self._ledger.note(None, refused=refused, done=())

    def _note(self, cursor: str) -> None:
        if not self._options.is_dry_run:
            self._ledger.note(cursor, refused={}, done=())

    def _outgoing_of(self, job_ids: Sequence[JobId]) -> list[Outgoing]:
        found = self._hub.shared.shared_jobs_of(job_ids)
        return [Outgoing(entry=entry, job=job) for job, entry in found]

    # What is sent

    def _send(self, found: Mapping[JobId, Outgoing], end: int) -> dict[JobId, str]:
        """Send jobs with what they need; of those to be tried again, the definition hashes by id.

        Args:
            found: the jobs.
            end: what changed up to this number of the feed, and is selected, is there already.
        """
        found = {job_id: found[job_id] for job_id in found if job_id not in self._not_taken}
        if not found:
            return {}
        whole = {**found, **self._ancestors(found, end)} if self._options.ancestors else found
        lacking = self._remote.lacking(
            {
                job_id: statement_digest(bytes(each.entry.statement))
                for job_id, each in whole.items()
            }
        )
        known = [each for job_id, each in found.items() if job_id not in lacking]
        self._report.known += len(known)
        # What came from there and is not there any more was deleted there.
        new = {
            job_id: whole[job_id]
            for job_id in whole
            if job_id in lacking and whole[job_id].job.origin != self._name
        }
        new = self._files.sendable(new)
        # Others of them may have been pushed without what they left.
        poor = self._files.poor(known) if self._takes_blobs else {}
        self._not_taken |= self._files.kept_back | self._files.unfetched
        failed = self._files.send({**new, **poor}, known)
        order = parents_first({job_id: each.record for job_id, each in new.items()})
        sent = [new[job_id] for job_id in order if job_id not in failed]
        again_there = [
            each
            for each in known
            if each.entry.tags or (each.record.jobId in poor and each.record.jobId not in failed)
        ]
        self._report.new += len(sent)
        self._apps |= {(each.record.serviceName, _app_of(each)) for each in sent}
        if self._options.is_dry_run:
            return {}
        again = self._tell_refused(
            [Refusal(job_id=job_id, code="missing", reason=why) for job_id, why in failed.items()],
            whole,
        )
        for job_id in whole.keys() & self._files.unfetched:
            again[job_id] = whole[job_id].record.jobDefinitionHash
        for some in portions(again_there, MOST_IN_BATCH):
            for refusal in self._put([each.entry for each in some]):
                if refusal.job_id is not None:
                    self._report.leave_out(refusal.job_id, f"Its tags: {refusal.reason}")
        for some in portions(sent, MOST_IN_BATCH):
            refusals = self._put([each.entry for each in some])
            again.update(self._tell_refused(refusals, whole))
            refused = {each.job_id for each in refusals}
            self._report.new -= sum(each.record.jobId in refused for each in some)
        return again

    def _put(self, entries: Sequence[Entry]) -> list[Refusal]:
        return self._remote.put(entries, without_files=self._options.outputs == "none")

    def _ancestors(self, found: Mapping[JobId, Outgoing], end: int) -> dict[JobId, Outgoing]:
        """What jobs depend on and may not have been sent."""
        ancestors: dict[JobId, Outgoing] = {}
        newest: Iterable[Outgoing] = found.values()
        while True:
            parents = {parent for each in newest for parent in parents_of(each.record)}
            missing = sorted(parents - found.keys() - ancestors.keys() - self._not_taken)
            newest = [each for each in self._outgoing_of(missing) if not self._was_sent(each, end)]
            if not newest:
                return ancestors
            ancestors.update((each.record.jobId, each) for each in newest)

    def _was_sent(self, outgoing: Outgoing, end: int) -> bool:
        job = outgoing.job
        return job.origin == self._name or (
            job.feed_number <= end and is_selected(job.record, job.tags, self._options.selection)
        )

    def _tell_refused(
        self, refusals: Iterable[Refusal], jobs: Mapping[JobId, Outgoing]
    ) -> dict[JobId, str]:
        """Tell what was refused; of what is to be tried again, the definition hashes by id."""
        again: dict[JobId, str] = {}
        for each in refusals:
            self._report.refuse(each)
            if each.job_id is None:
                continue
            self._not_taken.add(each.job_id)
            job = jobs.get(each.job_id)
            if job is not None and each.code not in FINAL:
                again[each.job_id] = job.record.jobDefinitionHash
        return again


def _app_of(outgoing: Outgoing) -> str:
    return outgoing.record.jobDefinition.appName


def _key_of(entry: AppEntry) -> tuple[str, str]:
    app = read_app(bytes(entry.statement))
    return app.serviceName, app.appName
