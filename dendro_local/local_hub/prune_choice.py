"""Which of the jobs that may be pruned are, and how many bytes that frees.

Pure. A blob is freed with the last of the jobs that hold it, so that what one job frees depends on
which others go.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dendro_local.model import Digest
from dendro_local.store.prune_search import FinishedJob

__all__ = ["Candidate", "Choice", "choose"]


class Candidate(NamedTuple):
    """A job that may be pruned, and the blobs that it would hold no more, with their size."""

    job: FinishedJob
    blobs: frozenset[Digest]
    size_bytes: int


class Choice(NamedTuple):
    """A candidate that is pruned, and what is freed as it goes after those before it."""

    candidate: Candidate
    freed_bytes: int


def choose(
    candidates: Sequence[Candidate],
    *,
    holders: Mapping[Digest, int],
    sizes: Mapping[Digest, int],
    surplus_bytes: int | None = None,
    must_free: bool = False,
) -> list[Choice]:
    """The candidates that are pruned, in their order.

    Args:
        candidates: in the order in which they go.
        holders: how many jobs hold each blob of a candidate, others among them.
        sizes: the size of each blob of a candidate in bytes; 0 if its bytes are not there.
        surplus_bytes: how much is to be freed; None prunes all candidates.
        must_free: leave out those with which nothing is freed, even with all the others.
    """
    left = dict(holders)
    freed: set[Digest] = set()
    chosen: list[Choice] = []
    freed_bytes = 0
    for candidate in candidates:
        if surplus_bytes is not None and freed_bytes >= surplus_bytes:
            break
        for digest in candidate.blobs:
            left[digest] -= 1
        last = {digest for digest in candidate.blobs if left[digest] == 0}
        freed |= last
        frees = sum(sizes[digest] for digest in last)
        freed_bytes += frees
        chosen.append(Choice(candidate, frees))
    if surplus_bytes is None and not must_free:
        return chosen
    # Whoever holds none of what is freed can stay without keeping a byte of it.
    filled = {digest for digest in freed if sizes[digest] > 0}
    return [choice for choice in chosen if choice.candidate.blobs & filled]
