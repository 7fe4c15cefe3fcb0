"""``spike_sorting_post_processing``: what the original measured of the same units."""

import math
from pathlib import Path
from typing import Any

import pytest

from tests.apps.conftest import RunJob
from tests.apps.nwb_outputs import NwbOutput, ReadNwb, sorting_reference

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

EXPECTED = sorting_reference("spike_sorting_post_processing")["tiny"]
EXACT = ("num_spikes", "firing_rate", "isi_violations_ratio", "isi_violations_count")
EXACT_TOO = ("rp_contamination", "rp_violations", "peak_channel")
NAN_ON_SHORT_RECORDINGS = ("presence_ratio", "amplitude_cutoff")
WEAK_UNIT = 8


@pytest.fixture
def output(run_job: RunJob, tiny_nwb: Path, read_nwb: ReadNwb) -> NwbOutput:
    job = run_job(
        "hello_neurosift",
        "spike_sorting_post_processing",
        tiny_nwb,
        {"output": "post.nwb.lindi.tar"},
        electrical_series_path="acquisition/ElectricalSeries",
        units_path="units",
    )
    assert job.error is None
    columns = [name for name in EXPECTED if name != "colnames"]
    return read_nwb(
        job.get_output("output").path(), "units", *(f"units/{name}" for name in columns)
    )


def values(column: str) -> Any:
    return EXPECTED[column]["values"]


def test_the_columns_are_those_of_the_original(output: NwbOutput) -> None:
    assert output.attributes("units")["colnames"] == str(EXPECTED["colnames"])
    for name, column in EXPECTED.items():
        if name != "colnames" and "dtype" in column:
            assert output.dtype(f"units/{name}") == column["dtype"], name


@pytest.mark.parametrize("column", EXACT + EXACT_TOO)
def test_what_is_counted_is_the_same(output: NwbOutput, column: str) -> None:
    assert output.values(f"units/{column}") == values(column)


def test_what_is_measured_is_nearly_the_same(output: NwbOutput) -> None:
    assert output.values("units/snr") == pytest.approx(values("snr"), rel=0.05, abs=0.4)
    assert output.values("units/amplitude_median") == pytest.approx(
        values("amplitude_median"), abs=1
    )
    for axis in "xy":
        found, expected = output.values(f"units/{axis}"), values(axis)
        for unit, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert one == pytest.approx(other, abs=15 if unit == WEAK_UNIT else 8)


def test_what_a_short_recording_cannot_tell_is_nan(output: NwbOutput) -> None:
    for column in NAN_ON_SHORT_RECORDINGS:
        assert all(math.isnan(value) for value in output.values(f"units/{column}"))


def test_waveforms_and_correlograms_are_those_of_the_original(output: NwbOutput) -> None:
    waveforms = output.values("units/waveform_mean")
    smallest = [min(map(min, waveform)) for waveform in waveforms]
    assert output.shape("units/waveform_mean") == EXPECTED["waveform_mean"]["shape"]
    assert output.shape("units/waveform_sd") == EXPECTED["waveform_sd"]["shape"]
    assert smallest == pytest.approx(EXPECTED["waveform_mean"]["min_per_unit"], rel=0.05, abs=1)
    assert output.shape("units/acg") == EXPECTED["acg"]["shape"]
    assert [sum(row) for row in output.values("units/acg")] == EXPECTED["acg"]["row_sums"]
    edges = output.values("units/acg_bin_edges")
    assert output.shape("units/acg_bin_edges") == EXPECTED["acg_bin_edges"]["shape"]
    assert [edges[0][0], edges[0][-1]] == pytest.approx(EXPECTED["acg_bin_edges"]["first_last"])


def test_of_a_longer_recording_there_is_as_much(
    run_job: RunJob, small_nwb: Path, read_nwb: ReadNwb
) -> None:
    job = run_job(
        "hello_neurosift",
        "spike_sorting_post_processing",
        small_nwb,
        {"output": "post.nwb.lindi.tar"},
        electrical_series_path="acquisition/ElectricalSeries",
        units_path="units",
    )

    shapes = sorting_reference("spike_sorting_post_processing")["small_shapes"]
    columns = [f"units/{name}" for name in (*shapes, "num_spikes", "presence_ratio")]
    output: NwbOutput = read_nwb(job.get_output("output").path(), *columns)
    for name, shape in shapes.items():
        assert output.shape(f"units/{name}") == shape
    assert sum(output.values("units/num_spikes")) == 4827
    assert output.values("units/presence_ratio") == [1.0] * 10


def test_a_metric_that_there_is_not_is_refused_with_those_that_there_are(
    run_job: RunJob, tiny_nwb: Path
) -> None:
    job = run_job(
        "hello_neurosift",
        "spike_sorting_post_processing",
        tiny_nwb,
        {"output": "post.nwb.lindi.tar"},
        electrical_series_path="acquisition/ElectricalSeries",
        units_path="units",
        metric_names=["snr", "beauty"],
    )

    assert job.status == "failed"
    assert "no metrics beauty" in (job.error or "")
    assert "firing_rate" in (job.error or "")
