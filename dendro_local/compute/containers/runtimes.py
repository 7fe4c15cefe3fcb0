"""The runtimes that there are, by name."""

from pathlib import Path

from dendro_local.compute.process_runtime import ProcessRuntime
from dendro_local.compute.runtime import Runtime
from dendro_local.config import RUNTIME_NAMES, setting, store_folder
from dendro_local.errors import InvalidRequest

__all__ = ["configured_runtime", "runtime_named"]


def configured_runtime(chosen: str | None = None, *, is_eager: bool) -> Runtime:
    """The runtime that is chosen, else the one of the settings.

    Args:
        chosen: one of `RUNTIME_NAMES`.
        is_eager: see `ProcessRuntime`.

    Raises:
        InvalidRequest: the settings name one that there is not.
    """
    folder = store_folder()
    return runtime_named(chosen or setting("container", folder), folder, is_eager=is_eager)


def runtime_named(name: str, store_folder: Path, *, is_eager: bool) -> Runtime:
    """The runtime of a name.

    Args:
        name: one of `RUNTIME_NAMES`.
        store_folder: that of the store, in which images are kept whose engine does not.
        is_eager: see `ProcessRuntime`.

    Raises:
        InvalidRequest: there is none of this name.
    """
    if name == "process":
        return ProcessRuntime(is_eager=is_eager)
    # Only here what most compute clients do without.
    from dendro_local.compute.containers.apptainer_commands import ApptainerCommands
    from dendro_local.compute.containers.apptainer_engine import ApptainerEngine
    from dendro_local.compute.containers.container_runtime import ContainerRuntime
    from dendro_local.compute.containers.docker_commands import DockerCommands, PodmanCommands
    from dendro_local.compute.containers.docker_engine import DockerEngine

    match name:
        case "docker":
            return ContainerRuntime(DockerEngine(DockerCommands()))
        case "podman":
            return ContainerRuntime(DockerEngine(PodmanCommands()))
        case "apptainer" | "singularity":
            images = store_folder / "images"
            return ContainerRuntime(ApptainerEngine(ApptainerCommands(name), images))
        case _:
            raise InvalidRequest(
                f"There is no way to run apps called {name!r} (--container, CONTAINER_METHOD). "
                f"Give one of {', '.join(RUNTIME_NAMES)}."
            )
