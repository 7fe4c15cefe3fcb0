"""Definitions as a script writes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)

RESOURCES = DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60)

Submitter = Callable[..., DendroJob]


@pytest.fixture
def submit(store_folder: Path) -> Submitter:
    """Submit a processor of hello_world: ``submit('hello_world_2', name='Ada')``."""

    def send(
        processor: str,
        *,
        inputs: list[DendroJobInputFile] | None = None,
        outputs: list[DendroJobOutputFile] | None = None,
        more: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> DendroJob:
        if outputs is None and processor != "hello_world_1":
            outputs = [DendroJobOutputFile(name="output", fileBaseName="output.txt")]
        return submit_job(
            service_name="hello_world_service",
            job_definition=DendroJobDefinition(
                appName="hello_world",
                processorName=processor,
                inputFiles=inputs or [],
                outputFiles=outputs or [],
                parameters=[
                    DendroJobParameter(name=name, value=value) for name, value in parameters.items()
                ],
            ),
            required_resources=RESOURCES,
            **(more or {}),
        )

    return send
