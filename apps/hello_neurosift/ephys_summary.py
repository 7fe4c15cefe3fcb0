"""The processor ``ephys_summary_1``."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dendro_local.sdk import InputFile, OutputFile
from electrical_series import ElectricalSeries
from figure import job_figure
from lindi_output import LindiArray, write_lindi_tar
from nwb_input import open_nwb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

PIECE_SEC = 5.0
MIN_HZ = 300.0
MAX_HZ = 6000.0
CHANNELS_AT_ONCE = 16
"""So many are filtered at once by each CPU, whatever the number of channels: for the memory."""

PROGRESS_SEC = 5.0
MAX_LABELS = 40
"""More channels than that are not named in the figure."""


def ephys_summary_1(
    input: InputFile,
    output: OutputFile,
    electrical_series_path: str,
    segment_start_time_sec: float,
    segment_duration_sec: float,
) -> None:
    """Compute summary information for an electrophysiology dataset

    Args:
        input: Input NWB file in .nwb or .nwb.lindi.tar format
        output: Output data in .lindi.tar format
        electrical_series_path: Path to the electrical series object in the NWB file
        segment_start_time_sec: Start time of segment to analyze in seconds
        segment_duration_sec: Duration of segment to analyze in seconds
    """
    with open_nwb(input) as nwb:
        series = ElectricalSeries(nwb, electrical_series_path)
        pieces = _pieces(series, segment_start_time_sec, segment_duration_sec)
        channel_ids = series.channel_ids()
        summary = _summarize(series, pieces)
    write_lindi_tar(
        "ephys_summary.lindi.tar",
        {
            "estimated_channel_firing_rates": LindiArray(summary.rates_hz),
            "channel_power_spectra/freq": LindiArray(summary.frequencies_hz),
            "channel_power_spectra/ps": LindiArray(summary.power),
        },
        {"channel_ids": channel_ids},
    )
    output.upload("ephys_summary.lindi.tar")
    _draw(summary, channel_ids)


class _Pieces(NamedTuple):
    """Pieces of a recording of equal length, one after the other; all in frames."""

    start: int
    length: int
    num_pieces: int
    end: int
    """Of the segment, of which what is left after the last piece is used for the filter only."""


class _Window(NamedTuple):
    """One piece with what is around it in the segment, as it was stored.

    Attributes:
        traces: shape (before + length of the piece + after, channels).
        before: how many frames lie before the piece: the filter's margin, or all there are.
        after: the same after it.
    """

    traces: NDArray[Any]
    before: int
    after: int


class _Summary(NamedTuple):
    """Of each channel, what the middle over all pieces is."""

    rates_hz: NDArray[np.float64]
    frequencies_hz: NDArray[np.float64]
    power: NDArray[np.float64]


def _pieces(series: ElectricalSeries, start_sec: float, duration_sec: float) -> _Pieces:
    """The pieces of 5 s that a segment holds whole; if it is shorter, it is one piece itself."""
    rate_hz = series.sampling_rate_hz
    recorded_sec = series.num_frames / rate_hz
    start = int(start_sec * rate_hz)
    end = min(int((start_sec + duration_sec) * rate_hz), series.num_frames)
    if start < 0 or end - start < 2:
        raise ValueError(
            f"The segment from {start_sec:g} s on, of {duration_sec:g} s, has no two samples in "
            f"the recording, which is {recorded_sec:g} s long."
        )
    length = int(PIECE_SEC * rate_hz)
    if end - start >= length:
        used = _Pieces(start, length, (end - start) // length, end)
    else:
        used = _Pieces(start, end - start, 1, end)
    print(
        f"{series.num_channels} channels at {rate_hz:g} Hz, {recorded_sec:g} s; of the segment "
        f"from {start / rate_hz:g} to {end / rate_hz:g} s, {used.num_pieces} x "
        f"{used.length / rate_hz:g} s are summarized"
    )
    return used


def _summarize(series: ElectricalSeries, pieces: _Pieces) -> _Summary:
    from bandpass import Bandpass
    from channel_activity import PowerSpectrum, count_spikes, filter_counts

    rate_hz = series.sampling_rate_hz
    if rate_hz <= 2 * MIN_HZ:
        raise ValueError(
            f"The recording has {rate_hz:g} samples in a second, and spikes are looked for above "
            f"{MIN_HZ:g} Hz, for which it takes more than {2 * MIN_HZ:g}."
        )
    if rate_hz <= 2 * MAX_HZ:
        print(f"Warning: there is nothing above {rate_hz / 2:g} Hz to filter out")
    bandpass = Bandpass(min_hz=MIN_HZ, max_hz=MAX_HZ, sampling_rate_hz=rate_hz)
    spectrum = PowerSpectrum(pieces.length, rate_hz)
    num_spikes = np.zeros(series.num_channels)
    power = np.zeros((series.num_channels, len(spectrum.frequencies_hz)))

    def add(window: _Window, first: int) -> None:
        some = slice(first, first + CHANNELS_AT_ONCE)
        traces = np.ascontiguousarray(window.traces[:, some].T, dtype=np.float32)
        padded = bandpass.padded(traces, before=window.before, after=window.after)
        filtered = filter_counts(padded, bandpass, series.dtype)
        num_spikes[some] += count_spikes(filtered)
        power[some] += spectrum.power(filtered)

    told_at = time.monotonic()
    with ThreadPoolExecutor(int(os.environ.get("OMP_NUM_THREADS") or 1)) as threads:
        working: list[Future[None]] = []
        # A piece is read while the threads work on the one before.
        for number, window in enumerate(_windows(series, pieces, bandpass.margin)):
            _wait_for_all(working)
            if time.monotonic() - told_at >= PROGRESS_SEC:
                told_at = time.monotonic()
                print(f"Filtered and summarized piece {number} of {pieces.num_pieces}")
            working = [
                threads.submit(add, window, first)
                for first in range(0, series.num_channels, CHANNELS_AT_ONCE)
            ]
        _wait_for_all(working)
    print(f"Filtered and summarized piece {pieces.num_pieces} of {pieces.num_pieces}")
    total_sec = pieces.num_pieces * pieces.length / rate_hz
    return _Summary(num_spikes / total_sec, spectrum.frequencies_hz, power / pieces.num_pieces)


def _wait_for_all(working: Sequence[Future[None]]) -> None:
    for future in working:
        future.result()


def _windows(series: ElectricalSeries, pieces: _Pieces, margin: int) -> Iterator[_Window]:
    """The pieces one after the other. Each frame is read once."""
    kept = series.read(pieces.start, pieces.start)
    kept_from = read_to = pieces.start
    for number in range(pieces.num_pieces):
        begin = pieces.start + number * pieces.length
        first = max(pieces.start, begin - margin)
        last = min(pieces.end, begin + pieces.length + margin)
        kept = np.concatenate((kept[first - kept_from :], series.read(read_to, last)))
        kept_from, read_to = first, last
        yield _Window(kept, begin - first, last - begin - pieces.length)


def _draw(summary: _Summary, channel_ids: Sequence[str]) -> None:
    """Draw the power spectrum of each channel and the mean, and the firing rates."""
    from matplotlib.collections import LineCollection

    # In decibel and kHz, since logarithmic axes take longer to draw than many a summary to compute.
    khz = summary.frequencies_hz / 1000
    decibel = 10 * np.log10(np.maximum(summary.power, 1))
    mean = 10 * np.log10(np.maximum(summary.power.mean(axis=0), 1))
    with job_figure("ephys_summary.png", width_inch=10, height_inch=4) as figure:
        spectra, rates = figure.subplots(1, 2)
        lines = [np.column_stack((khz, channel)) for channel in decibel]
        spectra.add_collection(LineCollection(lines, colors="0.7", linewidths=0.5))
        spectra.plot(khz, mean, color="tab:blue", label="mean of all channels")
        spectra.set(xlabel="frequency (kHz)", ylabel="power (dB, of counts²)")
        spectra.set(title="Power spectra after the filter of 300 to 6000 Hz")
        spectra.legend()
        rates.bar(range(len(channel_ids)), summary.rates_hz, color="tab:blue")
        rates.set(xlabel="channel", ylabel="spikes a second", title="Estimated firing rates")
        if len(channel_ids) <= MAX_LABELS:
            rates.set_xticks(range(len(channel_ids)), channel_ids, rotation=90, fontsize=8)
