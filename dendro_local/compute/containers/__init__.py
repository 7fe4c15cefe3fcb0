"""Running apps in containers of Docker, Podman, Apptainer or Singularity.

The container sees the job's folder at the same place as outside, and its inputs, read-only. The
SDK is mounted into it too, so that an image need not have it. How an engine is asked for that is
said by pure functions, in `docker_commands` and `apptainer_commands`.
"""

from dendro_local.compute.containers.runtimes import configured_runtime

__all__ = ["configured_runtime"]
