"""``multiscale_spike_density`` of hello_neurosift: spike counts in bins of several widths."""

import json
from pathlib import Path

import pytest

from tests.apps.conftest import PythonOf, RunJob
from tests.apps.lindi_tar import open_lindi_tar
from tests.apps.recordings import make_input, reference

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

OUTPUTS = {"output": "output.lindi.tar"}


def test_the_counts_are_those_of_the_original(run_job: RunJob, tiny_nwb: Path) -> None:
    expected = reference("multiscale_spike_density")

    job = run_job(
        "hello_neurosift", "multiscale_spike_density", tiny_nwb, OUTPUTS, units_path="units"
    )

    assert job.error is None
    output = open_lindi_tar(job.get_output("output").path())
    counts = output.array("spike_counts")
    assert output.names == ["spike_counts"]
    assert counts.shape == tuple(expected["shape"])
    assert counts.dtype == "<i4"
    assert [sum(column) for column in counts.columns()] == expected["col_sums"]
    assert max(counts.values) == expected["max"]
    filled = [number for number, row in enumerate(counts.rows()) if any(row)]
    assert filled[:20] == expected["first_nonzero_rows"]
    assert counts.attributes == expected["attrs"]


def test_many_bins_come_with_ever_coarser_ones(run_job: RunJob, tiny_nwb: Path) -> None:
    job = run_job(
        "hello_neurosift",
        "multiscale_spike_density",
        tiny_nwb,
        OUTPUTS,
        units_path="units",
        bin_size_msec=0.15,
    )

    assert job.error is None
    output = open_lindi_tar(job.get_output("output").path())
    assert output.names == ["spike_counts", "spike_counts_ds_3", "spike_counts_ds_9"]
    finest, coarser, coarsest = map(output.array, output.names)
    assert finest.shape[0] > 3 * 10_000
    assert coarser.shape == (finest.shape[0] // 3, 10)
    assert coarsest.shape == (coarser.shape[0] // 3, 10)
    rows = finest.rows()
    assert coarser.rows()[:100] == [
        [sum(unit) for unit in zip(*rows[start : start + 3], strict=True)]
        for start in range(0, 300, 3)
    ]
    assert coarsest.attributes["bin_size_sec"] == pytest.approx(9 * 0.00015)


def test_units_without_a_spike_are_refused(
    run_job: RunJob, python_of: PythonOf, tmp_path: Path
) -> None:
    file = tmp_path / "units.nwb"
    make_input(python_of("hello_neurosift"), "units", file, json.dumps([[], [float("nan")]]))

    job = run_job("hello_neurosift", "multiscale_spike_density", file, OUTPUTS, units_path="units")

    assert "None of the 2 units has a spike" in (job.error or "")
