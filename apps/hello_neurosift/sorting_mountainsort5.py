"""Spike sorting by MountainSort5, and the processor ``mountainsort5``.

The same recording gives the same spikes each time, on any number of CPUs: of its many small
matrices one thread makes an end as soon as several, which on a busy machine wait for each other.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from dendro_local.sdk import InputFile, OutputFile
from sorting_units import add_sorted_units

if TYPE_CHECKING:
    import spikeinterface
    from numpy.typing import NDArray

    from sorting_recording import Traces

WHITENING_FRAMES = 100_000
"""From so many, in one piece, the covariance of the channels is estimated."""

SEED = 0
SCALED_FRAMES = 1000
DETECT_TIME_RADIUS_MSEC = 0.5
DETECT_SIGN = -1
NPCA_PER_CHANNEL = 3
NPCA_PER_SUBDIVISION = 10
MAX_TRAINING_SEC = 300.0
MAX_SNIPPETS_PER_TRAINING_BATCH = 200


def mountainsort5(
    input: InputFile,
    output: OutputFile,
    electrical_series_path: str,
    output_units_name: str,
    detect_threshold: float,
    channel_radius: float,
) -> None:
    """Run spike sorting using MountainSort5

    Args:
        input: Input NWB file in .nwb.lindi.tar format
        output: New NWB file in .nwb.lindi.tar format
        electrical_series_path: Path to the electrical series object in the NWB file
        output_units_name: Name of the output units object
        detect_threshold: Threshold for spike detection
        channel_radius: Channel radius for spike detection
    """

    def sort(traces: Traces) -> list[NDArray[np.int64]]:
        return sort_by_scheme2(
            traces.recording(), detect_threshold=detect_threshold, channel_radius_um=channel_radius
        )

    add_sorted_units(
        input, output, electrical_series_path, output_units_name, "MountainSort5", sort
    )


def sort_by_scheme1(
    recording: spikeinterface.BaseRecording, *, detect_threshold: float, frames_after_peak: int
) -> list[NDArray[np.int64]]:
    """Cluster the spikes of all channels together, which suits a short recording of few channels.

    Args:
        recording: filtered.
        detect_threshold: in standard deviations of the whitened traces.
        frames_after_peak: of the snippets that are compared.

    Returns:
        For each unit the frames of its spikes, ascending.
    """
    import mountainsort5 as ms5

    parameters = ms5.Scheme1SortingParameters(
        detect_threshold=detect_threshold,
        detect_channel_radius=None,
        detect_time_radius_msec=DETECT_TIME_RADIUS_MSEC,
        detect_sign=DETECT_SIGN,
        snippet_T1=20,
        snippet_T2=frames_after_peak,
        snippet_mask_radius=None,
        npca_per_channel=NPCA_PER_CHANNEL,
        npca_per_subdivision=NPCA_PER_SUBDIVISION,
    )
    whitened = _whitened(recording)
    print("Sorting with MountainSort5, scheme 1")
    return _sorted(ms5.sorting_scheme1, whitened, parameters)


def sort_by_scheme2(
    recording: spikeinterface.BaseRecording, *, detect_threshold: float, channel_radius_um: float
) -> list[NDArray[np.int64]]:
    """Cluster spikes of up to 5 minutes, and classify all by what was found.

    Args:
        recording: filtered or not.
        detect_threshold: in standard deviations of the whitened traces.
        channel_radius_um: how far from the channel of a spike others belong to it.

    Returns:
        For each unit the frames of its spikes, ascending.
    """
    import mountainsort5 as ms5

    parameters = ms5.Scheme2SortingParameters(
        phase1_detect_channel_radius=channel_radius_um,
        detect_channel_radius=channel_radius_um,
        phase1_detect_threshold=detect_threshold,
        phase1_detect_time_radius_msec=DETECT_TIME_RADIUS_MSEC,
        detect_time_radius_msec=DETECT_TIME_RADIUS_MSEC,
        phase1_npca_per_channel=NPCA_PER_CHANNEL,
        phase1_npca_per_subdivision=NPCA_PER_SUBDIVISION,
        detect_sign=DETECT_SIGN,
        detect_threshold=detect_threshold,
        snippet_T1=20,
        snippet_T2=20,
        snippet_mask_radius=None,
        max_num_snippets_per_training_batch=MAX_SNIPPETS_PER_TRAINING_BATCH,
        classifier_npca=None,
        training_duration_sec=min(MAX_TRAINING_SEC, recording.get_total_duration()),
        training_recording_sampling_mode="uniform",
        classification_chunk_sec=None,
    )
    whitened = _whitened(recording)
    print("Sorting with MountainSort5, scheme 2")
    return _sorted(ms5.sorting_scheme2, whitened, parameters)


def _whitened(recording: spikeinterface.BaseRecording) -> Any:
    """The recording with white noise of standard deviation 1, in a file beside its own."""
    import spikeinterface.preprocessing as preprocessing

    print("Whitening")
    # A covariance of volts is too small a number for the whitening; the factor does not matter.
    traces = np.abs(recording.get_traces(end_frame=SCALED_FRAMES))
    middle = float(np.median(traces)) or float(traces.max()) or 1.0
    scaled = preprocessing.scale(recording, gain=1 / middle)
    whitened = preprocessing.whiten(
        scaled,
        dtype="float32",
        num_chunks_per_segment=1,
        chunk_size=min(WHITENING_FRAMES, recording.get_num_frames()),
        seed=SEED,
    )
    return whitened.save(
        folder="whitened",
        n_jobs=int(os.environ.get("OMP_NUM_THREADS") or 1),
        pool_engine="thread",
        chunk_duration="10s",
        progress_bar=False,
        verbose=False,
    )


def _sorted(scheme: Any, recording: Any, parameters: Any) -> list[NDArray[np.int64]]:
    """What a scheme finds in a recording: for each unit the frames of its spikes, ascending."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return _spike_frames(scheme(recording=recording, sorting_parameters=parameters))


def _spike_frames(sorting: spikeinterface.BaseSorting) -> list[NDArray[np.int64]]:
    trains = [
        np.sort(sorting.get_unit_spike_train(unit_id=unit_id).astype(np.int64))
        for unit_id in sorting.unit_ids
    ]
    print(f"Found {len(trains)} units with {sum(map(len, trains))} spikes")
    return trains
