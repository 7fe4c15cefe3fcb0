"""The processor ``multiscale_spike_density``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from dendro_local.sdk import InputFile, OutputFile
from figure import job_figure
from lindi_output import LindiArray, write_lindi_tar
from nwb_input import open_nwb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DOWNSAMPLING = 3
MAX_COARSEST_BINS = 10_000
"""Coarser counts are added until there are no more bins than that."""

MAX_CHUNK_VALUES = 5_000_000
PROGRESS_SEC = 2.0
DRAWN_BINS = 1000


def multiscale_spike_density(
    input: InputFile, output: OutputFile, units_path: str, bin_size_msec: float = 20
) -> None:
    """Compute a multiscale spike density matrix from spike trains

    Args:
        input: Input NWB file in .nwb or .nwb.lindi.tar format
        output: Output data in .lindi.tar format
        units_path: Path to the units table in the NWB file
        bin_size_msec: Bin size in milliseconds
    """
    with open_nwb(input) as nwb:
        trains = nwb.spike_trains_sec(units_path)
    counts, end_sec = _spike_counts(trains, bin_size_msec / 1000)
    arrays = _scales(counts, bin_size_msec / 1000)
    write_lindi_tar("output.lindi.tar", arrays, {})
    output.upload("output.lindi.tar")
    _draw(counts, end_sec)


def _spike_counts(
    trains: Sequence[NDArray[np.float64]], bin_size_sec: float
) -> tuple[NDArray[np.int32], float]:
    """Spikes of each unit in each bin from time 0 on, and when the last spike is, in seconds.

    As many bins as fit before the last spike share that time evenly, so that each is a bit wider.
    """
    num_spikes = sum(map(len, trains))
    if num_spikes == 0:
        raise ValueError(f"None of the {len(trains)} units has a spike.")
    end_sec = max(float(train[-1]) for train in trains if len(train) > 0)
    num_bins = int(end_sec / bin_size_sec) if bin_size_sec > 0 else 0
    if num_bins == 0:
        raise ValueError(
            f"Until the last spike, at {end_sec:g} s, there is no whole bin of {bin_size_sec:g} s."
        )
    print(f"{len(trains)} units with {num_spikes} spikes in {end_sec:g} s: {num_bins} bins")
    counts = np.zeros((num_bins, len(trains)), dtype=np.int32)
    told_at = time.monotonic()
    for number, train in enumerate(trains):
        counts[:, number], _ = np.histogram(train, bins=num_bins, range=(0.0, end_sec))
        if time.monotonic() - told_at >= PROGRESS_SEC or number == len(trains) - 1:
            told_at = time.monotonic()
            print(f"Counted the spikes of unit {number + 1} of {len(trains)}")
    return counts, end_sec


def _scales(counts: NDArray[np.int32], bin_size_sec: float) -> dict[str, LindiArray]:
    """The counts, and those in bins that are 3, 9, ... times as wide, by the name of the array."""
    arrays: dict[str, LindiArray] = {}
    factor = 1
    while True:
        name = "spike_counts" if factor == 1 else f"spike_counts_ds_{factor}"
        num_bins, num_units = counts.shape
        rows = min(max(1, MAX_CHUNK_VALUES // num_units), num_bins)
        arrays[name] = LindiArray(
            counts,
            {"bin_size_sec": bin_size_sec * factor, "start_time_sec": 0.0},
            chunks=(rows, num_units),
        )
        print(f"{name}: {num_bins} bins of {bin_size_sec * factor:g} s")
        if num_bins <= MAX_COARSEST_BINS:
            return arrays
        factor *= DOWNSAMPLING
        whole = counts[: num_bins // DOWNSAMPLING * DOWNSAMPLING]
        counts = whole.reshape(-1, DOWNSAMPLING, num_units).sum(axis=1, dtype=np.int32)


def _draw(counts: NDArray[np.int32], end_sec: float) -> None:
    """Draw the spikes of each unit over time, in as many bins as there are pixels."""
    num_bins, num_units = counts.shape
    together = max(1, -(-num_bins // DRAWN_BINS))
    starts = np.arange(0, num_bins, together)
    drawn = np.add.reduceat(counts, starts, axis=0).T / (together * end_sec / num_bins)
    with job_figure("spike_density.png", width_inch=10, height_inch=4) as figure:
        axes = figure.subplots()
        extent = (0.0, end_sec, num_units - 0.5, -0.5)
        image = axes.imshow(
            drawn, aspect="auto", interpolation="nearest", cmap="gray_r", extent=extent
        )
        figure.colorbar(image, label="spikes a second")
        axes.set(xlabel="time (s)", ylabel="unit", title=f"Spikes of {num_units} units")
