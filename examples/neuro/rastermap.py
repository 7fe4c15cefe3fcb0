"""The order of units in which those that fire together are neighbours.

    python rastermap.py [FILE-OR-URL]

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


def main(place: str) -> None:
    is_on_the_web = place.startswith(("http://", "https://"))
    given = {"url": place} if is_on_the_web else {"path": place}
    job = submit_job(
        service_name=service_name,
        job_definition=DendroJobDefinition(
            appName="hello_rastermap",
            processorName="rastermap",
            inputFiles=[DendroJobInputFile(name="input", **given)],
            outputFiles=[DendroJobOutputFile(name="output", fileBaseName="output.json")],
            parameters=[
                DendroJobParameter(name="units_path", value="units"),
                DendroJobParameter(name="n_clusters", value=0),
                DendroJobParameter(name="n_PCs", value=8),
                DendroJobParameter(name="locality", value=0.0),
                DendroJobParameter(name="grid_upsample", value=10),
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
    print(job.get_output("output").json()["isort"])
    print(job.get_output("output").path())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("place", metavar="FILE-OR-URL", nargs="?", default=str(TINY))
    main(**vars(parser.parse_args()))
