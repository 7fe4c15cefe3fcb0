"""Jobs that are never pruned, and blobs that a record names but the store gave up."""

__all__ = ["PINS_AND_GIVEN_UP_BLOBS"]

PINS_AND_GIVEN_UP_BLOBS = (
    """
    create table pins (
        number integer primary key references jobs on delete cascade,
        pinned_at real not null
    ) strict
    """,
    # A blob of a job is in job_blobs or here: here if its bytes were dropped, because the job
    # can run again, or were found to be lost.
    """
    create table given_up_blobs (
        number integer not null references jobs on delete cascade,
        digest blob not null,
        primary key (number, digest)
    ) strict, without rowid
    """,
)
