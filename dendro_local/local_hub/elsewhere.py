"""What a hub asks of the remotes of its store: jobs on a miss, and files that lie there.

The exchange with remotes is built upon hubs, in `dendro_sync`; so it is imported by name, here and
nowhere else, and only where there is a remote, or somebody looks at those that there are.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

import msgspec

from dendro_local.model import Digest, JobDefinition

if TYPE_CHECKING:
    from dendro_local.local_hub.hub import LocalHub
    from dendro_local.local_hub.submitting import Submitting
    from dendro_local.v1 import (
        ChangedRemote,
        Exchange,
        NewExchange,
        NewRemote,
        RemoteEntry,
        TrustedKey,
        TrustList,
    )

__all__ = ["Elsewhere", "Exchanges", "WantedJob", "elsewhere_of", "exchanges_of"]


class WantedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is to be done, if no remote has it."""

    service: str
    definition: JobDefinition
    definition_hash: str
    app_version: str | None
    content_key: str | None


class Elsewhere(Protocol):
    """The remotes of a store."""

    def look(
        self, wanted: Sequence[WantedJob], on_untrusted: Callable[[WantedJob, str], None]
    ) -> bool:
        """Ask the remotes that are caches for completed jobs; whether any was recorded.

        Takes no longer than a cache may, and never fails.

        Args:
            wanted: the jobs.
            on_untrusted: is told where one is that was not taken since nobody signed it whose key
                is trusted, in a sentence.
        """
        ...

    def fetch(self, digest: Digest) -> None:
        """Have a blob here that is awaited.

        Raises:
            OutputNotFound: no remote has it any more. It is awaited no more.
            HubUnreachable: those that may have it do not answer, or gave other bytes.
        """
        ...

    def fetch_input(self, digest: Digest) -> None:
        """Have a file here that jobs read which came from remotes, if it was pushed there.

        Raises:
            OutputNotFound: none of these remotes has it.
            HubUnreachable: those that may have it do not answer, or gave other bytes.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class Exchanges(Protocol):
    """The remotes of a store as its user sees and steers them. Safe for use by many threads.

    One exchange with each remote goes on at a time, in a thread of its own. The last is kept until
    the next. No remote is waited for but by `add` and `ask`, and by these not for long.
    """

    def remotes(self) -> "list[RemoteEntry]":
        """Every remote, by name."""
        ...

    def remote(self, name: str) -> "RemoteEntry":
        """One remote.

        Raises:
            NotFound: there is none of this name; so of all that is asked of one.
        """
        ...

    def add(self, new: "NewRemote") -> "RemoteEntry":
        """Add a remote.

        Raises:
            InvalidRequest: there is one of this name, or what is given cannot be used; also if
                what is there does not answer, or does not know the key.
        """
        ...

    def change(self, name: str, changes: "ChangedRemote") -> "RemoteEntry":
        """Change how a remote is used, where it is, or by which key one is known there.

        Raises:
            InvalidRequest: as for `add`; and if there is another kind of remote at the address.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a remote. Jobs that came from it stay; files that were still to come do not come.

        Raises:
            Conflict: an exchange with it is under way.
        """
        ...

    def ask(self, name: str) -> "RemoteEntry":
        """Ask a remote what it is; what it said, or why it could not be asked, is kept."""
        ...

    def start(self, name: str, wanted: "NewExchange") -> "Exchange":
        """Begin an exchange with a remote.

        Raises:
            Conflict: one is under way.
        """
        ...

    def cancel(self, name: str) -> "Exchange":
        """End the exchange with a remote, if one is under way. The next goes on where it was.

        Raises:
            NotFound: there was none since the hub began.
        """
        ...

    def trust_list(self) -> "TrustList":
        """The store's own key, and those that it trusts."""
        ...

    def trust(self, name: str, public_key: str) -> "TrustedKey":
        """Trust a key; one that is trusted already gets the name.

        Raises:
            InvalidRequest: it is no key, or another one has this name.
        """
        ...

    def untrust(self, name: str) -> "TrustedKey":
        """Trust a key no more, by its name or id. What it signed and is here already stays.

        Raises:
            NotFound: no key is called so.
        """
        ...

    def close(self) -> None:
        """End what is under way."""
        ...


def elsewhere_of(hub: "Submitting") -> Elsewhere:
    """The remotes of a hub's store."""
    found: Elsewhere = import_module("dendro_sync.elsewhere").RemotesOfStore(hub)
    return found


def exchanges_of(hub: "LocalHub") -> Exchanges:
    """The remotes of a hub's store, for its user. To be closed."""
    found: Exchanges = import_module("dendro_sync.exchanges").ExchangesOfStore(hub)
    return found
