"""What is told of a job, an app and a deletion to other stores.

A job's record holds what never changes once the job has ended, and nothing that is of this machine
alone: no secret, no path, no tag. Fields are those of the contract, where it has them. They are
printed in the order in which they stand here, so that a record has one text; a change of it is a
new version of the format (see `dendro_local.signed_records.statements`).
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from dendro_local.model import (
    AppSdk,
    AppSpecification,
    Digest,
    JobDefinition,
    JobId,
    RequiredResources,
)

__all__ = ["DeletedJob", "FileRecord", "FilesRecord", "JobRecord", "SharedApp"]


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Frozen, and strict about unknown keys: what is not understood is not vouched for.

    Without garbage collection, since there are thousands of them at a time, and none holds itself.
    """


class FileRecord(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """A file that a job left: SHA-256 and size in bytes, or the URL that the app set instead."""

    digest: Digest | None = None
    size: int | None = None
    url: str | None = None


class FilesRecord(_Record, frozen=True, kw_only=True, omit_defaults=True):
    """What a finished job left: outputs and other files by name, what it printed, what it used."""

    outputs: Mapping[str, FileRecord] = {}
    others: Mapping[str, FileRecord] = {}
    console: FileRecord | None = None
    usage: FileRecord | None = None

    def all(self) -> list[FileRecord]:
        """Every file, in no particular order."""
        logs = [file for file in (self.console, self.usage) if file is not None]
        return [*self.outputs.values(), *self.others.values(), *logs]


class JobRecord(_Record, frozen=True, kw_only=True):
    """A job that has ended. Times are seconds since the Unix epoch, UTC."""

    jobId: JobId
    serviceName: str
    userId: str
    batchId: str
    jobDefinition: JobDefinition
    jobDefinitionHash: str
    appVersion: str | None
    contentKey: str | None
    """See `dendro_local.definition.content_key`; None where it is not known."""
    mustRun: bool
    """Whether it was submitted so as not to take over the outputs of an equal job."""
    jobDependencies: list[JobId]
    requiredResources: RequiredResources
    status: Literal["completed", "failed"]
    canceled: bool
    error: str | None
    timestampCreatedSec: float
    timestampStartingSec: float | None
    timestampStartedSec: float | None
    timestampFinishedSec: float | None
    computeClientId: str | None
    computeClientName: str | None
    computeClientUserId: str | None
    imageUri: str | None
    attempts: int
    files: FilesRecord


class SharedApp(_Record, frozen=True, kw_only=True):
    """An app of a service, so that jobs of it can be found where its code is not."""

    serviceName: str
    appName: str
    appSpecificationUri: str
    appSpecificationCommit: str
    appSpecification: AppSpecification
    version: str | None
    sdk: AppSdk | None


class DeletedJob(_Record, frozen=True, kw_only=True):
    """That a job was deleted, in seconds since the Unix epoch."""

    jobId: JobId
    serviceName: str
    deletedSec: float
