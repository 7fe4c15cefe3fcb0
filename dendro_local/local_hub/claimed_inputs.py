"""The input files of claimed jobs, checked to be what was submitted."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from dendro_local.errors import HubUnreachable, InputUnavailable
from dendro_local.file_urls import parse_blob_url, parse_file_url
from dendro_local.hub import Claim, FetchedInput, FetchStopped
from dendro_local.local_hub.parts import Part
from dendro_local.model import Digest, JobId, JobInputFile

__all__ = ["ClaimedInputs"]

logger = logging.getLogger(__name__)

FIRST_PAUSE_SEC = 1.0
LONGEST_PAUSE_SEC = 60.0
LOOK_SEC = 0.2
"""How often to see whether an input is still wanted."""


class ClaimedInputs(Part):
    """What makes the inputs of a claimed job readable."""

    def fetch_input(
        self,
        claim: Claim,
        file: JobInputFile,
        should_stop: Callable[[], bool] | None = None,
    ) -> FetchedInput:
        """Make an input readable for the app; checked to be what was submitted.

        What lies on a remote that is away is waited for, until ``should_stop``; without that, not.

        Raises:
            InputUnavailable: it changed, vanished, or is no longer in the store.
            HubUnreachable: it lies on a remote and cannot be fetched now.
            FetchStopped: it is not wanted any more.
        """
        pause_sec = FIRST_PAUSE_SEC
        while True:
            try:
                return self._readable(claim, file)
            except HubUnreachable as error:
                if should_stop is None:
                    raise
                logger.warning(
                    "Job %s waits for input %s: %s Trying again in %.0f s.",
                    claim.job.jobId, file.name, error, pause_sec,
                )  # fmt: skip
            _wait(pause_sec, should_stop)
            pause_sec = min(2 * pause_sec, LONGEST_PAUSE_SEC)

    def _readable(self, claim: Claim, file: JobInputFile) -> FetchedInput:
        digest = parse_blob_url(file.url)
        own = parse_file_url(file.url)
        with self.store.reading():
            if digest is not None:
                return _local(self._local_input(claim, file, digest))
            if own is not None:
                return self._output_of(JobId(own.job_id), own.output_name, own.file_base_name, file)
        if file.url.startswith("dendro:"):
            raise InputUnavailable(
                f"Input {file.name!r}: {file.url!r} names no file that a store can have."
            )
        return FetchedInput(path=None, url=file.url)

    def _local_input(self, claim: Claim, file: JobInputFile, digest: Digest) -> Path:
        """A file of this machine with the bytes of this digest."""
        blob = self.blob(digest)
        if blob.exists():
            return blob
        submitted = self.store.jobs.input_paths(claim.number).get(file.url)
        paths = [Path(submitted)] if submitted is not None else []
        paths += [path for path in self.store.local_files.paths(digest) if path not in paths]
        faults: list[str] = []
        for path in paths:
            try:
                found, _ = self.store.local_files.digest(path)
            except InputUnavailable as error:
                faults.append(str(error))
                continue
            if found == digest:
                return path
            faults.append(f"{path} has changed since the job was submitted.")
        is_elsewhere = self.may_fetch_input(digest)
        fetched = self.fetch_input_blob(digest) if is_elsewhere else None
        if fetched is not None:
            return fetched
        if is_elsewhere and not faults:
            remotes = ", ".join(self.store.input_files.remotes(file.url))
            raise InputUnavailable(
                f"Input {file.name!r} is a file of another machine, and was not pushed to where "
                f"its job came from: {remotes}. Who has the file can push it: `dendro-local push "
                "--inputs`."
            )
        raise InputUnavailable(
            f"Input {file.name!r} is not there any more: "
            + (faults[0] if faults else f"no file with digest {digest[:12]}... is known here.")
            + " Submit the job with the file as it is now."
        )

    def _output_of(
        self, job_id: JobId, output: str, base_name: str, file: JobInputFile
    ) -> FetchedInput:
        stored = self.store.jobs.by_id(job_id)
        found = None if stored is None else stored.files.find(output, base_name)
        if found is not None and found.url is not None:
            return FetchedInput(path=None, url=found.url)
        path = None if found is None or found.digest is None else self.blob(found.digest)
        if path is None or not path.exists():
            raise InputUnavailable(
                f"Input {file.name!r} is output {output!r} of job {job_id}, whose bytes are not "
                "in the store. Run that job again; or, if it was pulled, pull with --full and "
                "--outputs eager."
            )
        return _local(path)


def _wait(seconds: float, should_stop: Callable[[], bool]) -> None:
    """Let time pass.

    Raises:
        FetchStopped: it is not wanted any more.
    """
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if should_stop():
            raise FetchStopped
        time.sleep(min(LOOK_SEC, left))


def _local(path: Path) -> FetchedInput:
    return FetchedInput(path=path, url=path.as_uri())
