"""The GPUs of this machine, and which job has which.

A job sees its GPUs alone, by ``CUDA_VISIBLE_DEVICES``; one that asked for none sees none.
"""

import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

__all__ = [
    "GpuPool",
    "gpu_environment",
    "machine_gpu_ids",
    "note_gpus",
    "noted_gpus",
]


class GpuPool:
    """The GPUs that no job has. Safe for use by many threads.

    Args:
        count: how many there are for jobs.
        ids: those of the machine, as CUDA names them; numbers are added if they are too few.
    """

    def __init__(self, count: int, ids: Sequence[str]) -> None:
        numbers = (str(number) for number in range(count + len(ids)))
        self._all = [*ids, *(number for number in numbers if number not in ids)][:count]
        self._free = list(self._all)
        self._lock = threading.Lock()

    def take(self, count: int) -> tuple[str, ...]:
        """Take GPUs for a job; fewer if there are not so many, which the caller sees to."""
        with self._lock:
            taken = tuple(self._free[:count])
            del self._free[: len(taken)]
            return taken

    def reserve(self, ids: Iterable[str]) -> None:
        """Note that a job which runs already has these GPUs."""
        with self._lock:
            taken = set(ids)
            self._free = [each for each in self._free if each not in taken]

    def give_back(self, ids: Iterable[str]) -> None:
        """A job has ended: its GPUs are free."""
        with self._lock:
            freed = {*self._free, *ids}
            self._free = [each for each in self._all if each in freed]


def machine_gpu_ids() -> list[str]:
    """The GPUs that this process may use, as CUDA names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        parts = (part.strip() for part in visible.split(","))
        return [part for part in parts if part not in ("", "-1")]
    folder = Path("/proc/driver/nvidia/gpus")
    return [str(number) for number, _ in enumerate(folder.iterdir())] if folder.is_dir() else []


def gpu_environment(ids: Sequence[str]) -> dict[str, str]:
    """The environment variables by which a job sees these GPUs and no others."""
    found = {"CUDA_VISIBLE_DEVICES": ",".join(ids)}
    if ids and not {"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"} & os.environ.keys():
        found["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # as nvidia-smi counts; CUDA: fastest first
    return found


def note_gpus(folder: Path, ids: Sequence[str]) -> None:
    """Note in a job's folder which GPUs it has, for whoever goes on with the job."""
    if ids:
        (folder / "gpus.json").write_bytes(msgspec.json.encode(ids))


def noted_gpus(folder: Path) -> tuple[str, ...]:
    """The GPUs of the job in this folder."""
    try:
        return msgspec.json.decode((folder / "gpus.json").read_bytes(), type=tuple[str, ...])
    except (OSError, ValueError):
        return ()
