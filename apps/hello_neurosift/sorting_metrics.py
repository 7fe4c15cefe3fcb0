"""What is measured of sorted units: waveforms, places, correlograms and quality metrics.

By SpikeInterface, and with seeds where it chooses at random, so that the same units give the same
figures each time. Values are in the unit of the traces, such as counts.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nwb_objects import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    import spikeinterface
    from numpy.typing import NDArray

SEED = 0
CORRELOGRAM_WINDOW_MSEC = 50.0
CORRELOGRAM_BIN_MSEC = 1.0
REFRACTORY_PERIOD_MSEC = 1.0
STEPS: dict[str, dict[str, Any]] = {
    "random_spikes": {"seed": SEED},
    "templates": {},
    "noise_levels": {"random_slices_kwargs": {"seed": SEED}},
    "spike_amplitudes": {},
    "unit_locations": {"method": "center_of_mass"},
}
"""Extensions of SpikeInterface's analyzer, in the order in which they build on each other."""

DESCRIPTIONS = {
    "firing_rate": "spikes a second",
    "isi_violations_ratio": "rate of intervals below 1.5 ms, relative to what chance would give",
    "isi_violations_count": "number of intervals below 1.5 ms",
    "rp_contamination": "part of the spikes that are another unit's, by those within 1 ms",
    "rp_violations": "number of pairs of spikes within 1 ms",
    "snr": "amplitude of the mean waveform, in standard deviations of the noise",
    "presence_ratio": "part of the recording's minutes in which the unit fires",
    "amplitude_cutoff": "estimated part of the spikes that are too small to be found",
    "amplitude_median": "median amplitude of the spikes, in the unit of the traces",
}


class Measured(NamedTuple):
    """What was measured.

    Attributes:
        columns: for the table of units, in order.
        msec_before: where in the waveforms the spike is.
        peak_indices: the channel of each unit, by its index.
    """

    columns: dict[str, Column]
    msec_before: float
    peak_indices: list[int]


def measure(
    recording: spikeinterface.BaseRecording,
    spike_frames: Sequence[NDArray[np.int64]],
    metric_names: Sequence[str],
    *,
    num_threads: int,
) -> Measured:
    """Measure units.

    Args:
        recording: of one segment.
        spike_frames: for each unit the frames of its spikes, ascending, all in the recording.
        metric_names: those of SpikeInterface.
        num_threads: how many work at once.

    Raises:
        ValueError: there is no such metric.
    """
    import spikeinterface as si

    _check_metrics(metric_names)
    rate_hz = recording.get_sampling_frequency()
    si.set_global_job_kwargs(n_jobs=num_threads, pool_engine="thread", progress_bar=False)
    sorting = si.NumpySorting.from_unit_dict([dict(enumerate(spike_frames))], rate_hz)
    print("Looking for the channels of each unit")
    # Not sparse: waveforms are kept on all channels, and single ones are not kept at all.
    analyzer: Any = si.create_sorting_analyzer(sorting, recording, sparse=False, seed=SEED)
    for number, (name, parameters) in enumerate(STEPS.items(), 1):
        print(f"Computing {name.replace('_', ' ')}: {number} of {len(STEPS)}")
        analyzer.compute(name, **parameters)
    templates = analyzer.get_extension("templates")
    waveforms = templates.get_templates(operator="average")
    peak_indices = np.abs(waveforms).max(axis=1).argmax(axis=1).tolist()
    ids = [str(recording.channel_ids[index]).encode() for index in peak_indices]
    columns = {
        "num_spikes": Column(
            np.array([len(frames) for frames in spike_frames], dtype=np.int64), "number of spikes"
        ),
        "peak_channel": Column(np.array(ids, dtype=bytes), "the channel of the largest amplitude"),
        **_places(analyzer.get_extension("unit_locations").get_data()),
        **_metrics(analyzer, spike_frames, metric_names),
        "waveform_mean": _waveform_column(templates, "average", rate_hz),
        "waveform_sd": _waveform_column(templates, "std", rate_hz),
        **_correlograms(spike_frames, rate_hz),
    }
    return Measured(columns, float(templates.params["ms_before"]), peak_indices)


