"""Opening a store's database, one connection a thread, and transactions that are short.

The order matters: the busy timeout is set before anything that may have to wait. WAL lets
readers and one writer go on side by side; ``synchronous=FULL`` makes a commit survive a power
cut, unless it need not. A transaction that reads before it writes opens with
``BEGIN IMMEDIATE``, since one that turns into a writer half-way can fail with "database is
locked" whatever the timeout.
"""

import contextlib
import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Hashable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from dendro_local.errors import DiskFull, StoreDamaged, StoreError, StoreTooNew
from dendro_local.store.locks import exclusive
from dendro_local.store.version import APPLICATION_ID, SCHEMA_VERSION
from dendro_local.store.writer import Writer

__all__ = ["Connections", "Version", "translated"]

BUSY_TIMEOUT_SEC = 60.0

WRITER_CACHE_KB = 16 << 10
"""Room for the pages that a thousand new jobs change: what has no room is written several times."""


class _Forks:
    """How often this process is the child of a fork: a connection is not to cross one."""

    # Counted by a hook, since asking the system for the process id at each use of a
    # connection would cost as much as a look-up in the database.
    count = 0
    inherited: ClassVar[list[sqlite3.Connection]] = []

    @classmethod
    def counts_one(cls) -> None:
        cls.count += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Forks.counts_one)


class Version:
    """A state of the database as a thread sees it, with answers that hold while it is the same."""

    __slots__ = ("answers", "connection", "data_version", "total_changes")

    def __init__(self, connection: sqlite3.Connection, data_version: int) -> None:
        self.connection = connection
        """The thread's own: it alone can tell whether others have committed something."""
        self.data_version = data_version
        """Changes when they have."""
        self.total_changes = connection.total_changes
        """Changes when this one has changed something."""
        self.answers: dict[object, dict[Hashable, Any]] = {}
        """By whose they are, and what they are about."""

    def is_still(self, connection: sqlite3.Connection, data_version: int) -> bool:
        """Whether nothing was written since."""
        return (
            connection is self.connection
            and data_version == self.data_version
            and connection.total_changes == self.total_changes
        )


class _Own:
    """A thread's own connection, closed when the thread ends.

    ``everyone``: the connections of all threads, each with the forks that this process was the
    child of when it was opened.
    """

    __slots__ = ("connection", "everyone", "forks")

    def __init__(
        self, connection: sqlite3.Connection, everyone: dict[sqlite3.Connection, int]
    ) -> None:
        self.connection = connection
        self.everyone = everyone
        self.forks = everyone[connection] = _Forks.count

    def __del__(self) -> None:
        if self.everyone.pop(self.connection, None) is not None:
            _close(self.connection, self.forks)


def _close(connection: sqlite3.Connection, forks: int, state: type[_Forks] = _Forks) -> None:
    if forks == state.count:
        connection.close()
    else:
        # The parent's: closing it here would take the log away that the parent writes to.
        state.inherited.append(connection)


