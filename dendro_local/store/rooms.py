"""What the finished jobs of each processor add up to: how many, how long they ran, their room."""

from typing import NamedTuple

from dendro_local.store.connection import Connections

__all__ = ["ProcessorRoom", "RoomTable"]

# One pass over the table; whoever asks keeps the answer for a while.
room_of_processors = """
select service_name, app_name, processor_name,
    sum(status = 'completed'),
    sum(status = 'failed'),
    sum(coalesce(finished_at - starting_at, 0.0)),
    sum(coalesce(file_bytes, 0)),
    sum(case when finished_at >= :now - 86400.0 then coalesce(file_bytes, 0) else 0 end),
    sum(case when finished_at >= :now - 604800.0 then coalesce(file_bytes, 0) else 0 end),
    sum(case when finished_at >= :now - 2592000.0 then coalesce(file_bytes, 0) else 0 end)
from jobs where status in ('completed', 'failed')
group by service_name, app_name, processor_name
"""


class ProcessorRoom(NamedTuple):
    """Of the finished jobs of a processor: how many, and the bytes of their files by their end.

    A file that several jobs have counts for each.
    """

    service_name: str
    app_name: str
    processor_name: str
    completed: int
    failed: int
    run_sec: float
    """How long they ran in all."""
    all_bytes: int
    day_bytes: int
    week_bytes: int
    month_bytes: int


class RoomTable:
    """Questions about room. It changes nothing."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def by_processor(self, now: float) -> list[ProcessorRoom]:
        """Every processor with finished jobs.

        Args:
            now: the time, in seconds since the Unix epoch.
        """
        rows = self._connections.get().execute(room_of_processors, {"now": now})
        return [ProcessorRoom(*row) for row in rows.fetchall()]
