"""How busy the GPUs of this machine are, as ``nvidia-smi`` tells."""

import contextlib
import csv
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dendro_local.compute.usage_log import GpuUse

__all__ = ["Gpu", "GpuMeter", "gpu_use"]

QUERY = "index,uuid,utilization.gpu,memory.used"
MIB = 1 << 20

ANSWER_SEC = 5.0
"""How long an answer may take."""


class Gpu(NamedTuple):
    """How busy a GPU is, from 0 to 1, and the bytes of its memory that are in use."""

    load: float
    memory_bytes: int


class GpuMeter:
    """How busy GPUs are, as ``nvidia-smi`` tells. Asks no more once it does not answer."""

    def __init__(self) -> None:
        self._command = shutil.which("nvidia-smi")

    def read(self) -> Mapping[str, Gpu]:
        """Every GPU, by its number and by its UUID; nothing where there is nobody to tell."""
        if self._command is None:
            return {}
        try:
            answer = subprocess.run(
                [self._command, f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"],
                capture_output=True,
                text=True,
                timeout=ANSWER_SEC,
                check=True,
            ).stdout
        except (OSError, subprocess.SubprocessError):
            self._command = None
            return {}
        found: dict[str, Gpu] = {}
        for row in csv.reader(answer.splitlines(), skipinitialspace=True):
            with contextlib.suppress(ValueError):  # "[N/A]" where a GPU does not tell
                number, uuid, load, memory_mib = row
                gpu = Gpu(load=float(load) / 100, memory_bytes=int(memory_mib) * MIB)
                found[number] = found[uuid] = gpu
        return found


def gpu_use(ids: Sequence[str], gpus: Mapping[str, Gpu]) -> GpuUse | None:
    """How busy the GPUs of a job are; None if it has none of which that is known."""
    known = [gpus[each] for each in ids if each in gpus]
    if not known:
        return None
    return GpuUse(loads=[gpu.load for gpu in known], memoryUsed=[gpu.memory_bytes for gpu in known])
