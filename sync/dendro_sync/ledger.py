"""What is remembered of the exchange with a remote from one time to the next."""

from collections.abc import Iterable, Mapping

from dendro_local.model import JobId
from dendro_local.store import Store
from dendro_local.store.sharing import Direction

__all__ = ["Ledger", "MOST_REFUSED"]

MOST_REFUSED = 10_000
"""So many refused jobs are remembered one by one, so as to be tried again."""


class Ledger:
    """How far one direction of an exchange has come, and what is to be tried again.

    Args:
        store: this one.
        remote: the name of the remote; None for an archive, of which nothing is remembered.
        direction: which.
        subject: of what this is the cursor: of which selection, and by which rules.
    """

    def __init__(
        self, store: Store, remote: str | None, direction: Direction, subject: str
    ) -> None:
        self._store = store
        self._remote = remote
        self._direction: Direction = direction
        self._subject = f"{direction} {subject}"
        self._advances = True

    def cursor(self) -> str:
        """How far it has come; empty if it has not begun."""
        if self._remote is None:
            return ""
        with self._store.reading():
            return self._store.sharing.remotes.cursor(self._remote, self._subject) or ""

    def to_try_again(self) -> dict[JobId, str]:
        """Jobs that were refused: their definition hashes, by id."""
        if self._remote is None:
            return {}
        with self._store.reading():
            return self._store.sharing.remotes.refused(self._remote, self._direction)

    def note(
        self,
        cursor: str | None,
        *,
        refused: Mapping[JobId, str],
        done: Iterable[JobId],
        may_advance: bool = True,
    ) -> None:
        """Note how far it has come, which jobs are to be tried again, and which need not be.

        Once something was refused that cannot be remembered, the cursor stays where it is, so
        that all from there on is looked at again.

        Args:
            cursor: None if it has come no further.
            refused: definition hashes by id.
            done: of what was to be tried again.
            may_advance: False if something was refused that has no id.
        """
        if self._remote is None:
            return
        remotes = self._store.sharing.remotes
        gone = list(done)
        self._advances = self._advances and may_advance
        with self._store.transaction(quietly=True):
            remotes.forget_refused(self._remote, self._direction, gone)
            if refused:
                remotes.note_refused(self._remote, self._direction, refused.items())
                known = remotes.refused(self._remote, self._direction)
                self._advances = self._advances and len(known) <= MOST_REFUSED
            if cursor is not None and self._advances:
                remotes.set_cursor(self._remote, self._subject, cursor)

    def begin_again(self) -> None:
        """Forget how far it has come."""
        if self._remote is not None:
            with self._store.transaction(quietly=True):
                self._store.sharing.remotes.forget_cursors(self._remote, [self._subject])

    def move_to(self, subject: str) -> None:
        """Have the cursor be of something else."""
        cursor = self.cursor()
        if self._remote is None or not cursor:
            return
        before, self._subject = self._subject, f"{self._direction} {subject}"
        with self._store.transaction(quietly=True):
            self._store.sharing.remotes.set_cursor(self._remote, self._subject, cursor)
            self._store.sharing.remotes.forget_cursors(self._remote, [before])
