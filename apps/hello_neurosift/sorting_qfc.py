"""The compression ``qfc`` of Neurosift: rounded Fourier coefficients, packed with zlib.

A chunk of shape (frames, channels) is cut into segments of frames. Of each, the real-valued
Fourier transform over time is divided by the root of the segment's length, multiplied by the
scale factor, and rounded to 16 bits: first the real parts of all frequencies, then the imaginary
ones but for those that are 0 always. Before the packed numbers are five 32-bit integers: a mark,
a version, the numbers of frames and channels, and the length of the segments.

Where a band of frequencies was cut out by a filter, what is beyond it rounds to zeros, which pack
well. Importing this module lets Zarr read such arrays.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft
from numcodecs import Zstd
from numcodecs.abc import Codec
from numcodecs.registry import register_codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MARK = 7364182
VERSION = 1
HEADER_BYTES = 20
LARGEST = 32767
ZLIB_LEVEL = 3
RELATIVE_TOLERANCE = 0.005
MAX_STEPS = 40


class QfcCodec(Codec):  # type: ignore[misc] # numcodecs has no types
    """The codec; its arguments are stored with an array that it has packed.

    Args:
        quant_scale_factor: what coefficients are multiplied by before they are rounded.
        dtype: of the array.
        segment_length: in frames; 0 for a chunk as a whole.
        compression_method: ``zlib``; or ``zstd``, which can be unpacked only.
        zlib_level: 1 to 9.
        zstd_level: not used.
    """

    codec_id = "qfc"

    def __init__(
        self,
        quant_scale_factor: float,
        dtype: str = "float32",
        segment_length: int = 0,
        compression_method: str = "zlib",
        zstd_level: int = 3,
        zlib_level: int = ZLIB_LEVEL,
    ) -> None:
        self.quant_scale_factor = quant_scale_factor
        self.dtype = dtype
        self.segment_length = segment_length
        self.compression_method = compression_method
        self.zstd_level = zstd_level
        self.zlib_level = zlib_level

    def encode(self, chunk: NDArray[Any]) -> bytes:
        """The packed form of traces of shape (frames, channels)."""
        traces = np.asarray(chunk)
        num_frames, num_channels = traces.shape
        header = np.array(
            [MARK, VERSION, num_frames, num_channels, self.segment_length], dtype="<i4"
        )
        rounded = [
            rounded_coefficients(coefficients(traces[start:end]), self.quant_scale_factor)
            for start, end in segments(num_frames, self.segment_length)
        ]
        content = np.concatenate(rounded).astype("<i2").tobytes()
        return header.tobytes() + zlib.compress(content, self.zlib_level)

    def decode(self, packed: bytes, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """The traces of a packed chunk.

        Raises:
            ValueError: it is not one of this codec.
        """
        packed = bytes(packed)
        mark, version, num_frames, num_channels, segment_length = np.frombuffer(
            packed[:HEADER_BYTES], dtype="<i4"
        ).tolist()
        if mark != MARK or version != VERSION:
            raise ValueError("A chunk does not begin as one that was packed with qfc.")
        content = packed[HEADER_BYTES:]
        if self.compression_method == "zstd":
            content = Zstd().decode(content)
        else:
            content = zlib.decompress(content)
        rounded = np.frombuffer(content, dtype="<i2").reshape(num_frames, num_channels)
        traces = np.empty((num_frames, num_channels), dtype=self.dtype)
        for start, end in segments(num_frames, segment_length):
            traces[start:end] = _traces(
                rounded[start:end].astype(np.float32) / np.float32(self.quant_scale_factor)
            )
        if out is None:
            return traces
        out.reshape(traces.shape)[...] = traces
        return out


register_codec(QfcCodec)


def segments(num_frames: int, length: int) -> list[tuple[int, int]]:
    """First frame, and frame after the last one, of each segment.

    If the last one were shorter than half the others, it takes frames of the one before it.
    """
    if length <= 0 or length >= num_frames:
        return [(0, num_frames)]
    starts = list(range(0, num_frames, length))
    starts[-1] = min(starts[-1], num_frames - length // 2)
    return list(zip(starts, [*starts[1:], num_frames], strict=True))


def coefficients(traces: NDArray[Any]) -> NDArray[np.float32]:
    """The Fourier coefficients of traces, in as many numbers as the traces have."""
    num_frames = len(traces)
    spectra = scipy.fft.rfft(traces.astype(np.float32, copy=False), axis=0)
    spectra /= np.sqrt(num_frames)
    imaginary = spectra.imag[1:-1] if num_frames % 2 == 0 else spectra.imag[1:]
    return np.concatenate([spectra.real, imaginary])


def rounded_coefficients(values: NDArray[np.float32], scale_factor: float) -> NDArray[np.int16]:
    """Coefficients in units of the scale factor's inverse, none beyond 16 bits."""
    return np.clip(np.round(values * np.float32(scale_factor)), -LARGEST, LARGEST).astype(np.int16)


def scale_factor_for_ratio(traces: NDArray[np.float32], ratio: float) -> float:
    """The scale factor with which 16-bit traces would take so many times their packed size.

    If that cannot be reached by rounding less, the largest factor is given, with which the
    largest coefficient just fits into 16 bits.

    Args:
        traces: shape (frames, channels), such as are to be packed.
        ratio: > 0.
    """
    values = coefficients(traces)

    def packs_less(scale_factor: float) -> bool:
        rounded = rounded_coefficients(values, scale_factor)
        packed = len(zlib.compress(rounded.tobytes(), ZLIB_LEVEL)) + HEADER_BYTES
        return 2 * traces.size / packed < ratio

    return _smallest(packs_less, _largest_factor(values))


def scale_factor_for_residual(traces: NDArray[np.float32], deviation: float) -> float:
    """The scale factor with which rounding changes the traces by this standard deviation.

    Args:
        traces: shape (frames, channels), such as are to be packed.
        deviation: > 0, in the unit of the traces.
    """
    values = coefficients(traces)

    def is_near(scale_factor: float) -> bool:
        rounded = rounded_coefficients(values, scale_factor)
        residual = _traces(rounded.astype(np.float32) / np.float32(scale_factor)) - traces
        return float(residual.std()) < deviation

    return _smallest(is_near, _largest_factor(values))


def _traces(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The traces that have these coefficients."""
    num_frames = len(values)
    num_frequencies = num_frames // 2 + 1
    spectra = values[:num_frequencies].astype(np.complex64)
    imaginary = values[num_frequencies:]
    spectra[1 : 1 + len(imaginary)] += 1j * imaginary
    traces: NDArray[np.float32] = scipy.fft.irfft(spectra, num_frames, axis=0)
    return traces * np.float32(np.sqrt(num_frames))


def _largest_factor(values: NDArray[np.float32]) -> float:
    largest = float(np.abs(values).max(initial=0))
    return LARGEST / largest if largest > 0 else 1.0


def _smallest(is_enough: Callable[[float], bool], largest: float) -> float:
    """The smallest factor that is enough, to half a percent; ``largest`` if none below it is."""
    if not is_enough(largest):
        return largest
    enough, too_small = largest, largest / 2
    while is_enough(too_small) and largest / too_small < 2.0**MAX_STEPS:
        enough, too_small = too_small, too_small / 2
    while enough / too_small > 1 + RELATIVE_TOLERANCE:
        middle = (enough * too_small) ** 0.5
        if is_enough(middle):
            enough = middle
        else:
            too_small = middle
    return enough
