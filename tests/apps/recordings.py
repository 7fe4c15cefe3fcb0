"""The recordings that the tests of the apps are about, and the reference figures for them."""

import json
import subprocess
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"
TINY_NWB = DATA / "ephys_tiny.nwb"


def reference(processor: str) -> dict[str, Any]:
    """What the original's processor gave for these files, with the tolerance that is stated."""
    found: dict[str, Any] = json.loads((DATA / "neurosift_reference.json").read_text())[processor]
    return found


def make_input(python: Path, kind: str, *arguments: object) -> None:
    """Make an input with the script ``make_inputs.py``."""
    _run(python, "make_inputs.py", kind, *arguments)


def make_recording(python: Path, file: Path) -> None:
    """Make the recording of 60 s with the script ``make_recording.py``."""
    _run(python, "make_recording.py", file)


def look_at(python: Path, kind: str, *arguments: object) -> dict[str, Any]:
    """What the script ``look_at.py`` finds in an output."""
    found: dict[str, Any] = json.loads(_run(python, "look_at.py", kind, *arguments))
    return found


def try_codec(python: Path, packed: str) -> dict[str, Any]:
    """What the script ``try_qfc.py`` finds with a chunk that was packed elsewhere, in base64."""
    found: dict[str, Any] = json.loads(_run(python, "try_qfc.py", packed))
    return found


def _run(python: Path, script: str, *arguments: object) -> str:
    command = [str(python), str(Path(__file__).with_name(script)), *map(str, arguments)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
