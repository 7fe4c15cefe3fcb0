"""Figures of sorted units: their waveforms, how often they fire, and how good they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from figure import job_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sorting_recording import Traces

MAX_DRAWN_UNITS = 48
COLUMNS = 6
MAX_SPIKES = 200
"""Of a unit, whose waveforms are averaged for the figure."""

HEAD_INCH = 0.8
MSEC_BEFORE = 1.0
MSEC_AFTER = 2.0


class DrawnUnit(NamedTuple):
    """A unit as it is drawn.

    Attributes:
        title: what it is called, and how good it is.
        waveform: on its channel: shape (frames,).
        deviation: of single spikes, around the waveform: the same shape.
        acg: its autocorrelogram: shape (bins,); None for none.
    """

    title: str
    waveform: NDArray[np.floating]
    deviation: NDArray[np.floating]
    acg: NDArray[np.integer] | None = None


def draw_units(
    drawn: Sequence[DrawnUnit],
    *,
    num_units: int,
    file_name: str,
    msec_before: float,
    rate_hz: float,
) -> None:
    """Draw units' waveforms, above their autocorrelograms if there are any.

    Args:
        drawn: the first `MAX_DRAWN_UNITS` units, or fewer.
        num_units: how many there are in all.
        file_name: of the figure.
        msec_before: where in the waveforms the spike is.
        rate_hz: samples of the waveforms in a second.
    """
    if not drawn:
        print("No figure: there are no units")
        return
    columns = min(COLUMNS, len(drawn))
    rows = math.ceil(len(drawn) / columns)
    per_unit = 1 if drawn[0].acg is None else 2
    height = HEAD_INCH + rows * (0.5 + 1.5 * per_unit)
    with job_figure(file_name, width_inch=max(6, 2 * columns), height_inch=height) as figure:
        axes = figure.subplots(rows * per_unit, columns, squeeze=False)
        figure.subplots_adjust(
            left=0.05, right=0.98, bottom=0.3 / height, top=1 - HEAD_INCH / height, hspace=0.5
        )
        for one in axes.flat:
            one.axis("off")
        for number, unit in enumerate(drawn):
            row, column = divmod(number, columns)
            _draw_waveform(axes[row * per_unit, column], unit, msec_before, rate_hz)
            if unit.acg is not None:
                acg_axes = axes[row * per_unit + 1, column]
                # One shape: a bar for each of the bins takes longer than much that is drawn.
                acg_axes.stairs(unit.acg, fill=True, color="tab:blue")
                acg_axes.axis("on")
                acg_axes.set(xticks=[], yticks=[])
        more = f" (the first {len(drawn)})" if len(drawn) < num_units else ""
        below = "" if per_unit == 1 else ", and their autocorrelograms"
        title = f"Waveforms of {num_units} units{more}, in ms{below}"
        figure.suptitle(title, fontsize=10, y=1 - 0.2 / height)


def draw_spikes(traces: Traces, spike_frames: Sequence[NDArray[np.int64]]) -> None:
    """Draw the mean waveform of each unit, on the channel where it is largest.

    Args:
        traces: those that were sorted.
        spike_frames: for each unit the frames of its spikes.
    """
    rate_hz = traces.sampling_rate_hz
    before, after = int(MSEC_BEFORE * rate_hz / 1000), int(MSEC_AFTER * rate_hz / 1000)
    array = traces.array()
    drawn = [
        _drawn_unit(number, frames, array, before, after)
        for number, frames in enumerate(spike_frames[:MAX_DRAWN_UNITS], 1)
    ]
    draw_units(
        drawn,
        num_units=len(spike_frames),
        file_name="waveforms.png",
        msec_before=MSEC_BEFORE,
        rate_hz=rate_hz,
    )


def _drawn_unit(
    number: int, frames: NDArray[np.int64], traces: NDArray[np.float32], before: int, after: int
) -> DrawnUnit:
    whole = frames[(frames >= before) & (frames < len(traces) - after)]
    step = max(1, len(whole) // MAX_SPIKES)
    offsets = np.arange(-before, after)
    snippets = traces[whole[::step, None] + offsets]
    if len(snippets) == 0:
        nothing = np.zeros(len(offsets))
        return DrawnUnit(f"unit {number}: {len(frames)} spikes", nothing, nothing)
    mean = snippets.mean(axis=0)
    channel = int(np.argmax(np.ptp(mean, axis=0)))
    return DrawnUnit(
        f"unit {number}: {len(frames)} spikes",
        mean[:, channel],
        snippets[:, :, channel].std(axis=0),
    )


def _draw_waveform(axes: Axes, unit: DrawnUnit, msec_before: float, rate_hz: float) -> None:
    times_msec = 1000 * np.arange(len(unit.waveform)) / rate_hz - msec_before
    axes.axis("on")
    axes.fill_between(
        times_msec, unit.waveform - unit.deviation, unit.waveform + unit.deviation, color="0.85"
    )
    axes.plot(times_msec, unit.waveform, color="black", linewidth=1)
    axes.set_title(unit.title, fontsize=7)
    axes.tick_params(labelsize=6)
