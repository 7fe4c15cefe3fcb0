"""What a check of the store can find, and how it is put right."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import msgspec

__all__ = ["CHECKS", "Check", "Examination", "Finding", "Found", "Severity", "found"]

Severity = Literal["error", "warning", "info"]
"""An error: something was lost, or will go wrong. A warning: it costs room or protection."""


class Check(NamedTuple):
    """A kind of finding; its name never changes. The table in the docs is generated from these.

    ``repair`` is what a repair does, if there is one; ``advice`` is what to do if there is none.
    """

    severity: Severity
    meaning: str
    repair: str = ""
    advice: str = ""


_RUNS_AGAIN = "where it is an output, the job runs again when it is submitted"

CHECKS: Mapping[str, Check] = {
    "database_damaged": Check(
        "error", "SQLite finds its file damaged.", advice="Restore a backup."
    ),
    "row_of_no_job": Check(
        "error", "Rows of a table belong to jobs that are not there.", "they are removed"
    ),
    "row_of_no_service": Check(
        "error",
        "Registered apps belong to services that are not there.",
        advice="Register them again with `dendro-local apps add`.",
    ),
    "claim_abandoned": Check(
        "warning",
        "The compute client that ran a job is gone, and so is the job's process. The next one "
        "puts the job back.",
        "it is put back now, or fails if it was tried too often",
    ),
    "claim_left": Check(
        "info",
        "The compute client that ran a job is gone, and the job goes on, or has come to its end.",
        advice="Start `dendro-local work`, which takes it over.",
    ),
    "claim_not_renewed": Check(
        "warning",
        "A compute client is alive, but has not renewed its claim of a job for minutes.",
        advice="If it hangs, end it, or cancel the job.",
    ),
    "waits_in_vain": Check(
        "error",
        "A pending job waits for one that has failed or is gone.",
        "it fails and names that one",
    ),
    "wrongly_waiting": Check(
        "error",
        "A pending job does not count as runnable although its dependencies are completed, or "
        "the other way round.",
        "it counts as what its dependencies say",
    ),
    "sum_wrong": Check(
        "warning",
        "The files of a user's jobs count as more or less than they are, so that the limits of a "
        "public hub let them have too little or too much.",
        "they are counted anew",
    ),
    "app_missing": Check(
        "info",
        "Jobs are pending whose app, or its folder, is not there.",
        advice="Register it where it is now with `dendro-local apps add FOLDER`.",
    ),
    "blob_not_held": Check(
        "error",
        "A file of a job is not protected from being removed.",
        "it is, or the record stays without it if it is gone",
    ),
    "blob_held_for_nothing": Check(
        "warning", "A job keeps a file that it did not leave.", "it is kept no more"
    ),
    "output_missing": Check(
        "error",
        "An output, or an additional file, of a job is not in the store any more.",
        f"the record stays without it, and {_RUNS_AGAIN}",
    ),
    "log_missing": Check(
        "warning",
        "What a job printed is not in the store any more.",
        "the record stays without it",
    ),
    "blob_damaged": Check(
        "error",
        "A file has other bytes than when its job left it, or cannot be read.",
        f"it is moved to damaged/ in the store, and {_RUNS_AGAIN}",
    ),
    "blob_orphaned": Check("warning", "No record names a file.", "it is removed"),
    "blob_writable": Check(
        "warning", "A file may be written to; nothing should change it.", "it may only be read"
    ),
    "stray_file": Check(
        "info", "Something among the files is not the store's.", advice="Move it where it belongs."
    ),
    "half_written": Check("warning", "A file was never completed.", "it is removed"),
    "run_folder_left": Check(
        "warning",
        "A working folder is of no job that runs.",
        "what still works in it is ended, and it is removed",
    ),
    "upload_left": Check(
        "warning", "A file that was on its way in will not come to its end.", "it is removed"
    ),
    "output_links_left": Check(
        "warning", "Names of outputs are of no job that there is.", "they are removed"
    ),
    "output_link_dangling": Check(
        "warning", "The name of an output leads to no file.", "it is removed"
    ),
    "lock_dead": Check(
        "warning", "A lock is of a compute client that is not alive.", "it is removed"
    ),
    "socket_dead": Check("warning", "A socket is of a process that has ended.", "it is removed"),
    "readable_by_all": Check(
        "warning",
        "Every user of the machine may look into the store.",
        "only those with rights of its user or group may",
    ),
    "key_readable": Check(
        "error",
        "Others than the store's user may read the key of its secrets, or change it.",
        "only its user may",
    ),
    "not_writable": Check(
        "error",
        "A part of the store cannot be written, so that jobs cannot run.",
        advice="Check its permissions and owner.",
    ),
    "little_room": Check(
        "warning",
        "Less than 1 GB, or 5 % of the disk, is free.",
        advice="Free some, for example with `dendro-local prune`.",
    ),
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be."""

    check: str
    """Which of `CHECKS`."""
    severity: Severity
    subject: str
    """Which job or file."""
    message: str
    remedy: str
    """What a repair does, or has done, if it is repairable; else what to do."""
    is_repairable: bool
    is_repaired: bool = False


class Found(NamedTuple):
    """A finding with its repair, which looks again before it changes anything."""

    finding: Finding
    repair: Callable[[], object] | None


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at and found."""

    findings: list[Finding]
    jobs: int
    blobs: int
    blob_bytes: int


def found(
    name: str, subject: object, message: str, repair: Callable[[], object] | None = None
) -> Found:
    """A finding of one of `CHECKS`, with a repair if that has one."""
    check = CHECKS[name]
    if (repair is not None) != bool(check.repair):
        raise ValueError(f"check {name} {'has a' if check.repair else 'has no'} repair")
    finding = Finding(
        check=name,
        severity=check.severity,
        subject=str(subject),
        message=message,
        remedy=check.repair or check.advice,
        is_repairable=repair is not None,
    )
    return Found(finding, repair)
