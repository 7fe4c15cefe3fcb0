"""Where things lie in the folder of a store.

store.db        the records (SQLite)
blobs/ab/ab...  files by the SHA-256 of their bytes, read-only
jobs/ID.N/      working folder of a job's attempt N, while it runs
outputs/ID/     outputs of a job under their own file names, as links to blobs
wake/           sockets of processes that want to hear of changes
clients/        locks of the compute clients that are alive
sdk/            what apps find on their path
envs/           environments of apps that declare one
images/         container images that Apptainer pulled
uploads/        files that are on their way in from another machine
key             the secret of which all keys of the store are made
damaged/        blobs whose bytes turned out to be others
"""

from pathlib import Path

from dendro_local.errors import StoreError
from dendro_local.model import JobId
from dendro_local.store.connection import translated

__all__ = ["StoreFolder"]


class StoreFolder:
    """The paths of one store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = root / "store.db"
        self.blobs = root / "blobs"
        self.jobs = root / "jobs"
        self.outputs = root / "outputs"
        self.wake = root / "wake"
        self.clients = root / "clients"
        self.sdk = root / "sdk"
        self.environments = root / "envs"
        self.uploads = root / "uploads"
        self.key = root / "key"

    def make(self) -> None:
        """Make the folders in it that are missing.

        Raises:
            StoreError: a folder cannot be made.
        """
        for folder in (self.blobs, self.jobs, self.outputs, self.wake, self.sdk, self.clients):
            self._make(folder, mode=0o777)

    def make_root(self) -> None:
        """Make the folder itself if it is missing, for this user's eyes only.

        Raises:
            StoreError: it cannot be made.
        """
        self._make(self.root, mode=0o700)

    def _make(self, folder: Path, *, mode: int) -> None:
        try:
            with translated(self.database):
                folder.mkdir(parents=True, exist_ok=True, mode=mode)
        except OSError as error:
            what = (
                f"{folder} is a file, and a store is a folder."
                if folder.is_file()
                else f"The folder of the store, {folder}, cannot be made: {error.strerror}."
            )
            raise StoreError(
                f"{what} Name a folder that you may write by --store or DENDRO_LOCAL_DIR."
            ) from error

    def database_bytes(self) -> int:
        """The size of the records on the disk, those that are only in the log among them."""
        files = [self.database, self.database.with_name(f"{self.database.name}-wal")]
        return sum(file.stat().st_size for file in files if file.exists())

    def job_folder(self, job_id: JobId, attempt: int) -> Path:
        """The working folder of one attempt at a job; attempts count from 1."""
        return self.jobs / f"{job_id}.{attempt}"
