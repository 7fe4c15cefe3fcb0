"""Which entries of a feed are of no use any more, since later ones say more.

Of a job, or an app, the first entry stays, because those that need it come after it, and the
latest. What is between goes. Of a job that was deleted all goes but the deletion.
"""

from bisect import bisect_left

from dendro_local.errors import InvalidRequest
from dendro_local.signed_records import BatchEnd, GoneEntry, decode_entry
from dendro_sync.remotes.bucket.record_objects import AppFacts, facts_of

__all__ = ["Superseded"]


class Superseded:
    """Is shown all entries of a feed in their order, and then tells which of them may go.

    There may be millions, so that jobs are told apart by 64 bits of a hash that is another one in
    each process: nobody can make two jobs alike.
    """

    def __init__(self) -> None:
        self._count = 0
        self._first: dict[int, int] = {}
        self._later: dict[int, list[int]] = {}
        self._ends_gone: set[int] = set()
        self._dropped: list[int] | None = None

    @property
    def count(self) -> int:
        """How many entries it was shown so far."""
        return self._count

    def see(self, line: bytes) -> None:
        """Look at the next entry."""
        key, is_gone = _key(line)
        if key is not None:
            if key in self._first:
                self._later.setdefault(key, []).append(self._count)
            else:
                self._first[key] = self._count
            (self._ends_gone.add if is_gone else self._ends_gone.discard)(key)
        self._count += 1

    def dropped(self, start: int, stop: int) -> set[int]:
        """Those of the entries from one number up to another that may go.

        Numbers are those of the order in which entries were shown, from 0.
        """
        if self._dropped is None:
            self._dropped = sorted(self._all_dropped())
            self._first.clear()
        return set(
            self._dropped[bisect_left(self._dropped, start) : bisect_left(self._dropped, stop)]
        )

    def _all_dropped(self) -> list[int]:
        found: list[int] = []
        for key, later in self._later.items():
            found += later[:-1]
            if key in self._ends_gone:
                found.append(self._first[key])
        return found


def _key(line: bytes) -> tuple[int | None, bool]:
    """What tells which job or app an entry is of, and whether it is a deletion."""
    try:
        entry = decode_entry(line)
        if isinstance(entry, BatchEnd):
            return None, False
        facts = facts_of(entry)
    except InvalidRequest:
        return None, False  # stays, for who understands it
    if isinstance(facts, AppFacts):
        return hash(("app", facts.serviceName, facts.appName)), False
    return hash(("job", facts.jobId)), isinstance(entry, GoneEntry)
