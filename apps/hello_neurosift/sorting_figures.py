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

CELL_WIDTH_INCH = 2.0
BOX_WIDTH_INCH = 1.6
TITLE_INCH = 0.4
WAVEFORM_INCH = 1.3
ACG_INCH = 0.9
GAP_INCH = 0.15
"""Below each box."""

HEAD_INCH = 0.4
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

    def limits(self) -> tuple[float, float]:
        """Between which values the waveform lies, with the deviation around it."""
        low = float(np.min(self.waveform - self.deviation))
        high = float(np.max(self.waveform + self.deviation))
        return low, high


def draw_units(
    drawn: Sequence[DrawnUnit],
    *,
    num_units: int,
    file_name: str,
    msec_before: float,
    rate_hz: float,
    acg_msec: float = 0.0,
) -> None:
    """Draw units' waveforms, in counts, above their autocorrelograms if there are any.

    Args:
        drawn: the first `MAX_DRAWN_UNITS` units, or fewer.
        num_units: how many there are in all.
        file_name: of the figure.
        msec_before: where in the waveforms the spike is.
        rate_hz: samples of the waveforms in a second.
        acg_msec: up to which difference in time spikes are in the autocorrelograms.
    """
    if not drawn:
        print("No figure: there are no units")
        return
    from matplotlib.collections import LineCollection, PolyCollection

    columns = min(COLUMNS, len(drawn))
    rows = math.ceil(len(drawn) / columns)
    below_inch = 0.0 if drawn[0].acg is None else ACG_INCH + GAP_INCH
    cell_inch = TITLE_INCH + WAVEFORM_INCH + GAP_INCH + below_inch
    width, height = max(6.0, columns * CELL_WIDTH_INCH), HEAD_INCH + rows * cell_inch + GAP_INCH
    with job_figure(file_name, width_inch=width, height_inch=height) as figure:
        # All in one pair of axes, in inches: one for each box takes longer than many a job.
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
        axes.axis("off")
        curves, bands, histograms, boxes = [], [], [], []
        for number, unit in enumerate(drawn):
            row, column = divmod(number, columns)
            top = height - HEAD_INCH - row * cell_inch - TITLE_INCH
            box = _Box(column * CELL_WIDTH_INCH + 0.3, top - WAVEFORM_INCH, WAVEFORM_INCH)
            boxes.append(box.outline())
            axes.text(box.left, top + 0.05, unit.title, fontsize=7)
            _label(axes, box, unit, msec_before, rate_hz)
            curves.append(box.curve(unit.waveform, unit.limits()))
            bands.append(box.band(unit))
            if unit.acg is not None:
                below = _Box(box.left, box.bottom - below_inch, ACG_INCH)
                boxes.append(below.outline())
                histograms.append(below.histogram(unit.acg))
                _label_times(axes, below, -acg_msec, acg_msec)
        axes.add_collection(PolyCollection(bands, facecolors="0.85"))
        axes.add_collection(LineCollection(curves, colors="black", linewidths=1))
        axes.add_collection(PolyCollection(histograms, facecolors="tab:blue"))
        axes.add_collection(PolyCollection(boxes, facecolors="none", edgecolors="0.5"))
        more = f" (the first {len(drawn)})" if len(drawn) < num_units else ""
        below_them = "; below, pairs of their spikes by distance in ms" if histograms else ""
        title = f"Mean waveforms of {num_units} units{more}, in counts and ms{below_them}"
        axes.text(width / 2, height - 0.25, title, fontsize=10, horizontalalignment="center")


def draw_spikes(traces: Traces, spike_frames: Sequence[NDArray[np.int64]]) -> None:
    """Draw the mean waveform of each unit, on the channel where it is largest, in counts.

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


class _Box(NamedTuple):
    """A place for one curve, in inches.

    Attributes:
        left: from the left side of the figure.
        bottom: from its lower side.
        height: of the box, which is `BOX_WIDTH_INCH` wide.
    """

    left: float
    bottom: float
    height: float

    def outline(self) -> NDArray[np.float64]:
        """The corners."""
        x, y = self.left + BOX_WIDTH_INCH, self.bottom + self.height
        return np.array(
            [(self.left, self.bottom), (x, self.bottom), (x, y), (self.left, y)], dtype=np.float64
        )

    def curve(
        self, values: NDArray[np.floating], limits: tuple[float, float]
    ) -> NDArray[np.float64]:
        """Points from the left to the right, of values between these limits."""
        low, high = limits
        x = np.linspace(self.left, self.left + BOX_WIDTH_INCH, len(values))
        y = self.bottom + self.height * (values - low) / ((high - low) or 1)
        return np.column_stack((x, y))

    def band(self, unit: DrawnUnit) -> NDArray[np.float64]:
        """The area where most single spikes are."""
        limits = unit.limits()
        above = self.curve(unit.waveform + unit.deviation, limits)
        below = self.curve(unit.waveform - unit.deviation, limits)
        return np.concatenate((above, below[::-1]))

    def histogram(self, counts: NDArray[np.integer]) -> NDArray[np.float64]:
        """The outline of bars, of which the highest reaches to the top."""
        x = self.left + np.repeat(np.linspace(0, BOX_WIDTH_INCH, len(counts) + 1), 2)
        heights = np.concatenate(([0], np.repeat(counts / max(1, counts.max()), 2), [0]))
        return np.column_stack((x, self.bottom + 0.95 * self.height * heights))


def _label(axes: Axes, box: _Box, unit: DrawnUnit, msec_before: float, rate_hz: float) -> None:
    """Write which amplitudes and times the sides of a box are."""
    low, high = unit.limits()
    for y, value in ((box.bottom, low), (box.bottom + box.height, high)):
        axes.text(
            box.left - 0.03,
            y,
            f"{value:.3g}",
            fontsize=6,
            rotation=90,
            horizontalalignment="right",
            verticalalignment="bottom" if value == low else "top",
        )
    msec_after = 1000 * (len(unit.waveform) - 1) / rate_hz - msec_before
    _label_times(axes, box, -msec_before, msec_after)


def _label_times(axes: Axes, box: _Box, first_msec: float, last_msec: float) -> None:
    y = box.bottom - 0.03
    for x, value in ((box.left, first_msec), (box.left + BOX_WIDTH_INCH, last_msec)):
        side = "left" if x == box.left else "right"
        axes.text(
            x, y, f"{value:.2g}", fontsize=6, horizontalalignment=side, verticalalignment="top"
        )
