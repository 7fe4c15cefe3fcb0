"""Firing rates and power spectra of the channels of an electrical series.

    python ephys_summary.py [FILE-OR-URL [PATH-IN-THE-FILE]]

The app comes with dendro-local; its first job builds its environment.
"""

import argparse
import os
from pathlib import Path

from dendro_local import (
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)

TINY = Path(__file__).resolve().parents[2] / "tests" / "data" / "ephys_tiny.nwb"

service_name = os.getenv("DENDRO_SERVICE_NAME", "hello_world_service")


def main(place: str, electrical_series_path: str) -> None:
    is_on_the_web = place.startswith(("http://", "https://"))
    given = {"url": place} if is_on_the_web else {"path": place}
    job = submit_job(
        service_name=service_name,
        job_definition=DendroJobDefinition(
            appName="hello_neurosift",
            processorName="ephys_summary_1",
            inputFiles=[DendroJobInputFile(name="input", **given)],
            outputFiles=[
                DendroJobOutputFile(name="output", fileBaseName="ephys_summary.lindi.tar"),
            ],
            parameters=[
                DendroJobParameter(name="electrical_series_path", value=electrical_series_path),
                DendroJobParameter(name="segment_start_time_sec", value=0),
                DendroJobParameter(name="segment_duration_sec", value=60),
            ],
        ),
        required_resources=DendroJobRequiredResources(
            numCpus=1, numGpus=0, memoryGb=4, timeSec=3600
        ),
        tags=["example"],
        rerun_failing=True,
    )
    job.wait_until_done()
    print(job.console())
    print(job.get_output("output").path())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("place", metavar="FILE-OR-URL", nargs="?", default=str(TINY))
    parser.add_argument(
        "electrical_series_path",
        metavar="PATH-IN-THE-FILE",
        nargs="?",
        default="acquisition/ElectricalSeries",
    )
    main(**vars(parser.parse_args()))
