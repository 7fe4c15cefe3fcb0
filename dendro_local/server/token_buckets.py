"""Token buckets: so many requests at once, and so many a second in the long run, for each name."""

from collections.abc import Hashable

__all__ = ["TokenBuckets"]

MOST_BUCKETS = 100_000
"""Of more names, those that asked for nothing lately are forgotten first."""


class TokenBuckets:
    """One bucket for each name, full at first. For use by one thread.

    Of a bucket one number is kept: when it will be full again, by the clock of whoever asks. A
    bucket that is full need not be kept at all
    (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm).

    Args:
        rate: how many tokens a bucket gets a second.
        burst: how many it holds.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._sec_per_token = 1 / rate
        self._full_sec = burst / rate
        self._full_at: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, name: Hashable, now: float, tokens: float = 1.0) -> float:
        """Take tokens from a bucket, if it has so many.

        Args:
            name: of the bucket.
            now: in seconds, by a clock that never goes back.
            tokens: how many. More than a bucket holds are taken from a full one.

        Returns:
            0 if they were taken; else after how many seconds they can be.
        """
        begins = max(self._full_at.get(name, now), now)
        wanted = min(tokens * self._sec_per_token, self._full_sec)
        wait = begins + wanted - now - self._full_sec
        if wait > 1e-9:
            return wait
        self._set(name, begins + tokens * self._sec_per_token, now)
        return 0.0

    def charge(self, name: Hashable, now: float, tokens: float) -> None:
        """Take tokens from a bucket, as far as it has them."""
        begins = max(self._full_at.get(name, now), now)
        full_at = min(begins + tokens * self._sec_per_token, now + self._full_sec)
        self._set(name, max(full_at, begins), now)

    def _set(self, name: Hashable, full_at: float, now: float) -> None:
        self._full_at[name] = full_at
        if len(self._full_at) > MOST_BUCKETS:
            self._forget(now)

    def _forget(self, now: float) -> None:
        kept = {name: full_at for name, full_at in self._full_at.items() if full_at > now}
        if len(kept) > MOST_BUCKETS // 2:
            # So many at once are one who asks by many names: the emptiest buckets are kept.
            emptiest = sorted(kept, key=kept.__getitem__)[-MOST_BUCKETS // 2 :]
            kept = {name: kept[name] for name in emptiest}
        self._full_at = kept
