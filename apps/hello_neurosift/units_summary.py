"""The processor ``units_summary_1``."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from correlograms import autocorrelogram, bin_edges_msec
from dendro_local.sdk import InputFile, OutputFile
from figure import job_figure
from lindi_output import LindiArray, write_lindi_tar
from nwb_input import open_nwb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PROGRESS_SEC = 2.0
MAX_DRAWN_UNITS = 100


def units_summary_1(
    input: InputFile,
    output: OutputFile,
    units_path: str = "units",
    correlogram_window_size_msec: float = 100,
    correlogram_bin_size_msec: float = 1,
) -> None:
    """Compute autocorrelograms for a units table in an NWB file

    Args:
        input: Input NWB file in .nwb or .nwb.lindi.tar format
        output: Output data in .lindi.tar format
        units_path: Path to the units table in the NWB file
        correlogram_window_size_msec: Correlogram window size in milliseconds
        correlogram_bin_size_msec: Correlogram bin size in milliseconds
    """
    edges_msec = bin_edges_msec(correlogram_window_size_msec, correlogram_bin_size_msec)
    with open_nwb(input) as nwb:
        unit_ids = nwb.unit_ids(units_path)
        trains = nwb.spike_trains_sec(units_path)
    if not trains:
        raise ValueError(f"The units table {units_path!r} has no units.")
    print(f"{len(trains)} units with {sum(map(len, trains))} spikes")
    correlograms = _autocorrelograms(trains, edges_msec)
    edges_sec = (edges_msec / 1000).astype(np.float32)
    write_lindi_tar(
        "units_summary.lindi.tar",
        {
            "autocorrelograms": LindiArray(
                correlograms, {"bin_edges_sec": edges_sec.astype(float).tolist()}
            )
        },
        {
            "correlogram_window_size_msec": correlogram_window_size_msec,
            "correlogram_bin_size_msec": correlogram_bin_size_msec,
            "correlogram_num_bins": correlograms.shape[1],
            "num_units": len(trains),
            "unit_ids": unit_ids,
        },
    )
    output.upload("units_summary.lindi.tar")
    _draw(correlograms, edges_msec, unit_ids)


def _autocorrelograms(
    trains: Sequence[NDArray[np.float64]], edges_msec: NDArray[np.float32]
) -> NDArray[np.uint32]:
    correlograms = np.zeros((len(trains), len(edges_msec) - 1), dtype=np.uint32)
    told_at = time.monotonic()
    for number, train in enumerate(trains):
        correlograms[number] = autocorrelogram(train, edges_msec)
        if time.monotonic() - told_at >= PROGRESS_SEC or number == len(trains) - 1:
            told_at = time.monotonic()
            print(f"Autocorrelogram of unit {number + 1} of {len(trains)}")
    return correlograms


def _draw(
    correlograms: NDArray[np.uint32], edges_msec: NDArray[np.float32], unit_ids: Sequence[str]
) -> None:
    """Draw the correlograms side by side, each as high as its highest bin."""
    from matplotlib.collections import PolyCollection

    num_units = min(len(unit_ids), MAX_DRAWN_UNITS)
    columns = math.ceil(math.sqrt(num_units))
    rows = math.ceil(num_units / columns)
    width_msec = float(edges_msec[-1] - edges_msec[0])
    x = np.repeat(edges_msec, 2)
    outlines: list[NDArray[np.float64]] = []
    size_inch = {"width_inch": 2.0 * columns, "height_inch": 1.5 * rows}
    with job_figure("autocorrelograms.png", **size_inch) as figure:
        # All in one pair of axes: many would take far longer to draw than to compute.
        figure.subplots_adjust(0.01, 0.01, 0.99, 1 - 0.3 / size_inch["height_inch"])
        axes = figure.subplots()
        for number in range(num_units):
            row, column = divmod(number, columns)
            counts = correlograms[number].astype(float)
            heights = np.concatenate(([0], np.repeat(counts / max(1, counts.max()), 2), [0]))
            left, bottom = 1.15 * width_msec * column, -1.4 * row
            outlines.append(np.column_stack((x - edges_msec[0] + left, 0.95 * heights + bottom)))
            axes.text(left, bottom + 1, f"unit {unit_ids[number]}", fontsize=8)
        axes.add_collection(PolyCollection(outlines, facecolors="tab:blue"))
        axes.autoscale_view()
        axes.axis("off")
        more = f" (the first {num_units} of {len(unit_ids)})" if num_units < len(unit_ids) else ""
        axes.set_title(
            f"Autocorrelograms, {edges_msec[0]:g} to {edges_msec[-1]:g} ms{more}", fontsize=10
        )
