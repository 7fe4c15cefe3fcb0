"""What processors have in common that sort a recording: from its file to a file with units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from electrical_series import ElectricalSeries
from nwb_copy import NwbCopy
from nwb_input import open_nwb
from nwb_objects import add_processing_module, add_units, check_free

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from dendro_local.sdk import InputFile, OutputFile
    from sorting_recording import Traces

TRACES_FILE = "traces"


def add_sorted_units(
    input: InputFile,
    output: OutputFile,
    electrical_series_path: str,
    output_units_name: str,
    sorter_name: str,
    sort: Callable[[Traces], list[NDArray[np.int64]]],
) -> None:
    """Sort a recording, and give the input file with a table of the units that were found.

    Args:
        input: an NWB file.
        output: is given the new NWB file.
        electrical_series_path: the recording.
        output_units_name: what the table in ``processing/ecephys`` is called.
        sorter_name: for the description.
        sort: gives for each unit the frames of its spikes, ascending.
    """
    import sorting_qfc  # noqa: F401 - prepared recordings are packed so
    from sorting_figures import draw_spikes
    from sorting_recording import (
        channels_of,
        segment_of,
        start_time_sec,
        write_traces,
    )

    if not output_units_name or "/" in output_units_name:
        raise ValueError(f"{output_units_name!r} cannot be the name of a table of units.")
    with open_nwb(input) as nwb:
        series = ElectricalSeries(nwb, electrical_series_path)
        segment = segment_of(series, 0, 0)
        channels = channels_of(nwb, electrical_series_path, series)
        print(f"{len(channels.ids)} channels at {series.sampling_rate_hz:g} Hz")
        copy = NwbCopy(nwb)
        module = add_processing_module(
            copy, "ecephys", "Processed extracellular electrophysiology data"
        )
        check_free(copy, f"{module}/{output_units_name}")  # now, not after the sorting
        traces = write_traces(series, TRACES_FILE, segment, channels)
        spike_frames = sort(traces)
        start_sec = start_time_sec(nwb, electrical_series_path)
        trains = [frames / series.sampling_rate_hz + start_sec for frames in spike_frames]
        add_units(
            copy,
            f"{module}/{output_units_name}",
            spike_trains_sec=trains,
            description=f"Units from {sorter_name}. dendro:{output.job_id}",
            resolution_sec=1 / series.sampling_rate_hz,
        )
        copy.write("output.nwb.lindi.tar")
    output.upload("output.nwb.lindi.tar")
    draw_spikes(traces, spike_frames)
