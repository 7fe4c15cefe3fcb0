"""How much a user has of what a public hub limits."""

import time

from dendro_local.store.connection import Connections

__all__ = ["DAY_SEC", "UserHoldings"]

DAY_SEC = 24 * 3600.0

# A job is never updated before it is submitted: its place in the index tells enough.
jobs_of_a_day = """
select count(*), min(created_at) from jobs indexed by jobs_by_user
where user_id = :user and updated_at > :since and created_at > :since
"""

count_pending = """
select count(*) from jobs indexed by jobs_pending_of_user where status = 'pending' and user_id = ?
"""


class UserHoldings:
    """Questions about what users have. It changes nothing."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def pending_jobs(self, user_id: str) -> int:
        """How many jobs of a user are pending."""
        row: tuple[int] = self._connections.get().execute(count_pending, (user_id,)).fetchone()
        return row[0]

    def jobs_of_a_day(self, user_id: str) -> tuple[int, float | None]:
        """How many jobs a user submitted in the last 24 hours that are still there.

        And when the first of them was, in seconds since the epoch; None if there are none.
        """
        since = time.time() - DAY_SEC
        row: tuple[int, float | None] = (
            self._connections.get()
            .execute(jobs_of_a_day, {"user": user_id, "since": since})
            .fetchone()
        )
        return row

    def stored_bytes(self, user_id: str) -> int:
        """How many bytes the files of a user's jobs have.

        A file that several jobs have counts for each; inputs do not count.
        """
        row: tuple[int] | None = (
            self._connections.get()
            .execute("select bytes from user_bytes where user_id = ?", (user_id,))
            .fetchone()
        )
        return 0 if row is None else row[0]
