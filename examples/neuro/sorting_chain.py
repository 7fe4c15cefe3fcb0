"""A recording is looked at, prepared and sorted, and the units are measured: four jobs.

    python sorting_chain.py [FILE-OR-URL [PATH-IN-THE-FILE [NUMBER-OF-CHANNELS]]]

All four are submitted at once; a job waits for those whose outputs it takes. The app comes with
dendro-local; its first job builds its environment.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)

TINY = Path(__file__).resolve().parents[2] / "tests" / "data" / "ephys_tiny.nwb"
RESOURCES = DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=8, timeSec=86400)

service_name = os.getenv("DENDRO_SERVICE_NAME", "hello_world_service")


def submit(
    processor: str, input_file: DendroJobInputFile, file_name: str, **parameters: Any
) -> DendroJob:
    """A job of hello_neurosift with one output, which is called so."""
    return submit_job(
        service_name=service_name,
        job_definition=DendroJobDefinition(
            appName="hello_neurosift",
            processorName=processor,
            inputFiles=[input_file],
            outputFiles=[DendroJobOutputFile(name="output", fileBaseName=file_name)],
            parameters=[
                DendroJobParameter(name=name, value=value) for name, value in parameters.items()
            ],
        ),
        required_resources=RESOURCES,
        tags=["example", "sorting chain"],
        rerun_failing=True,
    )


def submit_chain(
    place: str, electrical_series_path: str, num_channels: int
) -> dict[str, DendroJob]:
    """The four jobs, by what they do, in the order in which they run."""
    is_on_the_web = place.startswith(("http://", "https://"))
    given = {"url": place} if is_on_the_web else {"path": place}
    recording = DendroJobInputFile(name="input", **given)
    summary = submit(
        "ephys_summary_1",
        recording,
        "ephys_summary.lindi.tar",
        electrical_series_path=electrical_series_path,
        segment_start_time_sec=0,
        segment_duration_sec=60,
    )
    prepared = submit(
        "prepare_ephys_spike_sorting_dataset",
        recording,
        "pre.nwb.lindi.tar",
        electrical_series_path=electrical_series_path,
        duration_sec=0,
        electrode_indices=list(range(num_channels)),
        freq_min=300,
        freq_max=6000,
        compression_ratio=7,
        output_electrical_series_name="ElectricalSeries_pre",
    )
    sorted_units = submit(
        "mountainsort5",
        DendroJobInputFile(name="input", url=prepared.get_output("output")),
        "output.nwb.lindi.tar",
        electrical_series_path="acquisition/ElectricalSeries_pre",
        output_units_name="units_ms5",
        detect_threshold=5.5,
        channel_radius=100,
    )
    measured = submit(
        "spike_sorting_post_processing",
        DendroJobInputFile(name="input", url=sorted_units.get_output("output")),
        "post.nwb.lindi.tar",
        electrical_series_path="acquisition/ElectricalSeries_pre",
        units_path="processing/ecephys/units_ms5",
    )
    return {"summary": summary, "prepare": prepared, "sort": sorted_units, "measure": measured}


def main(place: str, electrical_series_path: str, num_channels: int) -> int:
    jobs = submit_chain(place, electrical_series_path, num_channels)
    for job in jobs.values():
        job.wait_until_done()

    print(f"\n{'step':<10} {'job':<20} {'status':<10} output")
    for step, job in jobs.items():
        is_there = job.status == "completed"
        place = str(job.get_output("output").path()) if is_there else str(job.error)
        print(f"{step:<10} {job.jobId:<20} {job.status:<10} {place}")
    return 0 if all(job.status == "completed" for job in jobs.values()) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("place", metavar="FILE-OR-URL", nargs="?", default=str(TINY))
    parser.add_argument(
        "electrical_series_path",
        metavar="PATH-IN-THE-FILE",
        nargs="?",
        default="acquisition/ElectricalSeries",
    )
    parser.add_argument(
        "num_channels", metavar="NUMBER-OF-CHANNELS", nargs="?", type=int, default=16
    )
    sys.exit(main(**vars(parser.parse_args())))
