"""Where the code of an app is, and whether a compute client can run it from there."""

from dendro_local.model import ProcessorSpecification
from dendro_local.store import RegisteredApp

__all__ = ["lacking", "processor_of"]


def processor_of(app: RegisteredApp, name: str) -> ProcessorSpecification | None:
    """The processor of this name in an app's spec."""
    processors = app.record.appSpecification.processors
    return next((each for each in processors if each.name == name), None)


def lacking(app: RegisteredApp, processor_name: str, runtime: str) -> str | None:
    """What is missing for a processor to be run, in words that say what to do; None if nothing.

    Args:
        app: the processor's.
        processor_name: what to run.
        runtime: ``process``, or the engine in whose containers apps are run.
    """
    name = app.record.appName
    processor = processor_of(app, processor_name)
    image = "" if processor is None else processor.image
    if runtime != "process":
        if image:
            return None
        return (
            f"Apps are run in containers ({runtime}), and processor {processor_name!r} of app "
            f"{name!r} names no image. Give it one with `image=...` in the app's code, or run "
            "`dendro-local work` without --container."
        )
    if app.source is not None:
        return None
    alone = (
        f"App {name!r} was registered by its spec alone, so its code is not here. "
        "`dendro-local apps add FOLDER` registers a folder that has it"
    )
    if not image:
        return f"{alone}."
    return (
        f"{alone}; `dendro-local work --container docker` (or podman, ...) runs its image {image}."
    )