def _check_metrics(metric_names: Sequence[str]) -> None:
    from spikeinterface.metrics.quality import get_quality_metric_list

    known = get_quality_metric_list()
    unknown = [name for name in metric_names if name not in known]
    if unknown:
        raise ValueError(
            f"There are no metrics {', '.join(unknown)}. metric_names can be: {', '.join(known)}."
        )


def _places(locations_um: NDArray[np.float64]) -> dict[str, Column]:
    return {
        axis: Column(
            locations_um[:, number].astype(np.float64), f"estimated {axis} on the probe, in um"
        )
        for number, axis in enumerate("xyz"[: locations_um.shape[1]])
    }


def _metrics(
    analyzer: Any, spike_frames: Sequence[NDArray[np.int64]], metric_names: Sequence[str]
) -> dict[str, Column]:
    print(f"Computing quality metrics: {', '.join(metric_names)}")
    with warnings.catch_warnings():
        # Of numba, which the pairs below do without.
        warnings.filterwarnings("ignore", message=".*numba.*")
        analyzer.compute("quality_metrics", metric_names=list(metric_names), seed=SEED)
    found = analyzer.get_extension("quality_metrics").get_data()
    values = {str(name): found[name].to_numpy() for name in found.columns}
    if "rp_violation" in metric_names:  # which SpikeInterface leaves out where it has no numba
        frames = [np.sort(train) for train in spike_frames]
        limit = round(REFRACTORY_PERIOD_MSEC * analyzer.sampling_frequency / 1000)
        violations = [_num_pairs_within(train, limit) for train in frames]
        values["rp_violations"] = np.array(violations)
        values["rp_contamination"] = np.array(
            [
                _contamination(count, len(train), analyzer.get_total_samples(), limit)
                for count, train in zip(violations, frames, strict=True)
            ]
        )
    columns: dict[str, Column] = {}
    for name, column in values.items():
        kind = np.int64 if np.issubdtype(column.dtype, np.integer) else np.float64
        columns[name] = Column(column.astype(kind), DESCRIPTIONS.get(name, f"the metric {name}"))
    return columns


def _num_pairs_within(train: NDArray[np.int64], limit: int) -> int:
    last = np.searchsorted(train, train + limit, side="right")
    return int((last - np.arange(1, len(train) + 1)).sum())


def _contamination(num_violations: int, num_spikes: int, num_frames: int, limit: int) -> float:
    """The formula of Llobet and Wyngaard (2022); NaN for less than two spikes."""
    if num_spikes < 2:
        return math.nan
    rest = 1 - num_violations * num_frames / (num_spikes**2 * limit)
    return 1.0 if rest < 0 else 1 - math.sqrt(rest)


def _waveform_column(templates: Any, operator: str, rate_hz: float) -> Column:
    words = {"average": "mean waveform of the spikes", "std": "standard deviation of the spikes"}
    return Column(
        np.asarray(templates.get_templates(operator=operator), dtype=np.float64),
        f"{words[operator]} on each channel, in the unit of the traces",
        {"sampling_rate": float(rate_hz)},
    )


def _correlograms(spike_frames: Sequence[NDArray[np.int64]], rate_hz: float) -> dict[str, Column]:
    from spikeinterface.postprocessing.correlograms import correlogram_for_one_segment

    bin_frames = int(CORRELOGRAM_BIN_MSEC * rate_hz / 1000)
    window_frames = bin_frames * round(CORRELOGRAM_WINDOW_MSEC / 2 / CORRELOGRAM_BIN_MSEC)
    num_bins = 2 * window_frames // bin_frames
    acg = np.zeros((len(spike_frames), num_bins), dtype=np.uint32)
    for unit, frames in enumerate(spike_frames):
        # Of each unit alone: those between units would take far longer, and are not kept.
        acg[unit] = correlogram_for_one_segment(
            frames, np.zeros(len(frames), dtype=np.int64), window_frames, bin_frames, num_units=1
        )[0, 0]
    edges_sec = np.linspace(-window_frames, window_frames, num_bins + 1) / rate_hz
    return {
        "acg": Column(acg, "autocorrelogram: number of pairs of spikes in each bin"),
        "acg_bin_edges": Column(
            np.tile(edges_sec, (len(spike_frames), 1)), "edges of the bins of acg, in seconds"
        ),
    }
