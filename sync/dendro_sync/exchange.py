"""Push, pull and both, between a store and one of its remotes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext

from msgspec.structs import replace

from dendro_local.errors import DendroError, InvalidRequest, NotAllowed
from dendro_local.local_hub import LocalHub
from dendro_sync.agreement import Agreement
from dendro_sync.ledger import Ledger
from dendro_sync.opening import open_remote
from dendro_sync.options import Outputs, PullOptions, PushOptions
from dendro_sync.plan import subject_of_pull, subject_of_push
from dendro_sync.progress import OnProgress, Tracker
from dendro_sync.pulling import Pull
from dendro_sync.pushing import Push
from dendro_sync.remotes.remote import Remote, RemoteFacts, ShowsByPut
from dendro_sync.report import Report, SyncReport
from dendro_sync.saved_remotes import saved_remote
from dendro_sync.selection import Selection
from dendro_sync.trust.keys import trust_policy

__all__ = ["Exchange", "pull", "push", "sync"]


class Exchange:
    """A remote of a store that is open, for as many pulls and pushes as are wanted.

    Args:
        hub: of the store.
        name: of the remote; None for the only one.

    Raises:
        NotFound: there is no such remote.
        InvalidRequest: there are several, and none is named.
    """

    def __init__(self, hub: LocalHub, name: str | None = None) -> None:
        self._hub = hub
        self.saved = saved_remote(hub, name)
        self._open = ExitStack()
        self._others: dict[str, Remote] = {}
        self._facts: RemoteFacts | None = None
        self.remote = self._other(self.saved.name)
        self._requests = 0
        self.pushed_to: int | None = None
        """All up to this number of the store's feed is there; None if nothing was pushed."""

    def __enter__(self) -> "Exchange":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections."""
        self._open.close()
        self._others.clear()

    def facts(self) -> RemoteFacts:
        """What the remote is; asked once."""
        if self._facts is None:
            self._facts = self.remote.facts()
        return self._facts

    def pull(
        self,
        options: PullOptions,
        on_progress: OnProgress | None = None,
        *,
        require: int | None = None,
    ) -> Report:
        """Take in what the remote has, see `pull`."""
        settings = self.saved.settings
        if require is not None:
            settings = replace(settings, require=require)
        policy = trust_policy(self._hub, settings)
        name = self.saved.name
        report = Report(direction="pull", remote=name, is_dry_run=options.is_dry_run)
        pulling = Pull(
            self._hub,
            self.remote,
            origin=name,
            awaited_from=name,
            policy=policy,
            options=options,
            ledger=Ledger(self._hub.store, name, "pull", subject_of_pull(options, policy)),
            agreement=Agreement(self._hub, policy, self._all_remotes),
            tracker=Tracker(report, on_progress),
            selects_there=self.saved.kind == "dendro",
        )
        with self._hub.store.reading():  # what remotes keep of themselves lies there too
            pulling.run()
        self._count_requests(report)
        return report

    def push(
        self,
        options: PushOptions,
        on_progress: OnProgress | None = None,
        *,
        into: Report | None = None,
        tries_again: bool = True,
    ) -> Report:
        """Have the remote take what the store has, see `push`.

        Args:
            options: what to push.
            on_progress: is told how far it comes.
            into: a report to go on with.
            tries_again: whether what was refused before is pushed again.
        """
        name = self.saved.name
        if self.saved.kind == "dendro" and options.outputs == "none":
            raise InvalidRequest(
                f"Remote {name!r} is an original Dendro hub, which takes no job without its "
                "outputs. Push with --outputs eager."
            )
        store_id = self.facts().store_id
        ledger = Ledger(self._hub.store, name, "push", subject_of_push(options, store_id))
        apps_ledger = Ledger(self._hub.store, name, "push", _subject_of_apps(options, store_id))
        is_nothing_there = store_id is None and self.saved.kind == "bucket"
        if is_nothing_there:
            ledger.begin_again()
            apps_ledger.begin_again()
        report = into or Report(direction="push", remote=name, is_dry_run=options.is_dry_run)
        pushing = Push(
            self._hub,
            self.remote,
            name=name,
            options=options,
            ledger=ledger,
            apps_ledger=apps_ledger,
            open_other=self._other,
            tracker=Tracker(report, on_progress),
            takes_blobs=self.saved.kind != "dendro",
            takes_apps=self.saved.kind != "dendro",
            tries_again=tries_again,
        )
        with self._hub.store.reading():
            pushing.run()
        self.pushed_to = pushing.end
        if is_nothing_there:
            self._name_ledgers(options, ledger, apps_ledger)
        self._count_requests(report)
        return report

    def as_one(self) -> AbstractContextManager[None]:
        """A block in which a pull after a push need not ask again what that has shown."""
        remote = self.remote
        return remote.exchanging() if isinstance(remote, ShowsByPut) else nullcontext()

    def may_push(self) -> bool:
        """Whether the remote is one to push to, and lets one push."""
        return not self.saved.settings.read_only and self.facts().can_write

    def check_may_push(self) -> None:
        """Refuse to push where that is not to be done, or cannot be.

        Raises:
            NotAllowed: says which.
        """
        name = self.saved.name
        if self.saved.settings.read_only:
            raise NotAllowed(
                f"Nothing is pushed to remote {name!r}, as it was set to --read-only. "
                f"`dendro-local remote set {name} --no-read-only` changes that."
            )
        if self.facts().can_write:
            return
        if self.saved.kind == "bucket":
            raise NotAllowed(
                f"Remote {name!r} can only be read: nothing can be written at {self.saved.url}."
            )
        if not (self.saved.settings.key_file or self.saved.settings.sealed_key):
            raise NotAllowed(
                f"Remote {name!r} lets guests only read. With the key of a user of that hub: "
                f"`dendro-local remote set {name} --key-file FILE`."
            )
        raise NotAllowed(
            f"Remote {name!r} lets {self.facts().user_id or 'this user'} only read. The owner of a "
            "service there can let them process its jobs: `dendro-local services users`."
        )

    def _count_requests(self, report: Report) -> None:
        before, self._requests = self._requests, self.remote.requests
        report.requests += self._requests - before

    def _name_ledgers(self, options: PushOptions, ledger: Ledger, apps_ledger: Ledger) -> None:
        """Now that something was put where there was nothing, go on from here the next time."""
        self._facts = None
        store_id = self.facts().store_id
        if store_id is not None:
            ledger.move_to(subject_of_push(options, store_id))
            apps_ledger.move_to(_subject_of_apps(options, store_id))

    def _other(self, name: str) -> Remote:
        found = self._others.get(name)
        if found is None:
            found = self._others[name] = open_remote(self._hub, saved_remote(self._hub, name))
            self._open.callback(found.close)
        return found

    def _all_remotes(self) -> Iterator[Remote]:
        """Every remote of the store, this one first."""
        yield self.remote
        with self._hub.store.reading():
            names = [each.name for each in self._hub.store.sharing.remotes.all()]
        for name in names:
            if name == self.saved.name:
                continue
            try:
                other = self._other(name)
            except DendroError:
                continue  # such as one whose key file is gone
            yield other


def _subject_of_apps(options: PushOptions, store_id: str | None) -> str:
    return f"apps {options.selection.service or ''} {store_id}"


def pull(
    hub: LocalHub,
    remote: str | None = None,
    selection: Selection | None = None,
    *,
    outputs: Outputs | None = None,
    max_size: int | None = None,
    full: bool = False,
    ancestors: bool = True,
    inputs: bool = False,
    require: int | None = None,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Report:
    """Take in what a remote has and this store has not.

    Args:
        hub: of the store.
        remote: its name; None for the only one.
        selection: which jobs; None for all.
        outputs: what becomes of the files that they left; None for what the remote was added with.
        max_size: files of more bytes come when they are first read.
        full: whether to look at everything again, and to bring again what was deleted here.
        ancestors: whether jobs bring those that they depend on.
        inputs: whether files of other machines that jobs took as inputs come now, as far as they
            were pushed. Otherwise each comes when a job here is to read it.
        require: how many trusted producers must agree on the outputs of each job; None for what
            the remote was added with.
        dry_run: whether only to tell what would come.
        on_progress: is told how far it comes.

    Raises:
        NotFound: there is no such remote.
        HubUnreachable: it does not answer. What came before stays, and the next pull goes on.
    """
    with Exchange(hub, remote) as exchange:
        options = PullOptions(
            selection=selection or Selection(),
            outputs=outputs or exchange.saved.settings.outputs,
            max_size=max_size,
            full=full,
            ancestors=ancestors,
            inputs=inputs,
            is_dry_run=dry_run,
        )
        return exchange.pull(options, on_progress, require=require)


def push(
    hub: LocalHub,
    remote: str | None = None,
    selection: Selection | None = None,
    *,
    outputs: Outputs = "eager",
    max_size: int | None = None,
    full: bool = False,
    ancestors: bool = True,
    inputs: bool = False,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Report:
    """Have a remote take what this store has and it has not.

    Args:
        hub: of the store.
        remote: its name; None for the only one.
        selection: which jobs; None for all.
        outputs: ``eager`` to fetch outputs first that are still elsewhere, ``lazy`` to leave such
            jobs out, ``none`` for records without files.
        max_size: jobs with a file of more bytes are left out.
        full: whether to look at everything again.
        ancestors: whether jobs bring those that they depend on.
        inputs: whether files of this machine that jobs took as inputs go along.
        dry_run: whether only to tell what would go.
        on_progress: is told how far it comes.

    Raises:
        NotFound: there is no such remote.
        NotAllowed: nothing may be pushed there.
        HubUnreachable: it does not answer. What went before stays, and the next push goes on.
    """
    with Exchange(hub, remote) as exchange:
        exchange.check_may_push()
        options = PushOptions(
            selection=selection or Selection(),
            outputs=outputs,
            max_size=max_size,
            full=full,
            ancestors=ancestors,
            inputs=inputs,
            is_dry_run=dry_run,
        )
        return exchange.push(options, on_progress)


def sync(
    hub: LocalHub,
    remote: str | None = None,
    selection: Selection | None = None,
    *,
    outputs: Outputs | None = None,
    max_size: int | None = None,
    full: bool = False,
    ancestors: bool = True,
    inputs: bool = False,
    require: int | None = None,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> SyncReport:
    """Push and pull, so that both ends have the same. A remote that is only read is pulled from.

    Args and errors are those of `push` and `pull`.
    """
    with Exchange(hub, remote) as exchange:
        return sync_by(
            exchange,
            PushOptions(
                selection=selection or Selection(),
                outputs=outputs or "eager",
                max_size=max_size,
                full=full,
                ancestors=ancestors,
                inputs=inputs,
                is_dry_run=dry_run,
            ),
            PullOptions(
                selection=selection or Selection(),
                outputs=outputs or exchange.saved.settings.outputs,
                max_size=max_size,
                full=full,
                ancestors=ancestors,
                inputs=inputs,
                is_dry_run=dry_run,
            ),
            on_progress,
            require=require,
        )


def sync_by(
    exchange: Exchange,
    push_options: PushOptions,
    pull_options: PullOptions,
    on_progress: OnProgress | None = None,
    *,
    require: int | None = None,
) -> SyncReport:
    """As `sync`, with a remote that is open."""
    name = exchange.saved.name
    pushed = Report(direction="push", remote=name, is_dry_run=push_options.is_dry_run)
    may_push = exchange.may_push()
    with exchange.as_one():
        if may_push:
            exchange.push(push_options, on_progress, into=pushed)
        pulled = exchange.pull(pull_options, on_progress, require=require)
        if may_push and not push_options.is_dry_run:
            # Tags that came may have met others here; and what came is not looked at the next time.
            again = replace(push_options, full=False)
            exchange.push(again, on_progress, into=pushed, tries_again=False)
    return SyncReport(push=pushed, pull=pulled)
