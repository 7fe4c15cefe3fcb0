"""Files that a processor adds to its job beside the outputs that its definition names."""

from __future__ import annotations

import os

from dendro_local.sdk.job_folder import FOLDER_VARIABLE, JobFolder

MAX_PARTS = 6
MAX_PART_LENGTH = 64

_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def upload_additional_job_output(local_file_name: str | os.PathLike[str], remote_fname: str) -> str:
    """Adds a copy of a file to the job that runs, under a name of the processor's choice.

    Can be called from any process that the processor starts, too.

    Args:
        local_file_name: a finished file; it stays where it is.
        remote_fname: its name in the job, such as ``figures/rates.png``: at most 6 parts of at
            most 64 letters, digits, ``_`` and ``-``, with dots inside.

    Returns:
        The URL that identifies the file.

    Raises:
        RuntimeError: no job runs.
        ValueError: the name is not allowed, or has been used in this job.
        OSError: there is no such file, or it cannot be copied.
    """
    path = os.environ.get(FOLDER_VARIABLE)
    if not path:
        raise RuntimeError(
            f"upload_additional_job_output works only while a job runs ({FOLDER_VARIABLE} is "
            "not set)."
        )
    _check_name(remote_fname)
    folder = JobFolder(path)
    relative_path = f"other/{remote_fname}"
    _check_free(folder.path, relative_path)
    folder.keep_file(
        os.fspath(local_file_name),
        relative_path,
        delete_source=False,
        purpose=f"Additional output {remote_fname!r}",
    )
    definition = folder.definition
    return (
        f"dendro:f/{folder.service_name}/{definition['appName']}/{definition['processorName']}/"
        f"{folder.job_id}/{relative_path}"
    )


def is_allowed_name(name: str) -> bool:
    """Whether a file that a processor adds to its job can have this name."""
    parts = name.split("/")
    return len(parts) <= MAX_PARTS and all(_is_allowed(part) for part in parts)


def _check_name(name: str) -> None:
    if not is_allowed_name(name):
        raise ValueError(
            f"An additional output cannot be named {name!r}: a name has at most {MAX_PARTS} parts "
            f"between slashes, each of at most {MAX_PART_LENGTH} letters, digits, '_' and '-', "
            "with single dots inside."
        )


def _is_allowed(part: str) -> bool:
    pieces = part.split(".")
    return len(part) <= MAX_PART_LENGTH and all(
        piece and _ALLOWED.issuperset(piece) for piece in pieces
    )


def _check_free(folder: str, relative_path: str) -> None:
    if os.path.exists(os.path.join(folder, relative_path)):
        raise ValueError(f"This job has an additional output {relative_path[6:]!r} already.")
    parts = relative_path.split("/")
    for depth in range(2, len(parts)):
        above = "/".join(parts[:depth])
        if os.path.isfile(os.path.join(folder, above)):
            raise ValueError(
                f"This job has a file {above[6:]!r} as an additional output, so "
                f"{relative_path[6:]!r} cannot be a file in a folder of that name."
            )
