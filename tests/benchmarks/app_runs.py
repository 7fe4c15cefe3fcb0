"""Whole runs of an app's processor, as a process in a job folder, with its time and memory."""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dendro_local.environments import Environments, requirements_of
from tests.benchmarks.processes import ROOT, ProcessFailed

__all__ = [
    "APPS",
    "AppRun",
    "environment_of",
    "environment_of_script",
    "run_processor",
    "run_script",
    "write_spec",
]

APPS = ROOT / "apps"
SCRIPTS = Path(__file__).resolve().parent / "scripts" / "apps"
TAIL_CHARACTERS = 2000


class AppRun(NamedTuple):
    """What one process took.

    Attributes:
        seconds: from its start to its end.
        memory_mb: the most that was in memory at once, in 10**6 bytes.
    """

    seconds: float
    memory_mb: float


def environment_of(app: str, folder: Path, environ: Mapping[str, str] | None = None) -> Path:
    """The Python of an app's environment, which is built if it is not in the folder.

    Raises:
        EnvironmentFailed: it cannot be built.
    """
    return _built(APPS / app / "main.py", folder, environ)


def environment_of_script(script: str, folder: Path) -> Path:
    """The same of a script of ``scripts/apps``."""
    return _built(SCRIPTS / script, folder, None)


def _built(file: Path, folder: Path, environ: Mapping[str, str] | None) -> Path:
    requirements = requirements_of(file)
    assert requirements is not None
    python = Environments(folder, environ).prepare(requirements, lambda line: None, lambda: False)
    assert python is not None
    return python


def run_processor(
    python: Path,
    app: str,
    processor: str,
    input_file: Path,
    outputs: Mapping[str, str],
    parameters: Mapping[str, object],
    folder: Path,
) -> AppRun:
    """Run a processor in an empty folder, as a compute client does for the first job of an app.

    Raises:
        ProcessFailed: the job failed.
    """
    url = input_file.as_uri()
    job = {
        "formatVersion": 1,
        "jobId": "TR4Gr2HPFe3JcHFlkZjP",
        "serviceName": "hello_world_service",
        "definition": {
            "appName": app,
            "processorName": processor,
            "inputFiles": [{"name": "input", "fileBaseName": input_file.name, "url": url}],
            "outputFiles": [
                {"name": name, "fileBaseName": base_name} for name, base_name in outputs.items()
            ],
            "parameters": [{"name": name, "value": value} for name, value in parameters.items()],
        },
        "inputs": {"input": {"path": str(input_file), "url": url}},
    }
    for name in ("work", "tmp", "outputs", "other"):
        (folder / name).mkdir()
    (folder / "job.json").write_text(json.dumps(job))
    variables = {
        "DENDRO_JOB_FOLDER": str(folder),
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder / "tmp"),
    }
    command = [str(python), str(APPS / app / "main.py")]
    return _measured(command, folder / "work", variables)


def run_script(python: Path, script: str, arguments: Sequence[object], folder: Path) -> AppRun:
    """Run a script of ``scripts/apps`` in a folder.

    Raises:
        ProcessFailed: it failed.
    """
    return _measured([str(python), str(SCRIPTS / script), *map(str, arguments)], folder, {})


def write_spec(python: Path, app: str, folder: Path) -> AppRun:
    """Start an app to have it write its spec.

    Raises:
        ProcessFailed: it failed.
    """
    variables = {"SPEC_OUTPUT_FILE": str(folder / "spec.json"), "PYTHONPATH": str(ROOT)}
    return _measured([str(python), str(APPS / app / "main.py")], folder, variables)


def _measured(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> AppRun:
    threads = str(os.cpu_count() or 1)
    shared = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    console = folder.parent / f"{folder.name}-console.txt"
    with console.open("wb") as file:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **shared, **variables},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        printed = console.read_text(errors="replace")[-TAIL_CHARACTERS:]
        raise ProcessFailed(f"{' '.join(command)} ended with {process.returncode}:\n{printed}")
    return AppRun(seconds, usage.ru_maxrss * 1024 / 1e6)
