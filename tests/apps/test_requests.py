"""What the apps for sorting and embedding say of themselves, and what Neurosift asks them for."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.apps.conftest import APPS, PythonOf

pytestmark = [pytest.mark.process, pytest.mark.timeout(1200)]

REQUESTS = {
    ("hello_neurosift", "prepare_ephys_spike_sorting_dataset"): {
        "electrical_series_path",
        "duration_sec",
        "electrode_indices",
        "freq_min",
        "freq_max",
        "compression_ratio",
        "output_electrical_series_name",
    },
    ("hello_neurosift", "mountainsort5"): {
        "electrical_series_path",
        "output_units_name",
        "detect_threshold",
        "channel_radius",
    },
    ("hello_neurosift", "spike_sorting_post_processing"): {"electrical_series_path", "units_path"},
    ("hello_rastermap", "rastermap"): {
        "units_path",
        "n_clusters",
        "n_PCs",
        "locality",
        "grid_upsample",
    },
    ("hello_cebra", "cebra_nwb_embedding_6"): {
        "max_iterations",
        "batch_size",
        "bin_size_msec",
        "output_dimensions",
        "units_path",
    },
    ("hello_cebra", "cebra_nwb_embedding_5"): set(),
    ("hello_kilosort4", "kilosort4"): {"electrical_series_path", "output_units_name"},
    ("hello_mountainsort5", "mountainsort5_1"): {
        "electrical_series_path",
        "segment_start_time_sec",
        "segment_duration_sec",
    },
}
"""The parameters in the jobs that are submitted to each processor."""


@pytest.mark.parametrize(
    "app", ["hello_rastermap", "hello_mountainsort5", "hello_cebra", "hello_kilosort4"]
)
def test_the_spec_file_is_what_the_app_says(app: str, python_of: PythonOf, tmp_path: Path) -> None:
    spec_file = tmp_path / "spec.json"

    subprocess.run(
        [python_of(app), APPS / app / "main.py"],
        env={**os.environ, "PYTHONPATH": str(APPS.parent), "SPEC_OUTPUT_FILE": str(spec_file)},
        check=True,
    )

    assert spec_file.read_bytes() == (APPS / app / "spec.json").read_bytes()


@pytest.mark.parametrize(("app", "processor"), REQUESTS)
def test_a_request_is_understood(app: str, processor: str) -> None:
    spec = json.loads((APPS / app / "spec.json").read_text())
    found: dict[str, Any] = {each["name"]: each for each in spec["processors"]}[processor]
    given = REQUESTS[app, processor]

    known = {parameter["name"] for parameter in found["parameters"]}
    required = {each["name"] for each in found["parameters"] if "defaultValue" not in each}

    assert [each["name"] for each in found["inputs"]] == ["input"]
    assert [each["name"] for each in found["outputs"]] == ["output"]
    assert required <= given <= known


@pytest.mark.parametrize("folder", sorted(APPS.iterdir()), ids=lambda folder: folder.name)
def test_what_an_app_shares_with_another_is_there_in_its_own_folder(folder: Path) -> None:
    for file in folder.iterdir():
        assert file.exists(), f"{file} leads nowhere"
        if file.is_symlink():
            assert file.resolve().parent.parent == APPS
