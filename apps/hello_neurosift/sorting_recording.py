"""Recordings as spike sorters take them: a file of 32-bit traces, and where its channels are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from electrical_series import ELECTRODES, ElectricalSeries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import spikeinterface
    from numpy.typing import NDArray

    from nwb_input import NwbInput

PIECE_BYTES = 32 * 1024 * 1024
PROGRESS_SEC = 5.0
DEFAULT_PITCH_UM = 20.0
"""Between channels whose places are not known."""

MAX_SHOWN = 10
"""Channels that an error names."""


class Channels(NamedTuple):
    """Some channels of a recording.

    Attributes:
        indices: which columns of the data they are.
        ids: their names.
        electrode_rows: their rows in the table of electrodes.
        locations_um: where they are on the probe: shape (channels, 2).
    """

    indices: NDArray[np.int64]
    ids: list[str]
    electrode_rows: NDArray[np.int64]
    locations_um: NDArray[np.float64]


class Traces(NamedTuple):
    """Traces in a file of this machine: 32-bit floats, frame by frame all channels.

    Attributes:
        file_name: of the file.
        num_frames: how many samples each channel has.
        sampling_rate_hz: samples of a channel in a second.
        channels: those of the traces, in order.
    """

    file_name: str
    num_frames: int
    sampling_rate_hz: float
    channels: Channels

    def array(self) -> NDArray[np.float32]:
        """The traces, shape (frames, channels), read from the file when they are looked at."""
        shape = (self.num_frames, len(self.channels.ids))
        return np.memmap(self.file_name, dtype="<f4", mode="r", shape=shape)

    def recording(self) -> spikeinterface.BaseRecording:
        """The traces as SpikeInterface has them."""
        from spikeinterface import BinaryRecordingExtractor

        recording: Any = BinaryRecordingExtractor(
            [self.file_name],
            sampling_frequency=self.sampling_rate_hz,
            dtype="float32",
            num_channels=len(self.channels.ids),
            channel_ids=self.channels.ids,
        )
        recording.set_dummy_probe_from_locations(self.channels.locations_um)
        return recording


class Segment(NamedTuple):
    """A part of a recording, in frames: from ``start`` to before ``end``."""

    start: int
    end: int


def segment_of(series: ElectricalSeries, start_sec: float, duration_sec: float) -> Segment:
    """What there is of a part of a recording.

    Args:
        series: the recording.
        start_sec: from its first sample on.
        duration_sec: 0 for all that follows.

    Raises:
        ValueError: there is nothing of it.
    """
    rate_hz = series.sampling_rate_hz
    start = round(start_sec * rate_hz)
    end = series.num_frames
    if duration_sec > 0:
        end = min(end, round((start_sec + duration_sec) * rate_hz))
    if duration_sec < 0 or not 0 <= start < end:
        raise ValueError(
            f"The recording is {series.num_frames / rate_hz:g} s long: there is nothing of the "
            f"{duration_sec:g} s from {start_sec:g} s on."
        )
    return Segment(start, end)


def channels_of(
    nwb: NwbInput, path: str, series: ElectricalSeries, indices: Sequence[int] | None = None
) -> Channels:
    """All channels of a recording, or some.

    Args:
        nwb: the file.
        path: of the ElectricalSeries.
        series: the same.
        indices: which channels; None for all.

    Raises:
        ValueError: there is no such channel, or it is named twice.
    """
    chosen = np.arange(series.num_channels) if indices is None else np.asarray(indices, np.int64)
    if len(chosen) == 0:
        raise ValueError(f"No channel is chosen of the {series.num_channels} of the recording.")
    absent = sorted(set(chosen[(chosen < 0) | (chosen >= series.num_channels)].tolist()))
    if absent:
        raise ValueError(
            f"The recording has channels 0 to {series.num_channels - 1}, and not {_some(absent)}."
        )
    values, counts = np.unique(chosen, return_counts=True)
    if len(values) < len(chosen):
        twice = values[counts > 1].tolist()
        raise ValueError(f"Each channel may be chosen once, and not so {_some(twice)}.")
    rows = nwb.dataset(f"{path.strip('/')}/electrodes")[()].astype(np.int64)[chosen]
    ids = series.channel_ids()
    return Channels(chosen, [ids[index] for index in chosen], rows, _locations_um(nwb, rows))


def _some(numbers: Sequence[int]) -> str:
    """The first of many numbers."""
    shown = ", ".join(map(str, numbers[:MAX_SHOWN]))
    return f"{shown} and {len(numbers) - MAX_SHOWN} more" if len(numbers) > MAX_SHOWN else shown


def write_traces(
    series: ElectricalSeries, file_name: str, segment: Segment, channels: Channels
) -> Traces:
    """Write traces as they are stored into a file."""
    frames_at_once = max(1, PIECE_BYTES // (4 * series.num_channels))
    num_frames = segment.end - segment.start
    progress = Progress("Read", num_frames / series.sampling_rate_hz)
    with open(file_name, "wb") as file:
        for start in range(segment.start, segment.end, frames_at_once):
            end = min(start + frames_at_once, segment.end)
            traces = series.read(start, end)[:, channels.indices]
            file.write(np.ascontiguousarray(traces, dtype="<f4").data)
            progress.tell((end - segment.start) / series.sampling_rate_hz)
    return Traces(file_name, num_frames, series.sampling_rate_hz, channels)


def write_filtered_traces(
    series: ElectricalSeries,
    file_name: str,
    segment: Segment,
    channels: Channels,
    *,
    min_hz: float,
    max_hz: float,
) -> Traces:
    """Write traces into a file after a bandpass filter. Arguments as of `filtered_pieces`."""
    with open(file_name, "wb") as file:
        for piece in filtered_pieces(series, segment, channels, min_hz=min_hz, max_hz=max_hz):
            file.write(piece.astype("<f4", copy=False).data)
    num_frames = segment.end - segment.start
    return Traces(file_name, num_frames, series.sampling_rate_hz, channels)


def filtered_pieces(
    series: ElectricalSeries, segment: Segment, channels: Channels, *, min_hz: float, max_hz: float
) -> Iterator[NDArray[np.float32]]:
    """Traces after a bandpass filter, piece after piece: shape (frames, channels).

    Each piece but the last has as many frames as there are in a number of whole seconds.
    """
    from bandpass import Bandpass

    rate_hz = series.sampling_rate_hz
    if not 0 < min_hz < min(max_hz, rate_hz / 2):
        raise ValueError(
            f"With {rate_hz:g} samples in a second there is nothing between {min_hz:g} and "
            f"{max_hz:g} Hz: the band must begin above 0 and below its end and {rate_hz / 2:g} Hz."
        )
    bandpass = Bandpass(min_hz=min_hz, max_hz=max_hz, sampling_rate_hz=rate_hz)
    a_second = round(rate_hz)
    seconds = max(1, PIECE_BYTES // (4 * series.num_channels * a_second))
    progress = Progress("Filtered", (segment.end - segment.start) / rate_hz)
    kept = series.read(segment.start, segment.start)[:, channels.indices]
    kept_from = read_to = segment.start
    for begin in range(segment.start, segment.end, seconds * a_second):
        end = min(begin + seconds * a_second, segment.end)
        first = max(segment.start, begin - bandpass.margin)
        last = min(segment.end, end + bandpass.margin)
        new = series.read(read_to, last)[:, channels.indices]
        kept = np.concatenate((kept[first - kept_from :], new))
        kept_from, read_to = first, last
        traces = np.ascontiguousarray(kept.T, dtype=np.float32)
        padded = bandpass.padded(traces, before=begin - first, after=last - end)
        yield np.ascontiguousarray(bandpass.filter(padded).T)
        progress.tell((end - segment.start) / rate_hz)


def start_time_sec(nwb: NwbInput, path: str) -> float:
    """When a time series begins, on the clock of its file."""
    series = nwb.group(path)
    if "starting_time" in series:
        return float(nwb.dataset(f"{path.strip('/')}/starting_time")[()])
    return float(nwb.dataset(f"{path.strip('/')}/timestamps")[0])


class Progress:
    """Tells on the console, every few seconds and at the end, how much is done."""

    def __init__(self, done_what: str, total_sec: float) -> None:
        self._done_what = done_what
        self._total_sec = total_sec
        self._told_at = time.monotonic()

    def tell(self, done_sec: float) -> None:
        """Say how many seconds of the recording are done, if it is time to."""
        now = time.monotonic()
        if now - self._told_at >= PROGRESS_SEC or done_sec >= self._total_sec:
            self._told_at = now
            print(f"{self._done_what} {done_sec:.1f} of {self._total_sec:.1f} s")


def _locations_um(nwb: NwbInput, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Where electrodes are: on the probe, else in the brain, else in a line."""
    electrodes = nwb.group(ELECTRODES)
    for columns in (("rel_x", "rel_y"), ("x", "y")):
        if all(column in electrodes for column in columns):
            places = np.column_stack(
                [nwb.dataset(f"{ELECTRODES}/{column}")[()][rows] for column in columns]
            ).astype(np.float64)
            if np.isfinite(places).all() and len(np.unique(places, axis=0)) == len(rows):
                return places
    print(
        f"Warning: the places of the electrodes are not known. They are taken to be in a line, "
        f"{DEFAULT_PITCH_UM:g} um apart."
    )
    return np.column_stack((np.zeros(len(rows)), DEFAULT_PITCH_UM * np.arange(len(rows))))
