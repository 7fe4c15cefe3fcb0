"""Outputs that are the input with something added: where the bytes of the input are then."""

from pathlib import Path

import pytest

from dendro_local import DendroJob
from tests.apps.conftest import RunJob
from tests.apps.lindi_tar import open_lindi_tar
from tests.apps.web_files import WebFiles

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

RAW = "acquisition/ElectricalSeries/data"


def prepare(run_job: RunJob, input: Path | str) -> DendroJob:
    job = run_job(
        "hello_neurosift",
        "prepare_ephys_spike_sorting_dataset",
        input,
        {"output": "pre.nwb.lindi.tar"},
        electrical_series_path="acquisition/ElectricalSeries",
        duration_sec=1.5,
        electrode_indices=[3, 1],
        freq_min=300,
        freq_max=6000,
        compression_ratio=0,
        output_electrical_series_name="pre",
    )
    assert job.error is None
    return job


def test_what_is_on_the_web_is_named_by_its_url_and_not_copied(
    run_job: RunJob, web_files: WebFiles, small_nwb: Path
) -> None:
    url = web_files.add(small_nwb)

    job = prepare(run_job, url)

    output = open_lindi_tar(job.get_output("output").path())
    assert {output.place(f"{RAW}/{number}.0")[0] for number in range(60)} == {url}
    assert output.place("acquisition/pre/data/1.0")[0].startswith("./")
    size = small_nwb.stat().st_size
    assert (job.get_output("output").size or 0) < size / 30
    assert web_files.bytes_sent < size / 4


def test_what_is_on_this_machine_is_copied_so_that_others_can_read_it(
    run_job: RunJob, tiny_nwb: Path
) -> None:
    job = prepare(run_job, tiny_nwb)

    output = open_lindi_tar(job.get_output("output").path())
    places = {output.place(f"{RAW}/{number}.0")[0] for number in range(5)}
    assert all(place.startswith("./") for place in places)
    assert b"file://" not in job.get_output("output").read_bytes()
    assert str(tiny_nwb).encode() not in job.get_output("output").read_bytes()
