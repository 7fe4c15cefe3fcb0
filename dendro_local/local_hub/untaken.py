"""Jobs that a cache had and that were not taken, as told by the notes of those made instead."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from dendro_local.lifecycle import TERMINAL
from dendro_local.store import Store, StoredJob

__all__ = ["Untaken", "note_by_now", "read_untaken", "tell_untaken", "untaken_note"]

_matched = re.compile(
    r"Remote (\S+) has this job, and it was not taken\."
    r"(?: It is signed by ([^`]+?), which is not trusted\.)?"
).match


class Untaken(NamedTuple):
    """Which remote has a job that was not taken, and the ids of the keys that signed it."""

    remote: str
    key_ids: tuple[str, ...]

    def may_be_taken(self, store: Store) -> bool:
        """Whether what kept it from being taken is so no longer, and the remote is still asked."""
        saved = store.sharing.remotes.get(self.remote)
        if saved is None or not saved.settings.is_cache:
            return False
        return saved.settings.allow_unsigned or self.is_trusted(store)

    def is_trusted(self, store: Store) -> bool:
        """Whether one of the keys is trusted by now."""
        return any(key.key_id in self.key_ids for key in store.sharing.trusted_keys.all())


def untaken_note(remote: str, why: str) -> str:
    """The note of a job that is made although a remote has it.

    Args:
        remote: its name.
        why: it was not taken, as `dendro_local.local_hub.trust.trusted_signer` says it.
    """
    return f"Remote {remote} has this job, and it was not taken. {why}"


def read_untaken(note: str | None) -> Untaken | None:
    """What such a note says; None of any other."""
    found = None if note is None else _matched(note)
    return None if found is None else Untaken(found[1], tuple((found[2] or "").split(", ")))


def tell_untaken(notes: Iterable[str]) -> None:
    """Tell people such notes of jobs that were made just now, each once: on stderr, or in a log."""
    import logging  # most scripts have nothing to tell

    logger = logging.getLogger(__name__)
    for note, count in Counter(notes).items():
        logger.warning("%s", note if count == 1 else f"{note} (So it is with {count} jobs.)")


def note_by_now(store: Store, stored: StoredJob) -> str | None:
    """The note of a job, which says nothing of keys that is no longer so."""
    untaken = read_untaken(stored.note)
    if untaken is None or not untaken.is_trusted(store):
        return stored.note
    words = (
        f"Remote {untaken.remote} had this job, and it was not taken: its key was not trusted then."
    )
    if stored.record.status in TERMINAL or stored.attempts:
        return words
    return f"{words} It is by now: submitting the same again takes it, unless a job waits for this."
