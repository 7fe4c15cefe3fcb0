"""Timing calls in turn, so that a machine whose speed drifts treats all of them alike.

One round makes some calls of the first kind, then as many of the second, and so on; the next
round begins again with the first. Two kinds are compared within each round, and the median over
the rounds is what counts.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

__all__ = ["Times", "alternate", "timed"]


@dataclass(frozen=True)
class Times:
    """How long each call of one kind took, in seconds, round by round."""

    rounds: Sequence[Sequence[float]]

    @property
    def n(self) -> int:
        """How many calls were timed."""
        return sum(map(len, self.rounds))

    @property
    def p50(self) -> float:
        """The median call."""
        return median(self._all())

    @property
    def p99(self) -> float:
        """The call that only one in a hundred exceeds."""
        return quantiles(self._all(), n=100)[-1]

    def ratio_to(self, reference: "Times") -> float:
        """How many times as long as the reference, by the medians of each round."""
        return median(own / other for own, other in self._with(reference))

    def more_than(self, reference: "Times") -> float:
        """How many seconds longer than the reference, by the medians of each round."""
        return median(own - other for own, other in self._with(reference))

    def _with(self, reference: "Times") -> list[tuple[float, float]]:
        pairs = zip(self.rounds, reference.rounds, strict=True)
        return [(median(own), median(other)) for own, other in pairs]

    def _all(self) -> list[float]:
        return [seconds for each in self.rounds for seconds in each]


def timed(call: Callable[[], object]) -> Callable[[], float]:
    """The same call, giving how many seconds it took."""

    def call_timed() -> float:
        begun = time.perf_counter()
        call()
        return time.perf_counter() - begun

    return call_timed


def alternate(*calls: Callable[[], float], rounds: int, per_round: int = 1) -> list[Times]:
    """Make all calls in turn, after one round that is not counted.

    Args:
        calls: each gives how many seconds it took (see `timed`).
        rounds: how often to go round.
        per_round: how often each is called before it is the next one's turn.

    Returns:
        The `Times` of each call, in their order.
    """
    kept: list[list[list[float]]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for call, times in zip(calls, kept, strict=True):
            one_round = [call() for _ in range(per_round)]
            if number > 0:
                times.append(one_round)
    return [Times(times) for times in kept]
