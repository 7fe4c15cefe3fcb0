"""A bandpass filter without delay, by Fourier transforms.

It is a Butterworth filter of order 5 that is run forward and then backward in time. Such a filter
leaves phases alone and multiplies each frequency by the square of the filter's gain, for which
there is a formula; so it takes two transforms instead of ten recursions over all samples.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORDER = 5
MARGIN_SEC = 0.05
"""How much of what is around a piece must be filtered with it: what is further away has no
influence of a millionth."""


class Bandpass:
    """The filter for traces of one sampling rate.

    Args:
        min_hz: where the gain, run once, is 1/sqrt(2), below the band.
        max_hz: the same above the band; at or above half the sampling rate, there is no upper end.
        sampling_rate_hz: of the traces.
    """

    def __init__(self, *, min_hz: float, max_hz: float, sampling_rate_hz: float) -> None:
        self.margin = math.ceil(MARGIN_SEC * sampling_rate_hz)
        self._rate_hz = sampling_rate_hz
        self._min_hz = min_hz
        self._max_hz = max_hz
        self._gains: dict[int, NDArray[np.float32]] = {}

    def filter(self, traces: NDArray[np.float32]) -> NDArray[np.float32]:
        """Filter traces of shape (channels, frames), whose first and last `margin` are lost.

        Where a recording begins or ends, `padded` makes up what would be beyond.

        Returns:
            Shape (channels, frames - 2 * margin).
        """
        length = traces.shape[1]
        whole = scipy.fft.next_fast_len(length, real=True)
        spectra = scipy.fft.rfft(traces, whole, axis=1)
        spectra *= self._gain(whole)
        filtered: NDArray[np.float32] = scipy.fft.irfft(spectra, whole, axis=1, overwrite_x=True)
        return filtered[:, self.margin : length - self.margin]

    def padded(
        self, traces: NDArray[np.float32], *, before: int, after: int
    ) -> NDArray[np.float32]:
        """Traces of shape (channels, frames), with the margins that they lack.

        They are turned around their ends, so that the filter sees no step there.

        Args:
            traces: at least two frames.
            before: how many frames of the margin they begin with.
            after: how many they end with.
        """
        missing = (self.margin - before, self.margin - after)
        if missing == (0, 0):
            return traces
        return np.pad(traces, ((0, 0), missing), mode="reflect", reflect_type="odd")

    def _gain(self, length: int) -> NDArray[np.float32]:
        """The gain, run twice, at each frequency of a transform of this length."""
        if length not in self._gains:
            # The bilinear transform bends frequencies so that half the sampling rate is infinite.
            bent = np.tan(np.pi * np.arange(length // 2 + 1) / length)
            low = math.tan(math.pi * self._min_hz / self._rate_hz)
            with np.errstate(divide="ignore", over="ignore"):
                if self._max_hz < self._rate_hz / 2:
                    high = math.tan(math.pi * self._max_hz / self._rate_hz)
                    distance = (bent**2 - low * high) / (bent * (high - low))
                else:
                    distance = low / bent
                self._gains[length] = (1 / (1 + distance ** (2 * ORDER))).astype(np.float32)
        return self._gains[length]
