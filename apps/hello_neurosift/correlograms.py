"""Autocorrelograms: how often a unit fires how long after, and before, it fired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bin_edges_msec(window_size_msec: float, bin_size_msec: float) -> NDArray[np.float32]:
    """The edges of an odd number of bins, with time difference 0 in the middle of the middle one.

    As many bins as the window holds whole, less one if these are even.

    Raises:
        ValueError: the window does not hold a bin.
    """
    if not bin_size_msec > 0 or not window_size_msec >= bin_size_msec:
        raise ValueError(
            f"A correlogram over {window_size_msec:g} ms cannot have bins of {bin_size_msec:g} ms: "
            "the bins must be wider than 0 and fit into the window."
        )
    num_bins = int(window_size_msec / bin_size_msec)
    num_bins -= 1 - num_bins % 2
    edges: NDArray[np.float32] = ((np.arange(num_bins + 1) - num_bins / 2) * bin_size_msec).astype(
        np.float32
    )
    return edges


def autocorrelogram(
    spike_train_sec: NDArray[np.float64], edges_msec: NDArray[np.float32]
) -> NDArray[np.uint32]:
    """How many pairs of spikes of a unit differ by a time in each bin.

    Args:
        spike_train_sec: ascending, without NaN.
        edges_msec: see `bin_edges_msec`.

    Returns:
        Shape (num_bins,), symmetric: each pair is counted in both directions, so that one in the
        middle bin counts twice.
    """
    num_bins = len(edges_msec) - 1
    later_edges = edges_msec[num_bins // 2 :].astype(np.float64)
    counts = np.zeros(len(later_edges) - 1, dtype=np.int64)
    # First all neighbours, then all that have one spike between them, and so on. Where such a
    # pair is too far apart, so are those with more spikes between them.
    first = np.arange(len(spike_train_sec))
    distance = 0
    while True:
        distance += 1
        first = first[first + distance < len(spike_train_sec)]
        differences_msec = (spike_train_sec[first + distance] - spike_train_sec[first]) * 1000
        is_near = differences_msec < later_edges[-1]
        first = first[is_near]
        if len(first) == 0:
            break
        bins = np.searchsorted(later_edges, differences_msec[is_near], side="right") - 1
        counts += np.bincount(bins, minlength=len(counts))
    both = np.concatenate((counts[::-1], counts[1:]))
    both[num_bins // 2] *= 2
    return both.astype(np.uint32)
