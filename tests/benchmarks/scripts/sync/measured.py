"""What a part of a process took: seconds, CPU time, and the most memory of the process so far."""

import json
import resource
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["measured", "peak_mb", "told"]


@contextmanager
def measured() -> Generator[dict[str, float]]:
    """A block that is measured; the figures are there at its end."""
    found: dict[str, float] = {}
    cpu_before, begun = time.process_time(), time.perf_counter()
    yield found
    found["seconds"] = time.perf_counter() - begun
    found["cpu_sec"] = time.process_time() - cpu_before
    found["peak_mb"] = peak_mb()


def peak_mb() -> float:
    """The most memory that this process had, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    # Of the process that started this one too, on Linux.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def told(**figures: float) -> None:
    """Print figures for whoever started the process."""
    print(json.dumps(figures))
