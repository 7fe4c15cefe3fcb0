"""Which jobs read a file, found by the file's URL."""

from typing import NamedTuple

import msgspec

from dendro_local.model import JobDefinition, JobId
from dendro_local.store.connection import Connections

__all__ = ["InputFileTable", "InputUse"]

MOST_LOOKED_AT = 10_000

MOST_USES = 20
"""Of a file that many jobs read, a few of them say as much as all."""

_definition = msgspec.json.Decoder(JobDefinition)

# Both tables by their indexes, and in the index's own order: a favourite input has a million uses.
uses_of_input = """
select i.local_path, j.definition
from job_inputs i cross join jobs j on j.number = i.number
where i.url = ?
order by i.updated_at desc
limit ?
"""


# Of a file that many jobs read, too, no more than some uses are looked at for each remote.
remotes_of_input = """
select r.name from remotes r
where exists (
    select 1
    from (select number from job_inputs where url = :url order by updated_at desc limit :most) i
    join job_origins o on o.number = i.number
    where o.origin = r.name
)
order by r.name
"""


readers_from_remote = """
select j.job_id
from job_origins o
cross join job_inputs i on i.number = o.number
cross join jobs j on j.number = o.number
where o.origin = :origin and i.url >= 'dendro:sha256/' and i.url < 'dendro:sha2560'
group by j.number
"""


class InputUse(NamedTuple):
    """A file as a job reads it: under which name, and where it was when the job was submitted."""

    base_name: str
    local_path: str | None


class InputFileTable:
    """The input files of all jobs."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def uses(self, url: str) -> list[InputUse]:
        """The jobs that have this URL as an input, latest first; some of them if they are many."""
        rows = self._connections.get().execute(uses_of_input, (url, MOST_USES))
        return [InputUse(_base_name(definition, url), path) for path, definition in rows.fetchall()]

    def remotes(self, url: str) -> list[str]:
        """The names of the remotes from which jobs came that have this URL as an input."""
        rows = self._connections.get().execute(
            remotes_of_input, {"url": url, "most": MOST_LOOKED_AT}
        )
        return [row[0] for row in rows]

    def readers_from(self, origin: str) -> list[JobId]:
        """The jobs that came from somewhere and read files of a machine."""
        rows = self._connections.get().execute(readers_from_remote, {"origin": origin})
        return [JobId(row[0]) for row in rows]


def _base_name(definition: str, url: str) -> str:
    files = _definition.decode(definition).inputFiles
    return next(file.fileBaseName for file in files if file.url == url)
