"""``kilosort4`` can be installed with what it needs, and is asked as it wants to be.

It is not run here: without a GPU, seconds of recording take it minutes.
"""

import subprocess
from pathlib import Path

import pytest

from tests.apps.conftest import APPS, PythonOf, RunJob

pytestmark = [pytest.mark.process, pytest.mark.timeout(1200)]

TRY = """
import inspect, json, sys
from types import SimpleNamespace
sys.path[:0] = sys.argv[1:]
import kilosort, numpy, sort_kilosort4

asked = {}
signature = inspect.signature(kilosort.run_kilosort)

def run_kilosort(*args, **options):
    asked.update(signature.bind(*args, **options).arguments)
    spikes = numpy.array([[40, 0, 0], [10, 0, 1], [30, 0, 0], [99_999, 0, 1]])
    return None, spikes, numpy.array([0, 2, 0, 2])

kilosort.run_kilosort = run_kilosort
places = numpy.array([[0.0, 0.0], [0.0, 40.0]])
traces = SimpleNamespace(
    file_name="traces", num_frames=30_000, sampling_rate_hz=30_000.0,
    channels=SimpleNamespace(ids=["a", "b"], locations_um=places),
    array=lambda: numpy.full((30_000, 2), 1e-5, dtype=numpy.float32),
)
trains = sort_kilosort4.sort_by_kilosort4(traces)
data = asked["file_object"]
assert data.shape == (30_000, 2)
assert abs(float(data[3:5][0, 0]) - 10) < 0.01
assert asked["probe"]["yc"].tolist() == [0.0, 40.0]
print(json.dumps([train.tolist() for train in trains]))
"""


def test_kilosort_is_asked_as_it_wants_to_be_and_its_units_are_understood(
    python_of: PythonOf,
) -> None:
    folders = (APPS.parent, APPS / "hello_kilosort4")

    finished = subprocess.run(
        [python_of("hello_kilosort4"), "-c", TRY, *folders],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    warning, found, trains = finished.stdout.splitlines()
    assert "there is no GPU" in warning
    assert found == "Found 2 units with 3 spikes"
    assert trains == "[[30, 40], [10]]"


def test_a_recording_that_is_not_there_is_told_with_those_that_are(
    run_job: RunJob, tiny_nwb: Path
) -> None:
    job = run_job(
        "hello_kilosort4",
        "kilosort4",
        tiny_nwb,
        {"output": "output.nwb.lindi.tar"},
        electrical_series_path="acquisition/other",
        output_units_name="units_ks4",
    )

    assert job.status == "failed"
    assert "acquisition/ElectricalSeries" in (job.error or "")
