"""A store with some of everything that the pages of a hub show."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import (
    Job,
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    ParameterValue,
    RequiredResources,
    ServiceUser,
)

__all__ = ["DemoJobs", "submit_demo_jobs"]

SERVICE = "lab"
APP = "recordings"
APP_FOLDER = Path(__file__).parent / "recordings"
RESOURCES = RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=600)

OUTPUTS = {"simulate": "recording.h5", "detect_spikes": "spikes.json", "fit_model": "losses.json"}
"""The name of the file that each processor gives."""


class DemoJobs(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs of the demo store that pages are shown of."""

    recording: Job
    spikes: Job
    other_spikes: Job
    """Of the same recording, by another threshold."""
    failed: Job
    """Its parameter makes no sense."""
    running: Job
    """It takes an hour, and prints a line each 0.2 s."""
    waiting: Job
    """It needs what the running one gives."""
    ended: list[Job]
    """Those that end soon, in the order in which they are submitted."""


def submit_demo_jobs(hub: LocalHub) -> DemoJobs:
    """Fill a fresh store, whose jobs a compute client has yet to run."""
    hub.add_app(str(APP_FOLDER), SERVICE)
    hub.set_service_users(
        SERVICE,
        [
            ServiceUser(userId="github|ada", admin=True, createJobs=True, processJobs=True),
            ServiceUser(userId="github|grace", admin=False, createJobs=True, processJobs=False),
        ],
    )
    recordings = [
        _submit(hub, "simulate", parameters={"num_units": 6, "seed": seed}, tags=[f"rat{seed}"])
        for seed in range(1, 5)
    ]
    spikes = [
        _submit(
            hub,
            "detect_spikes",
            inputs={"recording": recording},
            parameters={"threshold_uv": threshold},
            tags=[*recording.tags, "thresholds"],
        )
        for recording in recordings[:3]
        for threshold in (45.0, 60.0)
    ]
    failed = _submit(
        hub, "detect_spikes", inputs={"recording": recordings[3]}, parameters={"threshold_uv": -5.0}
    )
    running = _submit(
        hub, "fit_model", inputs={"spikes": spikes[0]}, parameters={"max_epochs": 18_000}
    )
    waiting = _submit(
        hub, "fit_model", inputs={"spikes": running}, parameters={}, tags=["second fit"]
    )
    return DemoJobs(
        recording=recordings[0],
        spikes=spikes[0],
        other_spikes=spikes[1],
        failed=failed,
        running=running,
        waiting=waiting,
        ended=[*recordings, *spikes, failed],
    )


def _submit(
    hub: LocalHub,
    processor: str,
    *,
    inputs: Mapping[str, Job] = {},
    parameters: Mapping[str, ParameterValue],
    tags: list[str] | None = None,
) -> Job:
    definition = JobDefinition(
        appName=APP,
        processorName=processor,
        inputFiles=[
            JobInputFile(
                name=name,
                fileBaseName=job.outputFileResults[0].fileBaseName,
                url=job.outputFileResults[0].url,
            )
            for name, job in inputs.items()
        ],
        outputFiles=[JobOutputFile(name="output", fileBaseName=OUTPUTS[processor])],
        parameters=[JobParameter(name=name, value=value) for name, value in parameters.items()],
    )
    request = NewJob(
        serviceName=SERVICE,
        jobDefinition=definition,
        requiredResources=RESOURCES,
        tags=tags or [],
    )
    return hub.submit([request])[0]
