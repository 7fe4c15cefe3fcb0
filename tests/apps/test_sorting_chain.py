"""Preparing a recording, sorting it, and measuring the units: each on the output of the last."""

from pathlib import Path
from typing import NamedTuple

import pytest

from dendro_local import DendroJob
from tests.apps.conftest import RunJob
from tests.apps.nwb_outputs import NwbOutput, ReadNwb, accuracies

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

RAW = "acquisition/ElectricalSeries"
PREPARED = "acquisition/pre"
UNITS = "processing/ecephys/units_ms5"
ELECTRODES = [index for index in range(16) if index != 7]


class Chain(NamedTuple):
    prepared: DendroJob
    sorted: DendroJob
    measured: DendroJob


def run_chain(run_job: RunJob, recording: Path) -> Chain:
    prepared = run_job(
        "hello_neurosift",
        "prepare_ephys_spike_sorting_dataset",
        recording,
        {"output": "pre.nwb.lindi.tar"},
        electrical_series_path=RAW,
        duration_sec=4.5,
        electrode_indices=ELECTRODES,
        freq_min=300,
        freq_max=6000,
        compression_ratio=12,
        output_electrical_series_name="pre",
    )
    units = run_job(
        "hello_neurosift",
        "mountainsort5",
        prepared.get_output("output"),
        {"output": "output.nwb.lindi.tar"},
        electrical_series_path=PREPARED,
        output_units_name="units_ms5",
        detect_threshold=5.5,
        channel_radius=100,
    )
    measured = run_job(
        "hello_neurosift",
        "spike_sorting_post_processing",
        units.get_output("output"),
        {"output": "post.nwb.lindi.tar"},
        electrical_series_path=PREPARED,
        units_path=UNITS,
    )
    assert [each.error for each in (prepared, units, measured)] == [None] * 3
    return Chain(prepared, units, measured)


@pytest.fixture
def chain(run_job: RunJob, tiny_nwb: Path) -> Chain:
    return run_chain(run_job, tiny_nwb)


def test_the_last_file_is_good_nwb_that_has_what_each_step_gave(
    chain: Chain, tiny_nwb: Path, read_nwb: ReadNwb
) -> None:
    columns = ["waveform_mean", "acg", "acg_bin_edges", "x", "y", "peak_channel", "snr"]
    output: NwbOutput = read_nwb(
        chain.measured.get_output("output").path(),
        f"{PREPARED}/data",
        f"{PREPARED}/electrodes",
        *(f"{UNITS}/{name}" for name in ("spike_times", "spike_times_index", *columns)),
        "units/spike_times",
        "units/spike_times_index",
        validate=True,
    )

    assert (output.errors, output.remarks) == ([], [])
    assert output.nwb_version == "2.7.0"
    assert output.shape(f"{PREPARED}/data") == [135_000, 15]
    assert output.values(f"{PREPARED}/electrodes") == ELECTRODES
    # Without its best channel, unit 1 may not be found.
    best = accuracies(output.spike_trains_sec("units"), output.spike_trains_sec(UNITS))
    assert sum(each > 0.8 for each in best) >= 6
    num_units = len(output.values(f"{UNITS}/spike_times_index"))
    assert output.shape(f"{UNITS}/waveform_mean") == [num_units, 90, 15]
    assert output.shape(f"{UNITS}/acg") == [num_units, 50]
    assert output.shape(f"{UNITS}/acg_bin_edges") == [num_units, 51]
    assert "CH7" not in output.values(f"{UNITS}/peak_channel")
    assert min(output.values(f"{UNITS}/snr")) > 4


def test_the_traces_are_filtered_and_in_volts_and_packed_as_asked(
    chain: Chain, read_nwb: ReadNwb
) -> None:
    output: NwbOutput = read_nwb(
        chain.prepared.get_output("output").path(), f"{PREPARED}/data", f"{PREPARED}/starting_time"
    )

    smallest, means = output.smallest_and_means(f"{PREPARED}/data")
    assert smallest < -100  # the peaks of unit 5, in counts
    assert max(map(abs, means)) < 0.01
    assert output.attributes(f"{PREPARED}/data")["conversion"] == "2.34375e-06"
    assert output.attributes(f"{PREPARED}/data")["unit"] == "volts"
    assert output.attributes(f"{PREPARED}/starting_time")["rate"] == "30000.0"
    (line,) = [line for line in chain.prepared.console().splitlines() if "packed into" in line]
    unpacked_mb, packed_mb = float(line.split()[0]), float(line.split()[-2])
    assert 9 < unpacked_mb / packed_mb < 13


def test_each_output_says_which_job_it_is_from(chain: Chain, read_nwb: ReadNwb) -> None:
    output: NwbOutput = read_nwb(chain.measured.get_output("output").path(), PREPARED, UNITS)

    assert f"dendro:{chain.prepared.jobId}" in output.attributes(PREPARED)["description"]
    assert f"dendro:{chain.sorted.jobId}" in output.attributes(UNITS)["description"]


def test_the_chain_is_found_when_it_is_asked_for_again(
    chain: Chain, run_job: RunJob, tiny_nwb: Path
) -> None:
    again = run_chain(run_job, tiny_nwb)

    assert [job.jobId for job in again] == [job.jobId for job in chain]


def test_each_step_draws_what_it_found(chain: Chain) -> None:
    names = [[file.name for file in job.otherFileOutputs] for job in chain]

    assert names == [["traces.png"], ["waveforms.png"], ["units.png"]]


def test_the_steps_tell_how_far_they_are(chain: Chain) -> None:
    assert "Filtered 4.5 of 4.5 s" in chain.prepared.console()
    assert "Read 4.5 of 4.5 s" in chain.sorted.console()
    assert "Computing unit locations: 5 of 5" in chain.measured.console()


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ([0, 16, 15, 17], "The recording has channels 0 to 15, and not 16, 17."),
        ([2, 3, 2], "Each channel may be chosen once, and not so 2."),
        ([], "No channel is chosen of the 16 of the recording."),
    ],
)
def test_channels_that_cannot_be_chosen_are_named(
    run_job: RunJob, tiny_nwb: Path, chosen: list[int], words: str
) -> None:
    job = run_job(
        "hello_neurosift",
        "prepare_ephys_spike_sorting_dataset",
        tiny_nwb,
        {"output": "pre.nwb.lindi.tar"},
        electrical_series_path="acquisition/ElectricalSeries",
        duration_sec=0,
        electrode_indices=chosen,
        freq_min=300,
        freq_max=6000,
        compression_ratio=0,
        output_electrical_series_name="pre",
    )

    assert job.status == "failed"
    assert words in (job.error or "")
