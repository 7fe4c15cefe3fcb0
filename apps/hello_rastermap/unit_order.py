"""The order of units by Rastermap, and its figure."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import zscore

from figure import job_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_UNITS_WITHOUT_CLUSTERS = 200
"""Above it, Rastermap sorts clusters of units, not the units themselves."""

MAX_CLUSTERS = 200
"""Rastermap takes fewer."""

MAX_LABELS = 40
"""More units than that are not numbered in the figure."""

MIN_UNITS = 3
"""Fewer cannot be sorted: Rastermap's interpolation between them has no solution."""


def order_of_units(
    counts: NDArray[np.int32], *, n_clusters: int, n_pcs: int, locality: float, grid_upsample: int
) -> list[int]:
    """The order in which units with similar activity are neighbours.

    Args:
        counts: shape (num_bins, num_units).
        n_clusters: 0 for none, which up to 200 units can do with.
        n_pcs: the number of principal components; at most one a unit is used.
        locality: 0 to 1.
        grid_upsample: the number of places between two clusters.

    Returns:
        The indices of all units. Those whose count never changes, which have no place among the
        others, come last.

    Raises:
        ValueError: there are too few bins, or the units are too many for this number of clusters.
    """
    num_bins, num_units = counts.shape
    _check(num_bins, num_units, n_clusters)
    changes = counts.std(axis=0) > 0
    silent = np.flatnonzero(~changes)
    if len(silent) > 0:
        print(f"{len(silent)} of {num_units} units never change, and come last: {silent.tolist()}")
    if changes.sum() < MIN_UNITS:
        print(f"Nothing to sort: {changes.sum()} of {num_units} units change.")
        return [*np.flatnonzero(changes).tolist(), *silent.tolist()]

    print("Loading Rastermap (it is compiled the first time, which takes about a minute)")
    from rastermap import Rastermap

    with warnings.catch_warnings():
        # It divides by the spread of units that never change, and warns that few are not clustered.
        warnings.simplefilter("ignore")
        model = Rastermap(
            n_clusters=n_clusters if n_clusters > 0 else None,
            n_PCs=n_pcs,
            locality=locality,
            grid_upsample=grid_upsample,
        ).fit(zscore(counts.T, axis=1))
    return [int(unit) for unit in model.isort]


def _check(num_bins: int, num_units: int, n_clusters: int) -> None:
    if num_bins < 2:
        raise ValueError("The recording has a single bin of 100 ms: there is nothing to compare.")
    if n_clusters == 0 and num_units > MAX_UNITS_WITHOUT_CLUSTERS:
        raise ValueError(
            f"n_clusters is 0, with which at most {MAX_UNITS_WITHOUT_CLUSTERS} units can be "
            f"sorted, and there are {num_units}. Give 1 to 199 clusters, for example 100."
        )
    if not 0 <= n_clusters < MAX_CLUSTERS:
        raise ValueError(f"n_clusters is {n_clusters}. It can be 0 (none) to {MAX_CLUSTERS - 1}.")


def draw_raster(trains_sec: Sequence[NDArray[np.float64]], order: Sequence[int]) -> None:
    """Draw the spikes of all units, in the order of the table and in the other one."""
    height = min(20.0, max(6.0, 0.1 * len(order)))
    with job_figure("raster.png", width_inch=10, height_inch=height) as figure:
        before, after = figure.subplots(2, 1, sharex=True)
        for axes, units, title in (
            (before, range(len(order)), "As in the table"),
            (after, order, "Sorted by Rastermap"),
        ):
            times = np.concatenate([trains_sec[unit] for unit in units])
            rows = np.repeat(np.arange(len(order)), [len(trains_sec[unit]) for unit in units])
            axes.vlines(times, rows - 0.5, rows + 0.5, colors="black", linewidths=0.5)
            axes.set(title=f"{title}: {len(order)} units", ylabel="unit")
            axes.set_ylim(len(order) - 0.5, -0.5)
            if len(order) <= MAX_LABELS:
                axes.set_yticks(range(len(order)), [str(unit) for unit in units])
        after.set_xlabel("time (s)")
