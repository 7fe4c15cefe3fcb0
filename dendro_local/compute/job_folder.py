"""The folder in which a job runs: what the runner writes for the app, and what the app leaves.

`dendro_local.sdk.job_folder` has the app's side of it.
"""

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from dendro_local.hub import FetchedInput, RunResult
from dendro_local.model import JobDefinition, Secret
from dendro_local.reasons import reason_of
from dendro_local.sdk.job_secrets import SECRETS_NAME

__all__ = ["AppResult", "JobFolder", "remove_tree"]

FORMAT_VERSION = 1
SHOWN_LINES = 20
TAIL_BYTES = 16_384
ROOM_BYTES = 65_536


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

    formatVersion: Literal[1]
    status: Literal["completed", "failed", "unreadable"]
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
        self.preparation = root / "preparation.txt"
        self.usage = root / "usage.jsonl"
        self.work = root / "work"
        self.temporary = root / "tmp"

    def make(self) -> None:
        """Make it, with nothing to do in it: an earlier attempt of the same number is gone."""
        try:
            self.root.mkdir()
        except OSError:
            remove_tree(self.root)
            self.root.mkdir(parents=True)
        self.work.mkdir()
        self.temporary.mkdir()

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
        self._write("job.json", _encode(job))

    def write_secrets(self, secrets: Sequence[Secret]) -> None:
        """Write ``secrets.json``, if there are any, for this user alone; the app removes it."""
        if not secrets:
            return
        descriptor = os.open(self.root / SECRETS_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_encode({secret.name: secret.value for secret in secrets}))

    def result(self) -> AppResult | None:
        """What the app says of its run; None if it did not come to say anything.

        Of the status ``unreadable`` if it says something that cannot be understood.
        """
        try:
            return _result.decode((self.root / "result.json").read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            return AppResult(formatVersion=1, status="unreadable", error=reason_of(error))

    def result_at(self) -> float | None:
        """When the app said so, in seconds since the Unix epoch; None if it did not."""
        try:
            return (self.root / "result.json").stat().st_mtime
        except OSError:
            return None

    def write_result(self, result: AppResult) -> None:
        """Write ``result.json`` for an app that does not do so itself."""
        partial = self.root / ".result.json.partial"
        partial.write_bytes(_encode(result))
        partial.replace(self.root / "result.json")

    def left(self, result: AppResult, started_at: float | None = None) -> RunResult:
        """The files that a completed run left, whose app was started at this time.

        Raises:
            FileNotFoundError: the app names something that is not a file in its folder.
        """
        return RunResult(
            outputs={name: self._place(name, left) for name, left in result.outputs.items()},
            others={
                name: place
                for name, left in result.otherOutputs.items()
                if isinstance(place := self._place(name, left), Path)
            },
            console=self.console,
            usage=self.usage,
            started_at=started_at,
        )

    def _place(self, name: str, left: LeftFile) -> Path | str:
        if left.url is not None:
            return left.url
        file = self.root / (left.path or "")
        try:
            if file.is_symlink():
                raise FileNotFoundError(f"output {name!r} is a link, not a file")
            if not file.resolve().is_relative_to(self.root.resolve()) or not file.is_file():
                raise FileNotFoundError(f"output {name!r} is not a file in the job's folder")
        except ValueError as error:  # a NUL in the path
            raise FileNotFoundError(f"output {name!r} is no file: {error}") from error
        return file

    def console_end(self) -> str:
        """The last lines of what was printed."""
        try:
            with self.console.open("rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(max(0, size - TAIL_BYTES))
                text = stream.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.strip().splitlines()[-SHOWN_LINES:])

    def write_process(self, facts: Mapping[str, Any]) -> None:
        """Note which process runs the job, for whoever finds the folder later."""
        self._write("process.json", _encode(facts))

    def process(self) -> dict[str, Any]:
        """Which process runs, or ran, the job; empty if none was started."""
        try:
            facts: dict[str, Any] = msgspec.json.decode(
                (self.root / "process.json").read_bytes(), type=dict[str, Any]
            )
        except (OSError, ValueError):
            return {}
        return facts

    def _write(self, name: str, content: bytes) -> None:
        with open(f"{self.root}/{name}", "wb", buffering=0) as file:  # noqa: PTH123 - for every job
            file.write(content)

    def is_whole(self) -> bool:
        """Whether what the runner wrote is still there."""
        return (self.root / "job.json").exists()

    def has_room(self) -> bool:
        """Whether the disk that it lies on has room for more than a few lines."""
        try:
            return shutil.disk_usage(self.root).free > ROOM_BYTES
        except OSError:
            return True  # the folder is gone, which is another matter

    def make_room(self) -> None:
        """Remove all but what was printed."""
        with contextlib.suppress(OSError):
            for entry in list(self.root.iterdir()):
                if entry == self.console:
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    remove_tree(entry)
                else:
                    entry.unlink()

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        remove_tree(self.root)


def remove_tree(folder: Path) -> None:
    """Remove a folder if it is there, also where an app has taken away the right to."""

    def allow(_: object, path: str, __: object) -> None:
        for part in (Path(path).parent, Path(path)):
            if part.is_relative_to(folder) and not part.is_symlink():
                with contextlib.suppress(OSError):
                    part.chmod(0o700)

    if _is_removed_simply(folder):
        return
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder, onerror=allow)
        shutil.rmtree(folder, ignore_errors=True)


def _is_removed_simply(folder: Path) -> bool:
    """Remove a folder with files and empty folders in it; False if that was not all, or failed."""
    try:
        with os.scandir(folder) as found:
            entries = list(found)
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                os.rmdir(entry.path)  # noqa: PTH106 - for every job
            else:
                os.unlink(entry.path)  # noqa: PTH108
        os.rmdir(folder)  # noqa: PTH106
    except OSError:
        return False
    return True
