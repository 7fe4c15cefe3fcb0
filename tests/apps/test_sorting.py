"""``mountainsort5_1`` and ``mountainsort5``: the units of a recording."""

from pathlib import Path
from typing import Any

import pytest

from tests.apps.conftest import PythonOf, RunJob
from tests.apps.nwb_outputs import NwbOutput, ReadNwb, accuracies, sorting_reference
from tests.apps.recordings import make_input

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

OUTPUT = {"output": "output.nwb.lindi.tar"}
RAW = "acquisition/ElectricalSeries"
SPIKES = ("spike_times", "spike_times_index")


def spikes_at(units_path: str) -> tuple[str, ...]:
    return tuple(f"{units_path}/{name}" for name in SPIKES)


def assert_accepted(
    found: list[list[float]], true: list[list[float]], accepted: dict[str, Any]
) -> None:
    """Number of units and spikes, and agreement with the units that are in the recording."""
    best = accuracies(true, found)
    assert accepted["n_units"][0] <= len(found) <= accepted["n_units"][1]
    assert accepted["n_spikes"][0] <= sum(map(len, found)) <= accepted["n_spikes"][1]
    assert sum(each >= 0.8 for each in best) >= accepted["gt_units_with_accuracy_ge_0.8_min"]
    assert sum(best[:8]) / 8 >= accepted.get("units_0_to_7_mean_accuracy_min", 0)


def test_a_segment_is_sorted_as_by_the_original_into_a_file_of_its_own(
    run_job: RunJob, small_nwb: Path, read_nwb: ReadNwb
) -> None:
    job = run_job(
        "hello_mountainsort5",
        "mountainsort5_1",
        small_nwb,
        OUTPUT,
        electrical_series_path=RAW,
        segment_start_time_sec=0,
        segment_duration_sec=60,
    )

    output = read_nwb(job.get_output("output").path(), *spikes_at("units"), validate=True)
    true = read_nwb(small_nwb, *spikes_at("units")).spike_trains_sec("units")
    assert_accepted(
        output.spike_trains_sec("units"), true, sorting_reference("mountainsort5_1")["small"]
    )
    assert (output.errors, output.remarks) == ([], [])
    assert output.nwb_version == "2.7.0"
    assert output.contents == ["units"]
    assert [file.name for file in job.otherFileOutputs] == ["waveforms.png"]


def test_a_short_recording_has_the_spikes_that_the_original_found(
    run_job: RunJob, tiny_nwb: Path, read_nwb: ReadNwb
) -> None:
    job = run_job(
        "hello_mountainsort5",
        "mountainsort5_1",
        tiny_nwb,
        OUTPUT,
        electrical_series_path=RAW,
        segment_start_time_sec=0,
        segment_duration_sec=5,
    )

    accepted = sorting_reference("mountainsort5_1")["tiny"]
    output = read_nwb(job.get_output("output").path(), *spikes_at("units"))
    found = output.spike_trains_sec("units")
    assert accepted["n_units"][0] <= len(found) <= accepted["n_units"][1]
    assert sum(map(len, found)) == accepted["n_spikes_expected"]


def test_a_whole_recording_is_sorted_as_by_the_original_and_the_same_each_time(
    run_job: RunJob, small_nwb: Path, read_nwb: ReadNwb
) -> None:
    parameters = sorting_reference("mountainsort5")["params"]

    first, second = (
        run_job(
            "hello_neurosift", "mountainsort5", small_nwb, OUTPUT, skip_cache=skip, **parameters
        )
        for skip in (False, True)
    )

    units = f"processing/ecephys/{parameters['output_units_name']}"
    output = read_nwb(first.get_output("output").path(), *spikes_at(units))
    found = output.spike_trains_sec(units)
    true = read_nwb(small_nwb, *spikes_at("units")).spike_trains_sec("units")
    assert_accepted(found, true, sorting_reference("mountainsort5")["small"])
    again = read_nwb(second.get_output("output").path(), *spikes_at(units))
    assert again.spike_trains_sec(units) == found


@pytest.fixture
def bare_nwb(python_of: PythonOf, tiny_nwb: Path, tmp_path: Path) -> Path:
    """The tiny recording in volts, from 100 s on, without a subject and places of electrodes."""
    file = tmp_path / "bare.nwb"
    make_input(python_of("hello_neurosift"), "bare", file, tiny_nwb)
    return file


def test_a_recording_in_volts_of_which_little_is_known_is_sorted_too(
    run_job: RunJob, bare_nwb: Path, read_nwb: ReadNwb
) -> None:
    job = run_job(
        "hello_mountainsort5",
        "mountainsort5_1",
        bare_nwb,
        OUTPUT,
        electrical_series_path=RAW,
        segment_start_time_sec=1,
        segment_duration_sec=2,
    )

    assert job.error is None
    output: NwbOutput = read_nwb(job.get_output("output").path(), *spikes_at("units"))
    times = output.values("units/spike_times")
    assert len(times) > 100
    assert min(times) > 101
    assert max(times) < 103
    assert "places of the electrodes are not known" in job.console()


def test_a_name_that_is_taken_is_refused_before_anything_is_sorted(
    run_job: RunJob, tiny_nwb: Path
) -> None:
    job = run_job(
        "hello_neurosift",
        "mountainsort5",
        tiny_nwb,
        OUTPUT,
        **sorting_reference("mountainsort5")["params"] | {"electrical_series_path": "units"},
    )

    assert job.status == "failed"
    assert RAW in (job.error or "")
