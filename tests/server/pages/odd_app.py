"""An app of which nothing runs: its processors take whatever a test wants to see in a form."""

from typing import Any

import msgspec

from dendro_local.local_hub import LocalHub
from dendro_local.model import (
    ProcessorInput,
    ProcessorOutput,
    ProcessorParameter,
    ProcessorSpecification,
)
from tests.server.conftest import SERVICE

__all__ = ["APP", "parameter", "processor", "register"]

APP = "odd_app"


def parameter(name: str, type_: str = "str", **more: Any) -> ProcessorParameter:
    """A parameter: ``parameter('sigma', 'float', defaultValue=3.0, options=[3.0, 5.0])``."""
    return ProcessorParameter(name=name, type=type_, description=f"What {name} is", **more)


def processor(
    *parameters: ProcessorParameter,
    name: str = "odd",
    inputs: tuple[str, ...] = (),
    lists: tuple[str, ...] = (),
    outputs: tuple[str, ...] = ("output",),
) -> ProcessorSpecification:
    """A processor; ``lists`` are inputs of any number of files."""
    return ProcessorSpecification(
        name=name,
        description="It takes what is odd.",
        label=name,
        image="",
        executable="",
        inputs=[
            *[ProcessorInput(name=each, description=f"File {each}") for each in inputs],
            *[ProcessorInput(name=each, description=f"Files {each}", list=True) for each in lists],
        ],
        outputs=[ProcessorOutput(name=each, description=f"File {each}") for each in outputs],
        parameters=list(parameters),
        attributes=[],
    )


def register(hub: LocalHub, *processors: ProcessorSpecification) -> None:
    """Have the hub know the app with these processors."""
    [known] = hub.apps(service=SERVICE, name="hello_world")
    record = known.record
    specification = msgspec.structs.replace(
        record.appSpecification, name=APP, processors=list(processors)
    )
    app = msgspec.structs.replace(
        known,
        record=msgspec.structs.replace(record, appName=APP, appSpecification=specification),
    )
    with hub.store.transaction():
        hub.store.services.put_app(app)
