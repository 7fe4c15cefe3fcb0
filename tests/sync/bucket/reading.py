"""What a bucket tells, for tests to look at."""

from dendro_local.signed_records import (
    Entry,
    decode_entry,
)
from dendro_sync.remotes.bucket import BucketRemote
from dendro_sync.selection import Selection

ALL = Selection()


def lines_of(remote: BucketRemote, cursor: str = "", selection: Selection = ALL) -> list[bytes]:
    """All lines after a cursor."""
    return [line for batch in remote.changes(cursor, selection) for line in batch.lines]


def entries_in(remote: BucketRemote, cursor: str = "") -> list[Entry]:
    """All entries after a cursor."""
    decoded = (decode_entry(line) for line in lines_of(remote, cursor))
    return [each for each in decoded if isinstance(each, Entry)]


def end_of(remote: BucketRemote) -> str:
    """The cursor behind all there is."""
    *_, last = remote.changes("", ALL)
    return last.end.cursor


def nothing(refusals: object) -> None:
    """Nothing was refused."""
    assert refusals == []
