"""Which build of Torch suits the machine: the one for CPUs, or one for NVIDIA's GPUs."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from dendro_local.errors import InvalidRequest

__all__ = ["TorchVariant", "has_nvidia_driver", "torch_variant"]

TorchVariant = Literal["cpu", "cuda"]

VARIABLE = "DENDRO_TORCH"


def torch_variant(environ: Mapping[str, str]) -> TorchVariant:
    """The build of Torch for this machine, or the one that ``DENDRO_TORCH`` asks for.

    Raises:
        InvalidRequest: ``DENDRO_TORCH`` asks for something else.
    """
    asked = environ.get(VARIABLE) or "auto"
    if asked == "auto":
        return "cuda" if has_nvidia_driver(environ) else "cpu"
    if asked in ("cpu", "cuda"):
        return "cpu" if asked == "cpu" else "cuda"
    raise InvalidRequest(f"{VARIABLE} is {asked!r}. It must be auto, cpu or cuda.")


def has_nvidia_driver(environ: Mapping[str, str]) -> bool:
    """Whether this machine has a driver for NVIDIA's GPUs."""
    if Path("/proc/driver/nvidia/version").exists():
        return True
    return shutil.which("nvidia-smi", path=environ.get("PATH", "")) is not None
