"""The command lines of Apptainer and of Singularity, which it comes from. Pure."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from dendro_local.compute.containers.container import Container, mount_options

__all__ = ["ApptainerCommands"]


class ApptainerCommands:
    """Those of the program of this name: ``apptainer`` or ``singularity``."""

    def __init__(self, program: str) -> None:
        self.program = program

    def version(self) -> list[str]:
        """Asks which version it is."""
        return [self.program, "--version"]

    def source(self, image: str) -> str:
        """Where an image is pulled from; a path if it is a file of this machine."""
        if image.startswith("/") or "://" in image:
            return image
        return f"docker://{image}"  # specs name images as Docker does

    def file_name(self, source: str) -> str:
        """The name of the file that keeps an image which was pulled."""
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", source.partition("://")[2])[:80]
        return f"{readable}-{hashlib.sha256(source.encode()).hexdigest()[:12]}.sif"

    def pull(self, source: str, file: Path) -> list[str]:
        """Fetches an image into a file."""
        return [self.program, "pull", str(file), source]

    def run(self, container: Container) -> list[str]:
        """Runs a container until it has ended, with what it prints as what this prints.

        `environment` gives the environment with which. Memory is not limited by the engine, which
        often may not: what the app runs as are processes of this user, and kept within it as such.
        """
        return [
            *(self.program, "exec", "--cleanenv", "--contain"),
            # Else /tmp and the home directory would be in memory, and small.
            *("--workdir", str(container.temporary), "--home", str(container.temporary)),
            *(() if container.has_network else ("--net", "--network", "none")),
            *(("--nv",) if container.gpu_ids else ()),
            *mount_options(container.mounts),
            *("--pwd", str(container.work)),
            container.image,
            *container.command,
        ]

    def environment(self, container: Container) -> dict[str, str]:
        """The variables by which the engine is told those of the container.

        Not by options, which would stand in a command line and take no commas.
        """
        variables: Mapping[str, str] = {**container.environment, **container.secrets}
        prefix = f"{self.program.upper()}ENV_"
        found = {f"{prefix}{name}": _for_shell(value) for name, value in variables.items()}
        if "PYTHONPATH" in variables:
            found[f"{prefix}PYTHONPATH"] += "${PYTHONPATH:+:$PYTHONPATH}"  # the image's own
        return found


def _for_shell(value: str) -> str:
    """A value as a shell reads it between double quotes, which is what the engine has it do."""
    return re.sub(r"([\\$`])", r"\\\1", value)
