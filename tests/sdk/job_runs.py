"""Runs an app over a job folder in a process of its own, as a runner does."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """What a run left behind; ``result`` is empty if the app wrote none."""

    folder: Path
    exit_code: int
    console: str
    result: Mapping[str, Any]

    def output_text(self, name: str = "output") -> str:
        path: str = self.result["outputs"][name]["path"]
        return (self.folder / path).read_text()


def make_job_folder(
    folder: Path,
    processor: str,
    *,
    inputs: Mapping[str, Path | str] | None = None,
    outputs: Sequence[str | Mapping[str, Any]] = (),
    parameters: Mapping[str, Any] | None = None,
) -> Path:
    """A job folder as a runner makes it; an input is a local path, or a URL elsewhere."""
    for name in ("work", "tmp", "outputs", "other"):
        (folder / name).mkdir(parents=True)
    located = {
        name: {"path": str(place), "url": place.as_uri()}
        if isinstance(place, Path)
        else {"path": None, "url": place}
        for name, place in (inputs or {}).items()
    }
    definition = {
        "appName": "an_app",
        "processorName": processor,
        "inputFiles": [
            {
                "name": name,
                "fileBaseName": str(place).rpartition("/")[2],
                "url": f"dendro:sha256/{name}",
            }
            for name, place in sorted((inputs or {}).items())
        ],
        "outputFiles": [
            {"name": output, "fileBaseName": f"{output}.txt"} if isinstance(output, str) else output
            for output in outputs
        ],
        "parameters": [
            {"name": name, "value": value} for name, value in sorted((parameters or {}).items())
        ],
    }
    job = {
        "formatVersion": 1,
        "jobId": "TR4Gr2HPFe3JcHFlkZjP",
        "serviceName": "a_service",
        "definition": definition,
        "inputs": located,
    }
    (folder / "job.json").write_text(json.dumps(job))
    return folder


def start_app(
    main: Path, *, environment: Mapping[str, str], cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Runs a main file to its end, with stdout and stderr as one text in ``stdout``."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    return subprocess.run(
        [sys.executable, str(main)],
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run_app(app: str | Path, job_folder: Path) -> JobRun:
    """Runs the job of a folder with an app, given as its main file or the text of one."""
    main = app if isinstance(app, Path) else _write_main(app, job_folder)
    process = start_app(
        main,
        environment={"DENDRO_JOB_FOLDER": str(job_folder), "TMPDIR": str(job_folder / "tmp")},
        cwd=job_folder / "work",
    )
    result = job_folder / "result.json"
    return JobRun(
        folder=job_folder,
        exit_code=process.returncode,
        console=process.stdout,
        result=json.loads(result.read_text()) if result.exists() else {},
    )


def spec_of(app: str | Path, folder: Path) -> dict[str, Any]:
    """The spec that an app writes when it is asked for it."""
    main = app if isinstance(app, Path) else _write_main(app, folder)
    spec_file = folder / "spec.json"
    process = start_app(main, environment={"SPEC_OUTPUT_FILE": str(spec_file)}, cwd=folder)
    assert process.returncode == 0, process.stdout
    spec: dict[str, Any] = json.loads(spec_file.read_text())
    return spec


def _write_main(source: str, folder: Path) -> Path:
    main = folder / "main.py"
    main.write_text(source)
    return main
