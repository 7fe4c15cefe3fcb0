"""What uploads, and runs whose end nobody told, have left behind; removed when nobody needs it."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dendro_local.errors import Conflict
from dendro_local.lifecycle import ACTIVE
from dendro_local.local_hub.incoming_blobs import is_incoming_blob
from dendro_local.local_hub.upload_tickets import VALID_SEC
from dendro_local.model import JobId
from dendro_local.store import Store, StoredJob
from dendro_local.store.scan import run_folders

__all__ = ["YOUNG_SEC", "clear_left_runs", "left_uploads", "remove_upload"]

YOUNG_SEC = 120.0
"""How old an upload must be to count as left when its job has ended."""


def left_uploads(store: Store, *, young_sec: float) -> Iterator[Path]:
    """Files, and folders of parts, that no upload will go on with.

    Args:
        store: whose.
        young_sec: what changed since may still be in use, though its job has ended.
    """
    if not store.folder.uploads.is_dir():
        return
    now = time.time()
    for path in store.folder.uploads.iterdir():
        if is_incoming_blob(path):
            continue  # these go by rules of their own
        job_id, _, rest = path.name.partition(".")
        attempt = rest.partition(".")[0]
        stored = store.jobs.by_id(JobId(job_id))
        is_wanted = (
            stored is not None
            and stored.record.status in ACTIVE
            and attempt == str(stored.attempts)
        )
        if now - _changed_at(path) >= (VALID_SEC if is_wanted else young_sec):
            yield path


def remove_upload(path: Path, forget: Callable[[Path], None] | None = None) -> None:
    """Remove what is left of an upload.

    Args:
        path: its file, or the folder of its parts.
        forget: removes a folder of parts that this process may have taken in.
    """
    if not path.is_dir():
        path.unlink(missing_ok=True)
    elif forget is not None:
        forget(path)
    else:
        shutil.rmtree(path, ignore_errors=True)


def clear_left_runs(
    store: Store, keep_logs: Callable[[StoredJob, Path], None], *, late_sec: float
) -> None:
    """Remove the folders of runs that ended without whoever ran them, such as by being canceled.

    Folders in which this machine runs, or ran, an app are left to its compute client.

    Args:
        store: whose.
        keep_logs: keeps the logs in a folder with the last run of a job.
        late_sec: for how long after a job's end its logs may still come.
    """
    now = time.time()
    for folder in run_folders(store.folder.jobs):
        if any((folder.path / name).exists() for name in ("job.json", "process.json")):
            continue
        stored = store.jobs.by_id(folder.job_id)
        is_last = stored is not None and stored.attempts == folder.attempt
        if stored is not None and is_last:
            ended_at = stored.record.timestampFinishedSec
            if stored.record.status in ACTIVE or now - (ended_at or 0) < late_sec:
                continue
            if ended_at is not None:
                try:
                    keep_logs(stored, folder.path)
                except Conflict:
                    continue  # it runs again since this moment
        elif now - folder.changed_at < late_sec:
            continue
        shutil.rmtree(folder.path, ignore_errors=True)


def _changed_at(path: Path) -> float:
    """When a file, or any in a folder, was last written to."""
    try:
        found = path.stat().st_mtime
        if path.is_dir():
            found = max([found, *(each.stat().st_mtime for each in path.iterdir())])
    except FileNotFoundError:
        return time.time()  # it came to its end this very moment
    return found
