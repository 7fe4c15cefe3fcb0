"""Remotes that are left alone for a while, since they did not answer as they should.

The store remembers that, for scripts that live for a moment only.
"""

import logging
import time

import msgspec

from dendro_local.errors import StoreError
from dendro_local.store import Store
from dendro_sync.remotes.kept import PAUSE

__all__ = ["Pause", "Pauses"]

logger = logging.getLogger(__name__)

FIRST_PAUSE_SEC = 30.0
LONGEST_PAUSE_SEC = 3600.0


class Pause(msgspec.Struct, frozen=True, array_like=True):
    """A remote is left alone until then, in seconds since the Unix epoch, for so many seconds."""

    until: float
    length_sec: float
    why: str = ""
    """For people; empty if an earlier version has not kept it."""


_decoder = msgspec.json.Decoder(Pause)


class Pauses:
    """The pauses of the remotes of a store, by their names.

    Args:
        store: which keeps them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._remotes = store.sharing.remotes

    def of(self, remote: str) -> Pause | None:
        """The last pause of a remote, if it has not answered since."""
        text = self._remotes.cursor(remote, PAUSE)
        try:
            return None if text is None else _decoder.decode(text)
        except msgspec.MsgspecError:
            return None

    def is_left_alone(self, remote: str) -> bool:
        """Whether a remote is not to be asked now."""
        pause, now = self.of(remote), time.time()
        # A clock that was set back must not end the use of a cache.
        return pause is not None and now < pause.until <= now + LONGEST_PAUSE_SEC

    def current(self, remote: str) -> Pause | None:
        """The pause of a remote that is not to be asked now."""
        return self.of(remote) if self.is_left_alone(remote) else None

    def begin(self, remote: str, why: str) -> Pause | None:
        """Leave a remote alone, for longer than the time before; None if that cannot be kept."""
        before = self.of(remote)
        length = (
            FIRST_PAUSE_SEC if before is None else min(2 * before.length_sec, LONGEST_PAUSE_SEC)
        )
        pause = Pause(time.time() + length, length, why)
        text = msgspec.json.encode(pause).decode()
        try:
            with self._store.transaction(quietly=True):
                if self._remotes.get(remote) is not None:
                    self._remotes.set_cursor(remote, PAUSE, text)
        except StoreError as error:
            logger.info("Cache %s is asked again: %s", remote, error)
            return None
        return pause

    def end(self, remote: str) -> None:
        """Forget that a remote was left alone: it answers again."""
        if self.of(remote) is not None:
            with self._store.transaction(quietly=True):
                self._remotes.forget_cursors(remote, [PAUSE])
