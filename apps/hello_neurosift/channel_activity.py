"""What each channel of a recording shows in one piece of time: spikes, and power by frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bandpass import Bandpass

DETECT_THRESHOLD = 5.0
"""In standard deviations of the filtered trace, below its mean."""

DEAD_FRAMES = 20
"""For so long after a spike, none is counted."""

MIN_FREQUENCIES = 1000
"""So many are left at least of more."""


def filter_counts(
    traces: NDArray[np.float32], bandpass: Bandpass, dtype: np.dtype[Any]
) -> NDArray[np.float32]:
    """Filter traces; those that were stored as whole numbers are whole numbers again.

    Args:
        traces: shape (channels, frames), with the filter's margins.
        bandpass: the filter.
        dtype: of the traces as they were stored.
    """
    filtered = bandpass.filter(traces)
    return filtered if np.issubdtype(dtype, np.floating) else np.rint(filtered, out=filtered)


def count_spikes(filtered: NDArray[np.float32]) -> NDArray[np.int64]:
    """How often each trace falls below the threshold, in each dead time once.

    Args:
        filtered: shape (channels, frames).

    Returns:
        Shape (channels,).
    """
    num_channels, num_frames = filtered.shape
    mean = filtered.mean(axis=1, dtype=np.float64)
    squares = np.array([np.dot(trace, trace) for trace in filtered], dtype=np.float64)
    spread = np.sqrt(np.maximum(squares / num_frames - mean**2, 0))
    below = filtered < (mean - DETECT_THRESHOLD * spread)[:, None]
    # The channels one after the other, further apart than the dead time.
    channel, frame = np.nonzero(below)
    time = channel * (num_frames + DEAD_FRAMES + 1) + frame
    if len(time) == 0:
        return np.zeros(num_channels, dtype=np.int64)
    begins = np.flatnonzero(np.diff(time, prepend=time[0] - DEAD_FRAMES - 1) > DEAD_FRAMES)
    counts = np.bincount(channel[begins], minlength=num_channels)
    # Within a run without a gap, a spike is followed by another after the dead time.
    ends = np.append(begins[1:], len(time))
    is_long = time[ends - 1] - time[begins] > DEAD_FRAMES
    for begin, end in zip(begins[is_long], ends[is_long], strict=True):
        last = begin
        while time[end - 1] - time[last] > DEAD_FRAMES:
            last += np.searchsorted(time[last:end], time[last] + DEAD_FRAMES, side="right")
            counts[channel[last]] += 1
    return counts


class PowerSpectrum:
    """Power at frequencies that lie evenly between 0 and half the sampling rate.

    As many as the transform has, if these are less than 2000; of more, every second or third or so.

    Args:
        num_frames: of each trace.
        sampling_rate_hz: of each trace.

    Attributes:
        frequencies_hz: shape (frequencies,).
    """

    def __init__(self, num_frames: int, sampling_rate_hz: float) -> None:
        self._step = max(1, num_frames // 2 // MIN_FREQUENCIES)
        all_hz = np.fft.fftfreq(num_frames, 1 / sampling_rate_hz)[: num_frames // 2]
        self.frequencies_hz = all_hz[:: self._step].astype(np.float64)

    def power(self, traces: NDArray[np.float32]) -> NDArray[np.float64]:
        """The squared amplitude of the Fourier transform, not scaled.

        Args:
            traces: shape (channels, frames).

        Returns:
            Shape (channels, frequencies).
        """
        num_channels, num_frames = traces.shape
        step = self._step
        if num_frames % step == 0:
            # Each step-th frequency alone is the transform of the trace folded upon itself.
            folded = traces.reshape(num_channels, step, num_frames // step).sum(
                axis=1, dtype=np.float64
            )
            spectra = scipy.fft.rfft(folded, axis=1)[:, : len(self.frequencies_hz)]
        else:
            whole = scipy.fft.rfft(traces.astype(np.float64), axis=1)
            spectra = whole[:, : num_frames // 2 : step]
        power: NDArray[np.float64] = np.square(np.abs(spectra))
        return power
