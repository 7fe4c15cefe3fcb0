"""The client: submit jobs and follow them. Drop-in for the original's ``dendro.client``."""

from dendro_local.client.definitions import (
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
)
from dendro_local.client.handle import DendroJob, DendroJobOutput, get_job
from dendro_local.client.submitting import submit_job, submit_jobs

__all__ = [
    "DendroJob",
    "DendroJobDefinition",
    "DendroJobInputFile",
    "DendroJobOutput",
    "DendroJobOutputFile",
    "DendroJobParameter",
    "DendroJobRequiredResources",
    "get_job",
    "submit_job",
    "submit_jobs",
]
