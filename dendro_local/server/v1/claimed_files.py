"""The files that a compute client has uploaded for a job, looked at before its end is recorded."""

from collections.abc import Mapping
from pathlib import Path

from dendro_local.errors import IncompleteUpload, InvalidRequest
from dendro_local.hub import Claim
from dendro_local.local_hub.received_files import FileKind, check_set_url
from dendro_local.model import Digest
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.incoming import Incoming, size_of
from dendro_local.v1 import Complete, UploadedFile

__all__ = ["checked", "files_of", "logs_of"]


def files_of(asked: Asked, claim: Claim, data: Complete) -> dict[Path, UploadedFile]:
    """The files that a compute client says it has uploaded.

    Raises:
        InvalidRequest: they are not those of the job.
    """
    definition = claim.job.jobDefinition
    names = {output.name for output in definition.outputFiles}
    if set(data.outputs) != names:
        other = ", ".join(sorted(names ^ set(data.outputs)))
        raise InvalidRequest(f"The outputs are not those of the job: {other[:1000]}.")
    files: dict[Path, UploadedFile] = {}
    for name, told in data.outputs.items():
        if isinstance(told, str):
            check_set_url(definition, name, told)
        else:
            files[asked.hub.received_file(claim, "output", name)] = told
    for name, told in data.others.items():
        files[asked.hub.received_file(claim, "other", name)] = told
    return files | logs_of(asked, claim, data.console, data.usage)


def logs_of(
    asked: Asked, claim: Claim, console: UploadedFile | None, usage: UploadedFile | None
) -> dict[Path, UploadedFile]:
    """The logs that a compute client says it has uploaded."""
    logs: tuple[tuple[FileKind, UploadedFile | None], ...] = (
        ("console", console),
        ("usage", usage),
    )
    return {
        asked.hub.received_file(claim, kind, ""): told for kind, told in logs if told is not None
    }


async def checked(incoming: Incoming, files: Mapping[Path, UploadedFile]) -> dict[Path, Digest]:
    """The digests of files that were uploaded.

    Raises:
        IncompleteUpload: one has not come whole. If it has other bytes, they are removed, so that
            it is sent anew.
    """
    for file, told in files.items():
        if size_of(file) != told.size:
            raise IncompleteUpload(
                f"A file has not come whole: {size_of(file)} of {told.size} bytes."
            )
    digests = await incoming.digests(files)
    wrong = [file for file, told in files.items() if digests[file] != told.digest]
    for file in wrong:
        file.unlink(missing_ok=True)
        incoming.forget(file)
    if wrong:
        raise IncompleteUpload("A file came with other bytes than it should have.")
    return digests
