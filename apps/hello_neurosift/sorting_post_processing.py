"""The processor ``spike_sorting_post_processing``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from dendro_local.sdk import InputFile, OutputFile
from electrical_series import ElectricalSeries
from nwb_copy import NwbCopy
from nwb_input import open_nwb
from nwb_objects import add_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nwb_input import NwbInput
    from sorting_metrics import Measured
    from sorting_recording import Traces

TRACES_FILE = "traces"
QUALITY_TEXTS = {
    "snr": "SNR {:.3g}",
    "firing_rate": "{:.3g} Hz",
    "isi_violations_ratio": "ISI {:.2g}",
}
"""What the figure says of each unit."""

DEFAULT_METRICS = [
    "firing_rate",
    "isi_violation",
    "rp_violation",
    "snr",
    "presence_ratio",
    "amplitude_cutoff",
    "amplitude_median",
]


def spike_sorting_post_processing(
    input: InputFile,
    output: OutputFile,
    electrical_series_path: str,
    units_path: str,
    n_jobs: int = -1,
    metric_names: list[str] = DEFAULT_METRICS,
) -> None:
    """Run post processing on an electrophysiology dataset after spike sorting and add columns to
    the units table

    Args:
        input: Input NWB file in .nwb or .nwb.lindi.tar format
        output: New NWB file in .nwb.lindi.tar format
        electrical_series_path: Path to the electrical series object in the NWB file
        units_path: Path to the units object in the NWB file
        n_jobs: Number of jobs to run in parallel
        metric_names: List of metric names to compute
    """
    import sorting_qfc  # noqa: F401 - prepared recordings are packed so
    from sorting_metrics import measure

    with open_nwb(input) as nwb:
        traces = _traces(nwb, electrical_series_path)
        trains = _spike_frames(nwb, units_path, electrical_series_path, traces)
        unit_ids = nwb.unit_ids(units_path)
        copy = NwbCopy(nwb)
        measured = measure(
            traces.recording(), trains, metric_names, num_threads=_num_threads(n_jobs)
        )
        add_columns(copy, units_path.strip("/"), measured.columns)
        copy.write("post.nwb.lindi.tar")
    output.upload("post.nwb.lindi.tar")
    _draw(measured, unit_ids, traces.sampling_rate_hz)


def _traces(nwb: NwbInput, path: str) -> Traces:
    """The whole recording, in a file of this machine."""
    from sorting_recording import channels_of, segment_of, write_traces

    series = ElectricalSeries(nwb, path)
    channels = channels_of(nwb, path, series)
    print(f"{len(channels.ids)} channels at {series.sampling_rate_hz:g} Hz")
    return write_traces(series, TRACES_FILE, segment_of(series, 0, 0), channels)


def _spike_frames(
    nwb: NwbInput, units_path: str, series_path: str, traces: Traces
) -> list[NDArray[np.int64]]:
    """For each unit the frames of its spikes; those beyond the recording are left out."""
    from sorting_recording import start_time_sec

    start_sec = start_time_sec(nwb, series_path)
    found: list[NDArray[np.int64]] = []
    num_all = 0
    for times_sec in nwb.spike_trains_sec(units_path):
        frames = np.round((times_sec - start_sec) * traces.sampling_rate_hz)
        found.append(frames[(frames >= 0) & (frames < traces.num_frames)].astype(np.int64))
        num_all += len(times_sec)
    num_spikes = sum(map(len, found))
    if not found:
        raise ValueError(f"The table {units_path!r} has no units.")
    if num_spikes == 0:
        raise ValueError(
            f"None of the {len(found)} units in {units_path!r} has a spike in {series_path!r}."
        )
    print(f"{len(found)} units with {num_spikes} spikes")
    if num_spikes < num_all:
        print(f"{num_all - num_spikes} spikes lie outside of the recording, and are left out")
    return found


def _num_threads(n_jobs: int) -> int:
    """How many threads work: those of the job's CPUs for -1."""
    return n_jobs if n_jobs > 0 else int(os.environ.get("OMP_NUM_THREADS") or 1)


def _draw(measured: Measured, unit_ids: list[str], rate_hz: float) -> None:
    from sorting_figures import MAX_DRAWN_UNITS, DrawnUnit, draw_units

    columns = measured.columns
    drawn: list[DrawnUnit] = []
    for number, unit_id in enumerate(unit_ids[:MAX_DRAWN_UNITS]):
        peak = measured.peak_indices[number]
        quality = [
            text.format(columns[column].data[number])
            for column, text in QUALITY_TEXTS.items()
            if column in columns
        ]
        channel = columns["peak_channel"].data[number].decode()
        drawn.append(
            DrawnUnit(
                f"unit {unit_id}, {channel}\n{', '.join(quality)}",
                columns["waveform_mean"].data[number, :, peak],
                columns["waveform_sd"].data[number, :, peak],
                columns["acg"].data[number],
            )
        )
    draw_units(
        drawn,
        num_units=len(unit_ids),
        file_name="units.png",
        msec_before=measured.msec_before,
        rate_hz=rate_hz,
        acg_msec=1000 * float(columns["acg_bin_edges"].data[0, -1]),
    )
