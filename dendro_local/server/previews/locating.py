"""Finds a file of a job, by what it is to the job and its name there."""

import msgspec

from dendro_local.errors import OutputNotFound
from dendro_local.local_hub import JobFacts
from dendro_local.v1 import FileKind

__all__ = ["NamedFile", "named_file"]


class NamedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a job: its URL, stable where a store owns it, and what it is called.

    ``size`` is in bytes; None where the job's record does not tell it.
    """

    kind: FileKind
    name: str
    file_name: str
    url: str
    size: int | None = None

    @property
    def is_of_a_store(self) -> bool:
        """Whether its URL names a file that a store can have."""
        return self.url.startswith("dendro:")


def named_file(facts: JobFacts, kind: FileKind, name: str) -> NamedFile:
    """A file of a job, whether its bytes are there or not.

    Raises:
        OutputNotFound: the job has none of this kind and name.
    """
    definition = facts.record.jobDefinition
    if kind == "input":
        for each in definition.inputFiles:
            if each.name == name:
                return NamedFile(kind=kind, name=name, file_name=each.fileBaseName, url=each.url)
    names = {each.name: each.fileBaseName for each in definition.outputFiles}
    for found in facts.files:
        if (found.kind, found.name) == (kind, name):
            own = names.get(name) if kind == "output" else None
            file_name = own or found.name.rpartition("/")[2]
            return NamedFile(
                kind=kind, name=name, file_name=file_name, url=found.url, size=found.size
            )
    raise OutputNotFound(f"Job {facts.record.jobId} has no {kind} file {name!r}.")
