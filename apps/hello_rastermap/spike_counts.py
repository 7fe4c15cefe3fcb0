"""Spike counts of a table of units, in time bins of equal width."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class SpikeCounts:
    """How many spikes each unit has in each bin, from time 0 to the last spike of all.

    Args:
        spike_trains_sec: for each unit its spike times in seconds, without NaN.
        bin_size_sec: the width of a bin, > 0.

    Attributes:
        counts: shape (num_bins, num_units), int32. As many bins as fit whole before the last
            spike; they share that time evenly, so that each is up to one part in ``num_bins``
            wider than ``bin_size_sec``.
        end_time_sec: when the last spike is.

    Raises:
        ValueError: there is not one spike, or none later than one bin.
    """

    def __init__(
        self, spike_trains_sec: Sequence[NDArray[np.float64]], *, bin_size_sec: float
    ) -> None:
        num_units = len(spike_trains_sec)
        last_spikes = [float(train.max()) for train in spike_trains_sec if len(train) > 0]
        if not last_spikes:
            raise ValueError(f"None of the {num_units} units has a spike.")
        self.end_time_sec = max(last_spikes)
        num_bins = int(self.end_time_sec / bin_size_sec)
        if num_bins < 1:
            raise ValueError(
                f"The last spike is at {self.end_time_sec:g} s, within the first bin of "
                f"{bin_size_sec:g} s: choose narrower bins."
            )
        self.counts: NDArray[np.int32] = np.zeros((num_bins, num_units), dtype=np.int32)
        for unit, train in enumerate(spike_trains_sec):
            self.counts[:, unit], _ = np.histogram(
                train, bins=num_bins, range=(0.0, self.end_time_sec)
            )
        print(
            f"{num_units} units, {sum(map(len, spike_trains_sec))} spikes in "
            f"{self.end_time_sec:.2f} s: {num_bins} bins of {1000 * bin_size_sec:g} ms"
        )
