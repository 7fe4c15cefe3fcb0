"""The one connection by which a process writes, and commits that its threads share.

Threads take turns: among many connections each would wait for the others' locks without knowing
when they are free, and read all its pages again after each commit of another.

A commit waits for the disk. Transactions that may share one do so when there are others in line:
each leaves the transaction open for the next, and the last of them commits for all. None of them
goes on before that. One that is alone commits at once.

What a power cut may take back need not wait for the disk: SQLite has it written in its own time,
or with the next commit that waits. A kill of the process loses nothing either way.
"""

import contextlib
import copy
import sqlite3
import threading
from collections.abc import Callable, Generator

__all__ = ["Writer"]

MOST_TOGETHER = 16
"""How many transactions share a commit at the most, since the first of them waits for the last."""

LOOK_SEC = 0.05
"""After how long a transaction that was left open is committed, if the next in line gave up."""


class _Group:
    """Transactions that share a commit."""

    def __init__(self, *, is_durable: bool) -> None:
        self.is_durable = is_durable
        self.size = 0
        self.failure: Exception | None = None
        self.after: dict[Callable[[], None], None] = {}
        self._is_over = threading.Event()

    def end(self, failure: Exception | None = None) -> None:
        """It was committed, or undone because of this failure."""
        self.failure = failure
        self._is_over.set()

    def wait(self) -> bool:
        """Wait for its end for a while; whether it has ended."""
        return self._is_over.wait(LOOK_SEC)


class Writer:
    """Transactions by one connection. Safe for use by many threads, of one process.

    Args:
        connection: used by nobody else.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._open: _Group | None = None
        self._waits_for_disk: bool | None = None
        self.in_line = 0
        """How many transactions wait for their turn."""

    @contextlib.contextmanager
    def transaction(
        self, *, may_share: bool, after: Callable[[], None] | None, is_durable: bool = True
    ) -> Generator[sqlite3.Connection]:
        """A block in a transaction of its own, or as a part of one that others have begun.

        Whatever happens, it is committed when this returns, and its changes are undone when this
        raises: those of the block, or all that were to share a commit that failed.

        Args:
            may_share: whether it may see what others have written and not committed yet.
            after: called after the commit, once for all that share it.
            is_durable: whether it has to survive a power cut from when this returns.
        """
        with self._my_turn():
            group = self._begin(may_share, is_durable)
            name = f"part_{group.size}"
            try:
                if group.size:
                    self._connection.execute(f"savepoint {name}")
                yield self._connection
            except BaseException as error:
                self._undo(group, name, error)
                raise
            group.size += 1
            if after is not None:
                group.after[after] = None
            is_left_open = (
                may_share
                and group.is_durable  # else the commit is over before another had its turn
                and self.in_line > 0
                and group.size < MOST_TOGETHER
            )
            if not is_left_open:
                self._commit(group)
        if is_left_open:
            self._wait_for_commit(group)

    @contextlib.contextmanager
    def _my_turn(self) -> Generator[None]:
        self._count_in_line(1)
        is_in_line = True
        try:
            with self._turn:
                self._count_in_line(-1)
                is_in_line = False
                yield
        finally:
            if is_in_line:  # somebody pressed Ctrl-C
                self._count_in_line(-1)

    def _count_in_line(self, more: int) -> None:
        with self._counting:
            self.in_line += more

    def _begin(self, may_share: bool, is_durable: bool) -> _Group:
        if not may_share:
            self._commit_what_is_open()
        if self._open is None:
            self._wait_for_disk(is_durable)
            self._connection.execute("begin immediate")
            self._open = _Group(is_durable=is_durable)
        return self._open

    def _wait_for_disk(self, waits: bool) -> None:
        """Let the commits from now on wait for the disk, or not. Outside a transaction."""
        if self._waits_for_disk is not waits:
            self._connection.execute(f"pragma synchronous = {'full' if waits else 'normal'}")
            self._waits_for_disk = waits

    def _undo(self, group: _Group, name: str, error: BaseException) -> None:
        """Take back what a block wrote that raised, and commit what others had written before."""
        if group.size and self._connection.in_transaction:
            try:
                self._connection.execute(f"rollback to {name}")
            except sqlite3.Error as failure:
                error = failure
            else:
                self._commit_what_is_open()
                return
        self._open = None
        # SQLite has rolled back by itself after some errors, such as a full disk.
        if self._connection.in_transaction:
            self._connection.execute("rollback")
        group.end(
            error
            if isinstance(error, sqlite3.Error)
            else sqlite3.OperationalError("what was to be committed with it was rolled back")
        )

    def _commit_what_is_open(self) -> None:
        """Commit what others left open. If that fails, it is a matter of those who wait for it."""
        if self._open is not None:
            with contextlib.suppress(sqlite3.Error):
                self._commit(self._open)

    def _commit(self, group: _Group) -> None:
        self._open = None
        try:
            self._connection.execute("commit")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            group.end(error)
            raise
        group.end()
        for after in group.after:
            after()

    def _wait_for_commit(self, group: _Group) -> None:
        while not group.wait():
            with self._my_turn():
                self._commit_what_is_open()
        if group.failure is not None:
            raise copy.copy(group.failure) from group.failure
