"""The summaries of a recording of 60 s, of which the short one is the beginning."""

from pathlib import Path

import pytest

from dendro_local import DendroJob
from tests.apps.conftest import RunJob
from tests.apps.lindi_tar import LindiTar, open_lindi_tar
from tests.apps.recordings import reference

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

SPIKES_PER_UNIT = [585, 389, 621, 545, 146, 760, 582, 605, 206, 388]


def output_of(job: DendroJob) -> LindiTar:
    assert job.error is None
    return open_lindi_tar(job.get_output("output").path())


def test_its_correlograms_are_symmetric_and_empty_in_the_refractory_period(
    run_job: RunJob, small_nwb: Path
) -> None:
    job = run_job("hello_neurosift", "units_summary_1", small_nwb, {"output": "o.lindi.tar"})

    rows = output_of(job).array("autocorrelograms").rows()
    assert [len(row) for row in rows] == [99] * 10
    assert all(row == row[::-1] for row in rows)
    assert all(sum(row) > 0 and sum(row[46:53]) == 0 for row in rows)


def test_its_rates_and_spectra_are_in_the_range_of_the_originals(
    run_job: RunJob, small_nwb: Path
) -> None:
    expected = reference("ephys_summary_1")

    job = run_job(
        "hello_neurosift",
        "ephys_summary_1",
        small_nwb,
        {"output": "o.lindi.tar"},
        electrical_series_path="acquisition/ElectricalSeries",
        segment_start_time_sec=0,
        segment_duration_sec=60,
    )

    output = output_of(job)
    low, high = expected["small_rates_range_hz"]
    assert all(
        low <= rate <= high for rate in output.array("estimated_channel_firing_rates").values
    )
    assert output.array("channel_power_spectra/ps").shape == tuple(expected["small_ps_shape"])
    assert "12 x 5 s are summarized" in job.console()


def test_its_spike_counts_are_the_spikes_of_its_units(run_job: RunJob, small_nwb: Path) -> None:
    job = run_job(
        "hello_neurosift",
        "multiscale_spike_density",
        small_nwb,
        {"output": "o.lindi.tar"},
        units_path="units",
    )

    counts = output_of(job).array("spike_counts")
    assert counts.shape == tuple(reference("multiscale_spike_density")["small_shape"])
    assert [sum(column) for column in counts.columns()] == SPIKES_PER_UNIT
