"""Which jobs keep a blob from being removed, and which blobs of a job were given up.

Of the blobs that a job's record names, each is held by the job, or it was given up: its bytes were
dropped on purpose, or found to be lost. A blob that no job holds is nobody's and may be removed.
"""

from collections.abc import Iterable, Iterator

from dendro_local.model import Digest, JobId
from dendro_local.store.connection import Connections

__all__ = ["BlobHolders"]


class BlobHolders:
    """Who holds which blob. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def held_by(self, number: int) -> set[Digest]:
        """The blobs that a job holds."""
        return self._digests("select digest from job_blobs where number = ?", number)

    def given_up_by(self, number: int) -> set[Digest]:
        """The blobs of a job that were given up."""
        return self._digests("select digest from given_up_blobs where number = ?", number)

    def count(self, digest: Digest) -> int:
        """How many jobs hold a blob."""
        row: tuple[int] = (
            self._connections.get()
            .execute("select count(*) from job_blobs where digest = ?", (bytes.fromhex(digest),))
            .fetchone()
        )
        return row[0]

    def holding_jobs(self, digest: Digest) -> list[tuple[int, JobId]]:
        """Number and id of the jobs that hold a blob."""
        return (
            self._connections.get()
            .execute(
                "select j.number, j.job_id from job_blobs b join jobs j on j.number = b.number "
                "where b.digest = ?",
                (bytes.fromhex(digest),),
            )
            .fetchall()
        )

    def all_held(self) -> Iterator[Digest]:
        """Every blob that some job holds, once. Nothing may be changed before the last."""
        for (digest,) in self._connections.get().execute("select distinct digest from job_blobs"):
            yield Digest(digest.hex())

    def jobs_that_gave_up_some(self) -> set[int]:
        """The numbers of the jobs whose records name blobs that were given up."""
        rows = self._connections.get().execute("select distinct number from given_up_blobs")
        return {row[0] for row in rows.fetchall()}

    def hold(self, number: int, digest: Digest) -> None:
        """Let a job hold a blob."""
        connection = self._connections.get()
        key = (number, bytes.fromhex(digest))
        connection.execute("insert or ignore into job_blobs (number, digest) values (?, ?)", key)
        connection.execute("delete from given_up_blobs where number = ? and digest = ?", key)

    def let_go(self, number: int, digest: Digest) -> None:
        """Let a job hold a blob no more that its record does not name."""
        connection = self._connections.get()
        key = (number, bytes.fromhex(digest))
        connection.execute("delete from job_blobs where number = ? and digest = ?", key)
        connection.execute("delete from given_up_blobs where number = ? and digest = ?", key)

    def give_up(self, number: int, digests: Iterable[Digest]) -> None:
        """Let a job hold blobs no more that its record goes on to name."""
        connection = self._connections.get()
        for digest in digests:
            self.let_go(number, digest)
            connection.execute(
                "insert into given_up_blobs (number, digest) values (?, ?)",
                (number, bytes.fromhex(digest)),
            )

    def _digests(self, query: str, number: int) -> set[Digest]:
        rows = self._connections.get().execute(query, (number,))
        return {Digest(row[0].hex()) for row in rows.fetchall()}
