"""The first 10 s of a video, as a browser plays it.

    python avi_to_mp4.py [FILE-OR-URL]

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

TINY = Path(__file__).resolve().parents[2] / "tests" / "data" / "film_tiny.avi"

service_name = os.getenv("DENDRO_SERVICE_NAME", "hello_world_service")


def main(place: str) -> None:
    is_on_the_web = place.startswith(("http://", "https://"))
    given = {"url": place} if is_on_the_web else {"path": place}
    job = submit_job(
        service_name=service_name,
        job_definition=DendroJobDefinition(
            appName="hello_neurosift",
            processorName="avi_to_mp4",
            inputFiles=[DendroJobInputFile(name="input", **given)],
            outputFiles=[
                DendroJobOutputFile(name="output", fileBaseName="output.mp4"),
                DendroJobOutputFile(name="info", fileBaseName="info.json"),
            ],
            parameters=[
                DendroJobParameter(name="duration_sec", value=10),
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
    print(job.get_output("info").json())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("place", metavar="FILE-OR-URL", nargs="?", default=str(TINY))
    main(**vars(parser.parse_args()))
