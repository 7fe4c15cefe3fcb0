"""Very many jobs in a store at once, as if they had been run."""

import sqlite3
from contextlib import closing

from dendro_local.local_hub import LocalHub

__all__ = ["SECONDS_APART", "copy_newest"]

SECONDS_APART = 10

COPY = """
with recursive copies (n) as (select :count union all select n - 1 from copies where n > 1)
insert into jobs ({columns}) select {values} from copies cross join jobs
where number = (select max(number) from jobs)
"""

_MOMENT = "created_at - n * :apart"

_OWN = {
    "job_id": "printf('copy%016d', n)",
    "definition_hash": "printf('%040x', n)",
    "status": "case n % 50 when 13 then 'failed' else status end",
    "error": "case n % 50 when 13 then 'ValueError: no spikes in ' || n end",
    "files": "null",
    "feed_number": "feed_number + :count - n + 1",
    "created_at": _MOMENT,
    "starting_at": f"{_MOMENT} + n % 7",
    "finished_at": f"{_MOMENT} + 9",
    "updated_at": f"{_MOMENT} + 9",
}
"""What a copy has of its own: each is older than the one before. None has files."""

TAG = """
insert into job_tags (tag, updated_at, number)
select 'thousand-' || (cast(substr(job_id, 5) as integer) / 1000), updated_at, number
from jobs where job_id like 'copy%'
"""


def copy_newest(hub: LocalHub, count: int) -> None:
    """Add so many copies of the newest job, older and older; some of them failed.

    The ``n``-th has the id ``copy`` and ``n`` in 16 digits, is ``SECONDS_APART`` older than the one
    before, and is found by the tag ``thousand-`` and ``n // 1000``.
    """
    with closing(sqlite3.connect(hub.store.folder.database, isolation_level=None)) as connection:
        connection.execute("pragma synchronous = off")
        names = [row[1] for row in connection.execute("pragma table_info(jobs)")]
        names.remove("number")
        values = [_OWN.get(name, name) for name in names]
        query = COPY.format(columns=", ".join(names), values=", ".join(values))
        connection.execute("begin immediate")
        connection.execute(query, {"count": count, "apart": SECONDS_APART})
        connection.execute(TAG)
        connection.execute(
            "update meta set value = (select max(feed_number) from jobs) where key = 'feed_number'"
        )
        connection.execute("commit")
        connection.execute("pragma wal_checkpoint(truncate)")  # a long log is slow to read
