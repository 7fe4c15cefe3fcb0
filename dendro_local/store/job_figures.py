"""How many jobs there are and how they get on, in time that is bounded however many there are."""

from typing import NamedTuple

from dendro_local.model import JobStatus
from dendro_local.store.connection import Connections

__all__ = ["EndedJobs", "JobFigures"]

count_of_status = """
select count(*) from (
    select 1 from jobs indexed by jobs_by_status where status = :status limit :most
)
"""

# By the index alone: of a job that was changed after its end it takes that for its end.
count_ended = """
select count(*) from jobs indexed by jobs_by_status
where status = :status and updated_at >= :since and updated_at < :until
"""

ended = """
select finished_at >= :since and finished_at < :until, starting_at - created_at
from jobs indexed by jobs_by_status
where status = :status and updated_at >= :since and updated_at < :until
limit :most
"""


class EndedJobs(NamedTuple):
    """The jobs of one status that ended in some time.

    ``waited_sec`` is how long each waited from its submission until it was started: of all that
    were started, or, if there are very many, of some.
    """

    number: int
    waited_sec: tuple[float, ...]


class JobFigures:
    """Figures of the jobs of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def count(self, status: JobStatus, most: int) -> int:
        """How many jobs there are of a status, counting no further than ``most``."""
        values = {"status": status, "most": most}
        row: tuple[int] = self._connections.get().execute(count_of_status, values).fetchone()
        return row[0]

    def ended(self, status: JobStatus, since: float, until: float, most: int) -> EndedJobs:
        """The jobs that ended so between two moments, in seconds since the Unix epoch.

        Args:
            status: with which they ended.
            since: the first moment.
            until: the moment after the last.
            most: how many are looked at one by one. If there are more, those that were changed
                after they had ended count as if they had ended then.
        """
        connection = self._connections.get()
        values = {"status": status, "since": since, "until": until, "most": most}
        rows = connection.execute(ended, values).fetchall()
        number = sum(1 for is_within, _ in rows if is_within)
        if len(rows) == most:
            number = connection.execute(count_ended, values).fetchone()[0]
        waited = tuple(max(sec, 0.0) for is_within, sec in rows if is_within and sec is not None)
        return EndedJobs(number, waited)
