"""NWB outputs of the apps, read by the field's own tools in an environment of their own."""

import json
import math
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.apps.recordings import DATA

CHECK = Path(__file__).with_name("check_nwb.py")
RATE_HZ = 30_000
TOLERANCE_SEC = 0.0004

ReadNwb = Callable[..., "NwbOutput"]


class NwbOutput:
    """What ``check_nwb.py`` found in a file."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.nwb_version: str = found["nwb_version"]
        self.contents: list[str] = found["contents"]
        self.errors: list[str] = found.get("errors", ["not asked for"])
        self.remarks: list[str] = found.get("remarks", ["not asked for"])
        self._arrays: dict[str, dict[str, Any]] = found["arrays"]

    def shape(self, path: str) -> list[int]:
        """The shape of an array."""
        found: list[int] = self._arrays[path]["shape"]
        return found

    def dtype(self, path: str) -> str:
        """What numpy calls the type of an array."""
        return str(self._arrays[path]["dtype"])

    def values(self, path: str) -> Any:
        """The values of an array that is not too large, as nested lists."""
        return self._arrays[path]["values"]

    def sha256(self, path: str) -> str:
        """The digest of the bytes of an array of numbers."""
        return str(self._arrays[path]["sha256"])

    def smallest_and_means(self, path: str) -> tuple[float, list[float]]:
        """Of a large array: the smallest value, and the means along the first axis."""
        return self._arrays[path]["min"], self._arrays[path]["means"]

    def attributes(self, path: str) -> dict[str, str]:
        """The attributes of an array, as text."""
        found: dict[str, str] = self._arrays[path]["attributes"]
        return found

    def spike_trains_sec(self, units_path: str) -> list[list[float]]:
        """The spike times of each unit; ``spike_times`` and its index must have been asked for."""
        times = self.values(f"{units_path}/spike_times")
        ends = self.values(f"{units_path}/spike_times_index")
        return [times[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def check_nwb(python: Path, file: Path, *paths: str, validate: bool = False) -> NwbOutput:
    """Read arrays and groups of a file; and with ``validate`` see whether it is good NWB."""
    options = ["--validate"] if validate else []
    command = [str(python), str(CHECK), *options, str(file), *paths]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    # lindi prints things of its own before it, and after.
    (found,) = [line for line in finished.stdout.splitlines() if line.startswith("{")]
    return NwbOutput(json.loads(found))


def sorting_reference(processor: str) -> dict[str, Any]:
    """What the original's processor gave for these files, with the tolerance that is stated."""
    found: dict[str, Any] = json.loads((DATA / "sorting_reference.json").read_text())[processor]
    return found


def accuracies(
    true_trains_sec: Sequence[Sequence[float]], found_trains_sec: Sequence[Sequence[float]]
) -> list[float]:
    """Of each true unit, how well the best of the found units agrees with it.

    That is, of all spikes of the two, the part that both have, within 0.4 ms.
    """
    return [
        max((_agreement(true, found) for found in found_trains_sec), default=0.0)
        for true in true_trains_sec
    ]


def _agreement(first: Sequence[float], second: Sequence[float]) -> float:
    matches = i = j = 0
    while i < len(first) and j < len(second):
        difference = second[j] - first[i]
        if math.fabs(difference) <= TOLERANCE_SEC:
            matches, i, j = matches + 1, i + 1, j + 1
        elif difference > 0:
            i += 1
        else:
            j += 1
    return matches / (len(first) + len(second) - matches)
