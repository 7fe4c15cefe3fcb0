"""Which jobs read a file, found by the file's URL."""

from typing import NamedTuple

import msgspec

from dendro_local.model import JobDefinition
from dendro_local.store.connection import Connections

__all__ = ["InputFileTable", "InputUse"]

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


def _base_name(definition: str, url: str) -> str:
    files = _definition.decode(definition).inputFiles
    return next(file.fileBaseName for file in files if file.url == url)
