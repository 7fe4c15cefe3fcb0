"""Voltage traces of an NWB file, read in order and each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nwb_input import NwbInput

RATE_SAMPLES = 1000
"""From so many time stamps the rate is told, where it is not given."""

ELECTRODES = "general/extracellular_ephys/electrodes"


class ElectricalSeries:
    """The traces of an ElectricalSeries, in the counts in which they are stored.

    Attributes:
        num_frames: how many samples each channel has.
        num_channels: how many channels.
        sampling_rate_hz: samples of a channel in a second.
        dtype: of the stored counts.

    Raises:
        ValueError: there is no such series in the file, or it is not one of traces.
    """

    def __init__(self, nwb: NwbInput, path: str) -> None:
        series = nwb.group(path, kind="ElectricalSeries")
        self._nwb = nwb
        self._path = path.strip("/")
        self._series = series
        self._data = nwb.dataset(f"{self._path}/data")
        if self._data.ndim not in (1, 2):
            raise ValueError(f"The data of {path!r} has {self._data.ndim} dimensions, not 1 or 2.")
        self.num_frames: int = self._data.shape[0]
        self.num_channels: int = self._data.shape[1] if self._data.ndim == 2 else 1
        self.dtype: np.dtype[Any] = self._data.dtype
        self.sampling_rate_hz = self._sampling_rate_hz()

    def channel_ids(self) -> list[str]:
        """The names of the channels, or the ids of their electrodes where these have no names."""
        rows = self._nwb.dataset(f"{self._path}/electrodes")[()].astype(int)
        electrodes = self._nwb.group(ELECTRODES)
        column = "channel_name" if "channel_name" in electrodes else "id"
        values = self._nwb.dataset(f"{ELECTRODES}/{column}")[()]
        return [_text(values[row]) for row in rows]

    def read(self, start: int, end: int) -> NDArray[Any]:
        """The samples of frames ``start`` to before ``end``: shape (frames, channels)."""
        traces: NDArray[Any] = self._data[start:end]
        return traces.reshape(len(traces), self.num_channels)

    def _sampling_rate_hz(self) -> float:
        if "starting_time" in self._series:
            return float(self._nwb.dataset(f"{self._path}/starting_time").attrs["rate"])
        if "timestamps" not in self._series:
            raise ValueError(f"{self._path!r} has neither a rate nor time stamps.")
        times_sec = self._nwb.dataset(f"{self._path}/timestamps")[:RATE_SAMPLES]
        return float(1 / np.median(np.diff(times_sec)))


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
