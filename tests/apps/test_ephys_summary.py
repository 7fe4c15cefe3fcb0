"""``ephys_summary_1`` of hello_neurosift: firing rates and power spectra of channels."""

import math
from pathlib import Path

import pytest

from dendro_local import DendroJob
from tests.apps.conftest import RunJob
from tests.apps.lindi_tar import LindiTar, open_lindi_tar
from tests.apps.recordings import reference

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

OUTPUTS = {"output": "ephys_summary.lindi.tar"}
SERIES = "acquisition/ElectricalSeries"


def summarize(run_job: RunJob, nwb: Path, start_sec: float, duration_sec: float) -> DendroJob:
    return run_job(
        "hello_neurosift",
        "ephys_summary_1",
        nwb,
        OUTPUTS,
        electrical_series_path=SERIES,
        segment_start_time_sec=start_sec,
        segment_duration_sec=duration_sec,
    )


def output_of(job: DendroJob) -> LindiTar:
    assert job.error is None
    return open_lindi_tar(job.get_output("output").path())


def test_rates_and_spectra_are_those_of_the_original(run_job: RunJob, tiny_nwb: Path) -> None:
    expected = reference("ephys_summary_1")

    output = output_of(summarize(run_job, tiny_nwb, 0, 5))

    rates = output.array("estimated_channel_firing_rates")
    assert rates.values == pytest.approx(expected["estimated_channel_firing_rates"], abs=0.01)
    hz = output.array("channel_power_spectra/freq")
    assert hz.values[:3] == expected["freq_first3"]
    assert hz.values[-1] == expected["freq_last"]
    power = output.array("channel_power_spectra/ps")
    assert power.shape == tuple(expected["ps_shape"])
    sums = [sum(channel) for channel in power.rows()]
    assert sums == pytest.approx(expected["ps_sum_per_channel"], rel=0.005)
    for band, total in expected["ps_band_sums_all_channels"].items():
        low, high = map(float, band.split("-"))
        inside = [
            value
            for channel in power.rows()
            for at_hz, value in zip(hz.values, channel, strict=True)
            if low <= at_hz < high
        ]
        # What is left outside of the filter's band is the noise of rounding to whole counts.
        assert sum(inside) == pytest.approx(total, rel=0.03)
    assert output.attributes["channel_ids"] == [f"CH{number}" for number in range(16)]


def test_the_same_again_is_a_cache_hit(run_job: RunJob, tiny_nwb: Path) -> None:
    job = summarize(run_job, tiny_nwb, 0, 5)

    assert summarize(run_job, tiny_nwb, 0, 5).jobId == job.jobId


def test_it_tells_how_far_it_is_and_comes_with_a_figure(run_job: RunJob, tiny_nwb: Path) -> None:
    job = summarize(run_job, tiny_nwb, 0, 5)

    assert "16 channels at 30000 Hz" in job.console()
    assert "piece 1 of 1" in job.console()
    assert [other.name for other in job.otherFileOutputs] == ["ephys_summary.png"]


@pytest.mark.parametrize(("start_sec", "duration_sec"), [(1.0, 2.0), (3.2, 100.0), (0.0, 0.01)])
def test_a_segment_shorter_than_5_s_is_summarized_as_it_is(
    run_job: RunJob, tiny_nwb: Path, start_sec: float, duration_sec: float
) -> None:
    output = output_of(summarize(run_job, tiny_nwb, start_sec, duration_sec))

    rates = output.array("estimated_channel_firing_rates").values
    power = output.array("channel_power_spectra/ps").values
    assert len(rates) == 16
    assert all(math.isfinite(value) for value in [*rates, *power])
    assert sum(power) > 0


def test_a_segment_after_the_end_is_refused_with_the_recordings_length(
    run_job: RunJob, tiny_nwb: Path
) -> None:
    job = summarize(run_job, tiny_nwb, 5, 5)

    assert job.status == "failed"
    assert "5 s long" in (job.error or "")


def test_what_is_no_electrical_series_is_refused_with_the_names_of_those(
    run_job: RunJob, tiny_nwb: Path
) -> None:
    job = run_job(
        "hello_neurosift",
        "ephys_summary_1",
        tiny_nwb,
        OUTPUTS,
        electrical_series_path="units",
        segment_start_time_sec=0,
        segment_duration_sec=5,
    )

    assert "is of type Units, not ElectricalSeries" in (job.error or "")
    assert SERIES in (job.error or "")
