"""Sorting a part of a recording into an NWB file of its own."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import numpy as np

import sorting_qfc  # noqa: F401 - prepared recordings are packed so
from electrical_series import ElectricalSeries
from lindi_output import LindiArray
from nwb_copy import NwbCopy
from nwb_input import open_nwb
from nwb_objects import add_units
from sorting_figures import draw_spikes
from sorting_mountainsort5 import sort_by_scheme1
from sorting_recording import (
    channels_of,
    segment_of,
    start_time_sec,
    write_filtered_traces,
)

if TYPE_CHECKING:
    from dendro_local.sdk import InputFile, OutputFile

MIN_HZ = 300.0
MAX_HZ = 6000.0
DETECT_THRESHOLD = 6.0
FRAMES_AFTER_PEAK = 50
TRACES_FILE = "traces"
EMPTIED = ("acquisition", "analysis", "processing", "stimulus/presentation", "stimulus/templates")
REMOVED = ("intervals", "scratch", "units")


def sort_segment(
    input: InputFile, output: OutputFile, path: str, start_sec: float, duration_sec: float
) -> None:
    """Sort a part of a recording.

    Args:
        input: an NWB file.
        output: is given a new NWB file, of the same session, with the units that were found.
        path: of the electrical series.
        start_sec: from the first sample of the recording on.
        duration_sec: 0 for all that follows.

    Raises:
        ValueError: there is no such series, or nothing of it at this time.
    """
    with open_nwb(input) as nwb:
        series = ElectricalSeries(nwb, path)
        rate_hz = series.sampling_rate_hz
        segment = segment_of(series, start_sec, duration_sec)
        channels = channels_of(nwb, path, series)
        print(f"{len(channels.ids)} channels at {rate_hz:g} Hz")
        traces = write_filtered_traces(
            series, TRACES_FILE, segment, channels, min_hz=MIN_HZ, max_hz=MAX_HZ
        )
        spike_frames = sort_by_scheme1(
            traces.recording(),
            detect_threshold=DETECT_THRESHOLD,
            frames_after_peak=FRAMES_AFTER_PEAK,
        )
        first_sec = start_time_sec(nwb, path) + segment.start / rate_hz
        copy = NwbCopy(nwb)
        _leave_session(copy)
        add_units(
            copy,
            "units",
            spike_trains_sec=[frames / rate_hz + first_sec for frames in spike_frames],
            description=f"Units from MountainSort5. dendro:{output.job_id}",
            resolution_sec=1 / rate_hz,
        )
        copy.write("output.nwb.lindi.tar")
    output.upload("output.nwb.lindi.tar")
    draw_spikes(traces, spike_frames)


def _leave_session(copy: NwbCopy) -> None:
    """Leave of a file what is known of the session and, if anything is, of the subject."""
    for path in EMPTIED:
        if copy.has(path):
            copy.empty(path)
    for path in REMOVED:
        copy.remove(path)
    for path in copy.groups_in("general"):
        if path != "general/subject":
            copy.remove(path)
    copy.add_array("identifier", LindiArray(np.array([str(uuid.uuid4())]), {"_SCALAR": True}))
    copy.add_group("", {**copy.attributes(""), "object_id": str(uuid.uuid4())})
    if copy.has("specifications"):  # the references to it name the file, too
        location = copy.reference_to("specifications")
        copy.add_group("", {**copy.attributes(""), ".specloc": location})
