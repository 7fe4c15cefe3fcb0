"""The folder in which a job runs: what the runner writes for the app, and what the app leaves.

`dendro_local.sdk.job_folder` has the app's side of it.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from dendro_local.hub import FetchedInput, RunResult
from dendro_local.model import JobDefinition

__all__ = ["AppResult", "JobFolder"]

FORMAT_VERSION = 1
SHOWN_LINES = 20
TAIL_BYTES = 16_384


class JobFile(msgspec.Struct, frozen=True, kw_only=True):
    """``job.json``: what the app is to do."""

    formatVersion: int
    jobId: str
    serviceName: str
    definition: JobDefinition
    inputs: dict[str, dict[str, str | None]]


class LeftFile(msgspec.Struct, frozen=True, kw_only=True):
    """Where the app put an output, or the URL that it set for it."""

    path: str | None = None
    url: str | None = None


class AppResult(msgspec.Struct, frozen=True, kw_only=True):
    """``result.json``: how the app's run of the processor ended."""

    formatVersion: int
    status: str
    error: str | None = None
    traceback: str | None = None
    outputs: dict[str, LeftFile] = {}
    otherOutputs: dict[str, LeftFile] = {}


_encode = msgspec.json.Encoder().encode
_result = msgspec.json.Decoder(AppResult)


class JobFolder:
    """One job's working folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.console = root / "console.txt"
        self.work = root / "work"
        self.temporary = root / "tmp"

    def make(self) -> None:
        """Make it, empty: an earlier attempt of the same number is gone."""
        shutil.rmtree(self.root, ignore_errors=True)
        for folder in (self.root, self.work, self.temporary, self.root / "outputs"):
            folder.mkdir()

    def write_job(
        self,
        job_id: str,
        service: str,
        definition: JobDefinition,
        inputs: Mapping[str, FetchedInput],
    ) -> None:
        """Write ``job.json``. Local inputs are linked under the names that their files have."""
        shown: dict[str, dict[str, str | None]] = {}
        base_names = {file.name: file.fileBaseName for file in definition.inputFiles}
        for number, (name, fetched) in enumerate(inputs.items()):
            if fetched.path is None:
                shown[name] = {"path": None, "url": fetched.url}
                continue
            # A blob's own name has no ending, and readers of files go by endings.
            folder = self.root / "inputs" / str(number)
            folder.mkdir(parents=True)
            link = folder / base_names[name]
            link.symlink_to(fetched.path)
            shown[name] = {"path": str(link), "url": link.as_uri()}
        job = JobFile(
            formatVersion=FORMAT_VERSION,
            jobId=job_id,
            serviceName=service,
            definition=definition,
            inputs=shown,
        )
        (self.root / "job.json").write_bytes(_encode(job))

    def result(self) -> AppResult | None:
        """What the app says of its run; None if it did not come to say anything."""
        try:
            return _result.decode((self.root / "result.json").read_bytes())
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def left(self, result: AppResult) -> RunResult:
        """The files that a completed run left.

        Raises:
            FileNotFoundError: the app names a file that is not in its folder.
        """
        return RunResult(
            outputs={name: self._place(name, left) for name, left in result.outputs.items()},
            others={
                name: place
                for name, left in result.otherOutputs.items()
                if isinstance(place := self._place(name, left), Path)
            },
            console=self.console,
        )

    def _place(self, name: str, left: LeftFile) -> Path | str:
        if left.url is not None:
            return left.url
        file = self.root / (left.path or "")
        is_inside = file.resolve().is_relative_to(self.root.resolve())
        if not is_inside or file.is_symlink() or not file.is_file():
            raise FileNotFoundError(f"output {name!r} is not in the job's folder")
        return file

    def console_end(self) -> str:
        """The last lines of what was printed."""
        try:
            with self.console.open("rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(max(0, size - TAIL_BYTES))
                text = stream.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.strip().splitlines()[-SHOWN_LINES:])

    def write_process(self, facts: Mapping[str, Any]) -> None:
        """Note which process runs the job, for whoever finds the folder later."""
        (self.root / "process.json").write_bytes(_encode(facts))

    def process(self) -> dict[str, Any]:
        """Which process runs, or ran, the job; empty if none was started."""
        try:
            facts: dict[str, Any] = msgspec.json.decode(
                (self.root / "process.json").read_bytes(), type=dict[str, Any]
            )
        except (FileNotFoundError, msgspec.MsgspecError):
            return {}
        return facts

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.root, ignore_errors=True)
