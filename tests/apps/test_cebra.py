"""``cebra_nwb_embedding_6`` and ``_5``: what a population does, in some dimensions over time."""

import math
from pathlib import Path

import pytest

from tests.apps.conftest import RunJob
from tests.apps.nwb_outputs import NwbOutput, ReadNwb, sorting_reference

pytestmark = [pytest.mark.process, pytest.mark.timeout(1200)]

EXPECTED = sorting_reference("cebra")
EMBEDDING = "processing/CEBRA/embedding"


def assert_rows_have_length_1(rows: list[list[float]]) -> None:
    for row in rows:
        assert math.hypot(*row) == pytest.approx(EXPECTED["embedding_6"]["row_norm"], abs=1e-5)


def test_the_file_with_the_embedding_is_good_nwb(
    run_job: RunJob, tiny_nwb: Path, read_nwb: ReadNwb
) -> None:
    job = run_job(
        "hello_cebra",
        "cebra_nwb_embedding_6",
        tiny_nwb,
        {"output": "output.nwb.lindi.tar"},
        max_iterations=30,
    )

    assert job.error is None
    expected = EXPECTED["embedding_6"]
    arrays = (EMBEDDING, f"{EMBEDDING}/data", f"{EMBEDDING}/starting_time")
    output: NwbOutput = read_nwb(job.get_output("output").path(), *arrays, validate=True)
    assert (output.errors, output.remarks) == ([], [])
    assert output.shape(f"{EMBEDDING}/data") == [249, expected["data_shape"][1]]
    assert output.dtype(f"{EMBEDDING}/data") == expected["dtype"]
    assert_rows_have_length_1(output.values(f"{EMBEDDING}/data"))
    assert output.attributes(EMBEDDING)["neurodata_type"] == expected["nwb_type"]
    assert f"dendro:{job.jobId}" in output.attributes(EMBEDDING)["description"]
    assert output.attributes(f"{EMBEDDING}/data")["unit"] == expected["unit"]
    assert float(output.attributes(f"{EMBEDDING}/starting_time")["rate"]) == expected["rate"]
    assert output.values(f"{EMBEDDING}/starting_time") == expected["starting_time"]
    assert "Iteration 30 of 30" in job.console()
    assert [file.name for file in job.otherFileOutputs] == ["embedding.png"]


def test_the_losses_are_those_of_the_original(
    run_job: RunJob, small_nwb: Path, read_nwb: ReadNwb
) -> None:
    job = run_job(
        "hello_cebra",
        "cebra_nwb_embedding_5",
        small_nwb,
        {"output": "cebra.lindi.tar"},
        max_iterations=100,
    )

    assert job.error is None
    expected = EXPECTED["embedding_5"]
    output: NwbOutput = read_nwb(job.get_output("output").path(), "/", "embedding", "loss")
    losses = output.values("loss")
    assert output.shape("embedding") == expected["embedding_shape"]
    assert_rows_have_length_1(output.values("embedding"))
    assert len(losses) == 100
    assert 6.75 <= losses[0] <= 7.0
    assert 6.0 <= sum(losses[-10:]) / 10 <= 6.3
    assert sorted(output.attributes("/")) == expected["attrs"]
    assert output.attributes("/")["num_bins"] == str(expected["num_bins"])
    assert float(output.attributes("/")["end_time_sec"]) == pytest.approx(
        expected["end_time_sec"], abs=1e-4
    )


def test_settings_that_cannot_be_are_refused_before_anything_is_trained(
    run_job: RunJob, tiny_nwb: Path
) -> None:
    job = run_job(
        "hello_cebra",
        "cebra_nwb_embedding_5",
        tiny_nwb,
        {"output": "cebra.lindi.tar"},
        bin_size_msec=0,
    )

    assert job.status == "failed"
    assert "bin_size_msec is 0, and must be more than 0" in (job.error or "")
