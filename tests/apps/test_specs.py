"""What the apps say of themselves, which is what Neurosift's requests are checked against."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.apps.conftest import APPS, PythonOf

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

ASKED_FOR = {
    "units_summary_1": (
        {"output"},
        {"units_path", "correlogram_window_size_msec", "correlogram_bin_size_msec"},
    ),
    "ephys_summary_1": (
        {"output"},
        {"electrical_series_path", "segment_start_time_sec", "segment_duration_sec"},
    ),
    "avi_to_mp4": ({"output", "info"}, {"duration_sec"}),
    "image_series_to_mp4": ({"output"}, {"image_series_path", "duration_sec"}),
    "multiscale_spike_density": ({"output"}, {"units_path", "bin_size_msec"}),
}
"""Outputs and parameters in the jobs that Neurosift submits to hello_neurosift."""


def processors(app: str) -> dict[str, Any]:
    spec = json.loads((APPS / app / "spec.json").read_text())
    return {processor["name"]: processor for processor in spec["processors"]}


@pytest.mark.parametrize("app", ["hello_neurosift", "hello_video"])
def test_the_spec_file_is_what_the_app_says(app: str, python_of: PythonOf, tmp_path: Path) -> None:
    spec_file = tmp_path / "spec.json"

    subprocess.run(
        [python_of(app), APPS / app / "main.py"],
        env={**os.environ, "PYTHONPATH": str(APPS.parent), "SPEC_OUTPUT_FILE": str(spec_file)},
        check=True,
    )

    assert spec_file.read_bytes() == (APPS / app / "spec.json").read_bytes()


@pytest.mark.parametrize("name", ASKED_FOR)
def test_neurosift_finds_what_it_asks_for(name: str) -> None:
    outputs, parameters = ASKED_FOR[name]

    found = processors("hello_neurosift")[name]

    assert [each["name"] for each in found["inputs"]] == ["input"]
    assert {each["name"] for each in found["outputs"]} == outputs
    assert {each["name"] for each in found["parameters"]} == parameters


@pytest.mark.parametrize("name", ["avi_to_mp4", "image_series_to_mp4"])
def test_hello_video_has_the_processors_of_hello_neurosift(name: str) -> None:
    ours, theirs = processors("hello_video")[name], processors("hello_neurosift")[name]

    for part in ("description", "inputs", "outputs", "parameters"):
        assert ours[part] == theirs[part]


def test_the_duration_of_an_avi_is_text_as_in_the_original() -> None:
    (duration,) = processors("hello_neurosift")["avi_to_mp4"]["parameters"]

    assert duration["type"] == "str"
