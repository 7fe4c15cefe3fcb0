"""Spike sorting by Kilosort4, with its own default settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sorting_recording import Traces

SCALED_FRAMES = 30_000
WANTED_MEDIAN = 10.0
"""Of the absolute value of the traces, in such counts as Kilosort expects."""


def sort_by_kilosort4(traces: Traces) -> list[NDArray[np.int64]]:
    """Sort a recording, filtered or not.

    Returns:
        For each unit that Kilosort found, good or not, the frames of its spikes, ascending.
    """
    import torch
    from kilosort import run_kilosort

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        minutes = traces.num_frames / traces.sampling_rate_hz / 60
        print(
            f"Warning: there is no GPU. On CPUs, Kilosort4 can take an hour for each minute of "
            f"recording, and there are {minutes:.1f}. mountainsort5 of hello_neurosift takes "
            "seconds."
        )
    channels = traces.channels
    num_channels = len(channels.ids)
    probe = {
        "chanMap": np.arange(num_channels),
        "xc": channels.locations_um[:, 0].astype(np.float32),
        "yc": channels.locations_um[:, 1].astype(np.float32),
        "kcoords": np.zeros(num_channels),
        "n_chan": num_channels,
    }
    results: Any = run_kilosort(
        {"n_chan_bin": num_channels, "fs": traces.sampling_rate_hz},
        probe=probe,
        filename=traces.file_name,
        file_object=_scaled(traces.array()),
        data_dtype="float32",
        results_dir="kilosort4",
        device=device,
        torch_thread_lim=int(os.environ.get("OMP_NUM_THREADS") or 1),
    )
    spikes, clusters = results[1], results[2]
    frames = np.asarray(spikes[:, 0], dtype=np.int64)
    trains = [np.sort(frames[clusters == unit]) for unit in np.unique(clusters)]
    # A spike can be placed a little outside of the recording.
    trains = [train[(train >= 0) & (train < traces.num_frames)] for train in trains]
    print(f"Found {len(trains)} units with {sum(map(len, trains))} spikes")
    return trains


def _scaled(array: NDArray[np.float32]) -> _Scaled:
    """The traces in counts: those that are in volts are too small for Kilosort's whitening."""
    middle = float(np.median(np.abs(array[:SCALED_FRAMES])))
    is_in_counts = middle == 0 or 0.1 < middle < 10_000
    return _Scaled(array, 1.0 if is_in_counts else WANTED_MEDIAN / middle)


class _Scaled:
    """An array that is multiplied by a number when it is looked at."""

    def __init__(self, array: NDArray[np.float32], factor: float) -> None:
        self.shape = array.shape
        self.dtype = array.dtype
        self._array = array
        self._factor = np.float32(factor)

    def __getitem__(self, selection: Any) -> NDArray[np.float32]:
        selected: NDArray[np.float32] = self._array[selection] * self._factor
        return selected

    def __len__(self) -> int:
        return len(self._array)
