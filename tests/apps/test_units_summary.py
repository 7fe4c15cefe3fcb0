"""``units_summary_1`` of hello_neurosift: autocorrelograms."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dendro_local import DendroJob
from tests.apps.conftest import PythonOf, RunJob
from tests.apps.lindi_tar import open_lindi_tar
from tests.apps.recordings import look_at, make_input, reference

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

OUTPUTS = {"output": "units_summary.lindi.tar"}

SummaryOfTrains = Callable[..., DendroJob]


@pytest.fixture
def summary_of_trains(run_job: RunJob, python_of: PythonOf, tmp_path: Path) -> SummaryOfTrains:
    """The job for units with these spike times, in seconds, in a file with nothing else."""

    def run(trains: list[list[float]], **parameters: object) -> DendroJob:
        file = tmp_path / "units.nwb"
        make_input(python_of("hello_neurosift"), "units", file, json.dumps(trains))
        return run_job("hello_neurosift", "units_summary_1", file, OUTPUTS, **parameters)

    return run


def correlograms(job: DendroJob) -> list[list[int]]:
    assert job.error is None
    return open_lindi_tar(job.get_output("output").path()).array("autocorrelograms").rows()


def test_the_correlograms_are_those_of_the_original(run_job: RunJob, tiny_nwb: Path) -> None:
    expected = reference("units_summary_1")

    job = run_job("hello_neurosift", "units_summary_1", tiny_nwb, OUTPUTS)

    assert job.error is None
    output = open_lindi_tar(job.get_output("output").path())
    found = output.array("autocorrelograms")
    assert found.shape == tuple(expected["shape"])
    assert found.dtype == "<u4"
    assert found.rows() == expected["autocorrelograms"]
    edges = found.attributes["bin_edges_sec"]
    assert len(edges) == expected["n_bin_edges"]
    assert [edges[0], edges[-1]] == pytest.approx(expected["bin_edges_first_last"])
    assert output.attributes["unit_ids"] == [str(number) for number in range(10)]


def test_lindi_reads_the_output_too(run_job: RunJob, python_of: PythonOf, tiny_nwb: Path) -> None:
    expected = reference("units_summary_1")
    job = run_job("hello_neurosift", "units_summary_1", tiny_nwb, OUTPUTS)

    found = look_at(python_of("hello_neurosift"), "lindi", job.get_output("output").path())

    assert found["shape"] == expected["shape"]
    assert found["dtype"] == expected["dtype"]
    assert found["row_sums"] == expected["row_sums"]
    assert found["unit_ids"] == [str(number) for number in range(10)]


def test_the_same_again_is_a_cache_hit_and_would_be_the_same_bytes(
    run_job: RunJob, tiny_nwb: Path
) -> None:
    job = run_job("hello_neurosift", "units_summary_1", tiny_nwb, OUTPUTS)

    second = run_job("hello_neurosift", "units_summary_1", tiny_nwb, OUTPUTS)
    anew = run_job("hello_neurosift", "units_summary_1", tiny_nwb, OUTPUTS, skip_cache=True)

    assert second.jobId == job.jobId
    assert anew.jobId != job.jobId
    assert anew.get_output("output").read_bytes() == job.get_output("output").read_bytes()


def test_it_tells_how_far_it_is_and_comes_with_a_figure(run_job: RunJob, tiny_nwb: Path) -> None:
    job = run_job("hello_neurosift", "units_summary_1", tiny_nwb, OUTPUTS)

    assert "10 units with 386 spikes" in job.console()
    assert "unit 10 of 10" in job.console()
    assert [other.name for other in job.otherFileOutputs] == ["autocorrelograms.png"]


def test_spike_times_that_are_missing_or_out_of_order_do_no_harm(
    summary_of_trains: SummaryOfTrains,
) -> None:
    job = summary_of_trains([[0.5, float("nan"), 0.498, 0.51], []])

    counts = correlograms(job)

    differences = {index - 49: count for index, count in enumerate(counts[0]) if count}
    assert differences == dict.fromkeys((-12, -10, -2, 2, 10, 12), 1)
    assert sum(counts[1]) == 0


def test_a_pair_in_the_middle_bin_counts_twice(summary_of_trains: SummaryOfTrains) -> None:
    job = summary_of_trains(
        [[1.0, 1.0001]], correlogram_window_size_msec=5, correlogram_bin_size_msec=1
    )

    assert correlograms(job) == [[0, 0, 2, 0, 0]]


def test_an_even_number_of_bins_becomes_odd(summary_of_trains: SummaryOfTrains) -> None:
    job = summary_of_trains(
        [[1.0, 1.002]], correlogram_window_size_msec=10, correlogram_bin_size_msec=2
    )
    even = summary_of_trains(
        [[1.0, 1.002]], correlogram_window_size_msec=12, correlogram_bin_size_msec=2
    )

    assert correlograms(job) == correlograms(even) == [[0, 1, 0, 1, 0]]


def test_a_table_that_is_not_there_is_named_with_those_that_are(
    run_job: RunJob, tiny_nwb: Path
) -> None:
    job = run_job("hello_neurosift", "units_summary_1", tiny_nwb, OUTPUTS, units_path="unitz")

    assert job.status == "failed"
    assert "There is nothing at 'unitz'" in (job.error or "")
    assert "Of this type it has: units." in (job.error or "")


def test_a_window_without_a_bin_is_refused(run_job: RunJob, tiny_nwb: Path) -> None:
    job = run_job(
        "hello_neurosift", "units_summary_1", tiny_nwb, OUTPUTS, correlogram_bin_size_msec=200
    )

    assert "cannot have bins of 200 ms" in (job.error or "")
