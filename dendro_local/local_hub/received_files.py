"""Where the files of a job that runs on another machine come in, and which it may have."""

from hashlib import sha256
from pathlib import Path
from typing import Literal

from dendro_local.errors import InvalidRequest
from dendro_local.file_urls import other_url, parse_file_url
from dendro_local.hub import Claim
from dendro_local.local_hub.parts import Part
from dendro_local.model import JobDefinition

__all__ = ["FileKind", "ReceivedFiles", "check_set_url"]

FileKind = Literal["output", "other", "console", "usage"]

LOG_FILES = {"console": "console.txt", "usage": "usage.jsonl"}


class ReceivedFiles(Part):
    """What is asked about files of claimed jobs that are on their way in."""

    def received_file(self, claim: Claim, kind: FileKind, name: str) -> Path:
        """Where a file of a claimed job comes in; a log is at once where it is read from.

        Args:
            claim: the job.
            kind: what it is.
            name: of an output, or of an additional file; empty for a log.

        Raises:
            InvalidRequest: the job can have no such file.
        """
        if kind in LOG_FILES:
            if name:
                raise InvalidRequest("A job has one console and one usage log, without a name.")
            found = claim.folder / LOG_FILES[kind]
        else:
            if kind == "output":
                _check_output(claim.job.jobDefinition, name)
            elif parse_file_url(other_url("s", "a", "p", "j", name)) is None:
                raise InvalidRequest(f"A file of a job cannot be called {name[:300]!r}.")
            # Not by the name itself, which may have several parts, or be too long with an ending.
            found = claim.folder / "received" / kind / sha256(name.encode()).hexdigest()
        with self.store.reading():
            found.parent.mkdir(parents=True, exist_ok=True)
        return found


def check_set_url(definition: JobDefinition, name: str, url: str) -> None:
    """Refuse a URL that an app cannot have set for an output.

    Raises:
        InvalidRequest: the output is a file, or this is no place elsewhere.
    """
    for output in definition.outputFiles:
        if output.name == name and output.urlDeterminedAtRuntime is not True:
            raise InvalidRequest(f"Output {name!r} is a file; its URL is not set by the app.")
    if ":" not in url or url.startswith(("dendro:", "file:")):
        raise InvalidRequest(f"The URL that was set for output {name!r} is no place elsewhere.")


def _check_output(definition: JobDefinition, name: str) -> None:
    if name not in [output.name for output in definition.outputFiles]:
        raise InvalidRequest(f"The job has no output {name[:300]!r}.")