class Connections:
    """The connections to one database file: one for each thread that reads, and one to write."""

    def __init__(self, file: Path) -> None:
        """Open the file, making or upgrading it where needed.

        Raises:
            StoreError: see `dendro_local.errors`; the message says what to do.
        """
        self._file = file
        self._local = threading.local()
        self._all: dict[sqlite3.Connection, int] = {}
        self._lock = threading.Lock()
        self._writers: dict[int, tuple[_Own, Writer]] = {}
        try:
            with translated(file):
                self._prepare()
        except BaseException:
            self.close()
            raise

    def get(self) -> sqlite3.Connection:
        """The connection for this thread, which no other thread or forked process uses now.

        In a transaction it is that which writes.
        """
        local = self._local
        connection: sqlite3.Connection | None = getattr(local, "connection", None)
        if connection is None or local.forks != _Forks.count:
            own = self._connect()
            connection = own.connection
            local.own, local.connection, local.forks = own, connection, own.forks
            local.is_writing = False
        return connection

    def version(self) -> Version | None:
        """The state that the database is in; None inside a transaction.

        The same object for as long as nobody has written. To tell it takes SQLite a few
        microseconds.
        """
        connection = self.get()
        if connection.in_transaction:
            return None  # questions may see what is not committed yet
        row: tuple[int] = connection.execute("pragma data_version").fetchone()
        version: Version | None = getattr(self._local, "version", None)
        if version is None or not version.is_still(connection, row[0]):
            version = self._local.version = Version(connection, row[0])
        return version

    @contextlib.contextmanager
    def transaction(
        self,
        *,
        may_share: bool = False,
        is_durable: bool = True,
        after: Callable[[], None] | None = None,
    ) -> Generator[sqlite3.Connection]:
        """A write transaction: committed at the end, rolled back on an error.

        Inside another one of the same thread it is part of that one.

        Args:
            may_share: whether it may be committed together with others of this process. They see
                each other's changes before that, so it is for blocks that do nothing outside the
                database which could not be undone.
            is_durable: whether it has to survive a power cut. One that need not is committed
                without waiting for the disk, and lasts when a process is killed all the same.
            after: called after the commit, unless by another that shares it.
        """
        local = self._local
        with translated(self._file):
            if getattr(local, "is_writing", False) and local.forks == _Forks.count:
                if is_durable and not local.is_durable:
                    raise RuntimeError("a durable part of a transaction that is not")
                yield local.connection
                return
            with self._writer().transaction(
                may_share=may_share, is_durable=is_durable, after=after
            ) as connection:
                own: _Own | None = getattr(local, "own", None)
                local.connection, local.forks, local.is_writing = connection, _Forks.count, True
                local.is_durable = is_durable
                try:
                    yield connection
                finally:
                    local.is_writing = False
                    local.connection = None if own is None else own.connection
                    local.forks = -1 if own is None else own.forks

    def _writer(self) -> Writer:
        # Without a lock: another thread might hold it at the moment of a fork, for ever.
        found = self._writers.get(_Forks.count)
        if found is None:
            own = self._connect()
            own.connection.execute(f"pragma cache_size = -{WRITER_CACHE_KB}")
            found = self._writers.setdefault(own.forks, (own, Writer(own.connection)))
        return found[1]

    def execute_unless_busy(self, statement: str, values: Sequence[object]) -> None:
        """Make a change that nobody misses: none is made if it would have to wait, or fails.

        Outside a transaction, so that it is one of its own.
        """
        connection = self.get()
        connection.execute("pragma busy_timeout = 0")
        try:
            connection.execute(statement, values)
        except sqlite3.OperationalError:
            pass  # somebody writes, or the disk is full
        finally:
            connection.execute(f"pragma busy_timeout = {BUSY_TIMEOUT_SEC * 1000:.0f}")

    def close(self) -> None:
        """Close every connection; the last one to close folds the WAL into the file."""
        with self._lock:
            while self._all:
                _close(*self._all.popitem())
            self._local = threading.local()
            self._writers = {}

    def _connect(self) -> _Own:
        own = _Own(
            sqlite3.connect(
                self._file,
                timeout=BUSY_TIMEOUT_SEC,
                isolation_level=None,
                check_same_thread=False,  # so that close() may close them all
            ),
            self._all,
        )
        own.connection.execute("pragma synchronous = full")
        own.connection.execute("pragma foreign_keys = on")
        return own

    def _prepare(self) -> None:
        version = self._version() if self._file.exists() else 0
        if version == SCHEMA_VERSION:
            return
        if version > SCHEMA_VERSION:
            raise StoreTooNew(
                f"The store {self._file.parent} was written by a later version of dendro-local "
                f"(schema {version}; this version knows {SCHEMA_VERSION}). Upgrade dendro-local, "
                "or set DENDRO_LOCAL_DIR to another folder."
            )
        from dendro_local.store.schema import migrate  # sqlite-utils costs 120 ms to import

        with exclusive(self._file.with_name("open.lock")):
            if self._file.exists() and self._version() == SCHEMA_VERSION:
                return  # another process was faster
            connection = self.get()
            connection.execute("pragma journal_mode = wal")
            migrate(connection)

    def _version(self) -> int:
        connection = self.get()
        row: tuple[int] = connection.execute("pragma user_version").fetchone()
        application: tuple[int] = connection.execute("pragma application_id").fetchone()
        is_empty = connection.execute("select 1 from sqlite_schema limit 1").fetchone() is None
        if application[0] != APPLICATION_ID and not is_empty:
            raise StoreDamaged(
                f"{self._file} is an SQLite file of another program, not a store of dendro-local. "
                "Set DENDRO_LOCAL_DIR to another folder."
            )
        return row[0]


class translated:  # noqa: N801 - used as `contextlib.suppress` is
    """A block in which what SQLite and the system say of a store becomes errors that help.

    Entered at each question, again and again; a generator would cost more than some answers.

    Args:
        file: the database.

    Raises:
        StoreError: instead of their errors; the message says what to do.
    """

    __slots__ = ("_file",)

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raise the error that the block ended with as one of the store, if it is one."""
        if error is None:
            return
        if isinstance(error, sqlite3.Error):
            raise _store_error(self._file, error) from error
        if isinstance(error, OSError):
            fault = _system_fault(self._file, error)
            if fault is not None:
                raise fault from error


def _system_fault(file: Path, error: OSError) -> StoreError | None:
    """The error of the store behind a refusal of the system; None if it is not about the store."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _disk_full(file)
    text = error.strerror or str(error)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        name = error.filename
        is_inside = isinstance(name, str) and Path(name).is_relative_to(file.parent)
        return _no_access(file, text) if is_inside else None
    if error.errno in (errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE):
        return StoreError(f"The store {file.parent} could not do this: {text}. {_CHECK_THE_DISK}")
    return None


def _store_error(file: Path, error: sqlite3.Error) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    text = str(error)
    if name.startswith("SQLITE_FULL") or "disk is full" in text:
        return _disk_full(file)
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return StoreDamaged(
            f"{file} is not a whole store: {text}. Restore a backup, or move the file away to "
            "begin a new store."
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return _no_access(file, text)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(
            f"The store {file.parent} stayed locked for {BUSY_TIMEOUT_SEC:.0f} s by another "
            "process. Stop the one that holds it, and try again; nothing was changed."
        )
    return StoreError(
        f"The store {file.parent} could not do this: {text} ({name}). {_CHECK_THE_DISK}"
    )


_CHECK_THE_DISK = (
    "Nothing was changed. Check its disk, and the limits that the system sets to files."
)


def _no_access(file: Path, text: str) -> StoreError:
    return StoreError(
        f"The store {file.parent} cannot be written: {text}. Check its permissions, or set "
        "DENDRO_LOCAL_DIR to a folder that you may write."
    )


def _disk_full(file: Path) -> DiskFull:
    return DiskFull(
        f"No room is left on the disk of the store {file.parent}; nothing was changed. Free some, "
        "for example with `dendro-local delete`, and try again."
    )
