"""``rastermap``: the order of units in which those that fire together are neighbours."""

import json
from pathlib import Path

import pytest

from tests.apps.conftest import PythonOf, RunJob
from tests.apps.nwb_outputs import sorting_reference
from tests.apps.recordings import make_input

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

OUTPUT = {"output": "output.json"}
PARAMETERS = sorting_reference("rastermap")["params"]


def test_the_order_is_that_of_the_original_and_is_found_from_then_on(
    run_job: RunJob, tiny_nwb: Path
) -> None:
    job = run_job("hello_rastermap", "rastermap", tiny_nwb, OUTPUT, **PARAMETERS)
    again = run_job("hello_rastermap", "rastermap", tiny_nwb, OUTPUT, **PARAMETERS)

    assert job.get_output("output").json() == {
        "isort": sorting_reference("rastermap")["tiny_isort"]
    }
    assert "10 units, 386 spikes in 5.00 s: 49 bins of 100 ms" in job.console()
    assert [file.name for file in job.otherFileOutputs] == ["raster.png"]
    assert again.jobId == job.jobId


@pytest.fixture
def units(python_of: PythonOf, tmp_path: Path) -> Path:
    """Two units that fire now and then, and two that never do."""
    trains = [[], [0.3, 2.4], [], [0.3, 4.2]]
    file = tmp_path / "units.nwb"
    make_input(python_of("hello_rastermap"), "units", file, json.dumps(trains))
    return file


def test_units_that_never_fire_come_last(run_job: RunJob, units: Path) -> None:
    job = run_job("hello_rastermap", "rastermap", units, OUTPUT, **PARAMETERS)

    assert job.get_output("output").json() == {"isort": [1, 3, 0, 2]}


def test_more_units_than_it_sorts_without_clusters_are_refused_at_once(
    run_job: RunJob, python_of: PythonOf, tmp_path: Path
) -> None:
    file = tmp_path / "many.nwb"
    make_input(python_of("hello_rastermap"), "units", file, json.dumps([[1.0, 2.0]] * 201))

    job = run_job("hello_rastermap", "rastermap", file, OUTPUT, **PARAMETERS)

    assert job.status == "failed"
    assert "at most 200 units can be sorted, and there are 201" in (job.error or "")
