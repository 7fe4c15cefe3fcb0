"""Records that cross a boundary: the job definition, the job, the app and its spec, the service.

Field names are those of the Dendro contract, in camelCase, so that a record decodes from a
contract request and encodes to a contract reply as it stands. Every record is frozen, and an
unknown key is refused.

The fields of the four records of a job definition stand in alphabetical order, because the
definition hash is over JSON with sorted keys and msgspec encodes fields in the order in which
they are declared (see `dendro_local.definition`).
"""

from typing import Any, Literal, NewType

import msgspec

__all__ = [
    "AppSdk",
    "AppSpecification",
    "ComputeClient",
    "ComputeSlot",
    "Digest",
    "Job",
    "JobDefinition",
    "JobId",
    "JobInputFile",
    "JobOutputFile",
    "JobParameter",
    "JobStatus",
    "OtherFileOutput",
    "OutputFileResult",
    "ParameterValue",
    "ProcessorAttribute",
    "ProcessorInput",
    "ProcessorOutput",
    "ProcessorParameter",
    "ProcessorSpecification",
    "RequiredResources",
    "Secret",
    "Service",
    "ServiceApp",
    "ServiceUser",
    "Usage",
    "UserStats",
]

JobId = NewType("JobId", str)
"""Twenty characters of ``[A-Za-z0-9]``."""

Digest = NewType("Digest", str)
"""SHA-256 of a file's bytes, 64 lower-case hexadecimal digits."""

JobStatus = Literal["pending", "starting", "running", "completed", "failed"]

ParameterValue = str | int | float | bool | list[str | int | float | bool] | None
"""What a parameter can carry. A list holds values of one kind: strings, numbers or booleans."""


AppSdk = Literal["dendro_local", "dendro"]
"""The package whose ``sdk`` an app is written with: ours, or that of the original Dendro."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all records have in common: frozen, made by keyword, strict about unknown keys."""


class JobInputFile(Record, frozen=True, kw_only=True):
    """One input file of a job definition."""

    fileBaseName: str
    name: str
    url: str


class JobOutputFile(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One output file of a job definition."""

    fileBaseName: str
    name: str
    urlDeterminedAtRuntime: bool | msgspec.UnsetType = msgspec.UNSET


class JobParameter(Record, frozen=True, kw_only=True):
    """One parameter of a job definition."""

    name: str
    value: ParameterValue


class JobDefinition(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be computed: a processor of an app, its inputs, outputs and parameters."""

    appName: str
    cacheBust: str | msgspec.UnsetType = msgspec.UNSET
    inputFiles: list[JobInputFile]
    outputFiles: list[JobOutputFile]
    parameters: list[JobParameter]
    processorName: str


class RequiredResources(Record, frozen=True, kw_only=True):
    """What a job needs of a compute slot, and how long it may run."""

    numCpus: int
    numGpus: int
    memoryGb: float
    timeSec: float


class Secret(Record, frozen=True, kw_only=True):
    """A named secret that only the job's own run may see."""

    name: str
    value: str

    def __repr__(self) -> str:
        # Whatever record it is part of may come into a message or a log.
        return f"Secret(name={self.name!r}, value=...)"


class OutputFileResult(Record, frozen=True, kw_only=True):
    """Where an output of a job is, or will be; ``size`` in bytes once it is known."""

    name: str
    fileBaseName: str
    url: str
    size: int | None = None


class OtherFileOutput(Record, frozen=True, kw_only=True):
    """A file that the app added to its job beside the outputs of its definition."""

    name: str
    url: str


class Job(Record, frozen=True, kw_only=True):
    """One request to run a job definition on a service, and what became of it.

    Times are seconds since the Unix epoch, UTC. URLs of files that a store owns are in their
    stable form, ``dendro:f/...`` (see `dendro_local.definition.file_url`).
    """

    jobId: JobId
    jobPrivateKey: str | None = None
    serviceName: str
    userId: str
    batchId: str
    tags: list[str]
    jobDefinition: JobDefinition
    jobDefinitionHash: str
    jobDependencies: list[JobId]
    requiredResources: RequiredResources
    targetComputeClientIds: list[str] | None = None
    secrets: list[Secret] | None = None
    inputFileUrlList: list[str]
    outputFileUrlList: list[str]
    outputFileResults: list[OutputFileResult]
    otherFileOutputs: list[OtherFileOutput] | msgspec.UnsetType = msgspec.UNSET
    consoleOutputUrl: str
    resourceUtilizationLogUrl: str
    timestampCreatedSec: float
    timestampStartingSec: float | None = None
    timestampStartedSec: float | None = None
    timestampFinishedSec: float | None = None
    timestampUpdatedSec: float | None = None
    canceled: bool = False
    status: JobStatus = "pending"
    isRunnable: bool
    error: str | None = None
    computeClientId: str | None = None
    computeClientName: str | None = None
    computeClientUserId: str | None = None
    imageUri: str | None = None


class ProcessorInput(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An input file that a processor takes; with ``list``, any number: ``name[0]``, ..."""

    name: str
    description: str
    list: bool | msgspec.UnsetType = msgspec.UNSET


class ProcessorOutput(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An output file that a processor gives."""

    name: str
    description: str
    urlDeterminedAtRuntime: bool | msgspec.UnsetType = msgspec.UNSET


class ProcessorParameter(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A parameter of a processor; without ``defaultValue`` it must be given."""

    name: str
    type: str
    description: str
    defaultValue: ParameterValue | msgspec.UnsetType = msgspec.UNSET
    options: list[Any] | msgspec.UnsetType = msgspec.UNSET


class ProcessorAttribute(Record, frozen=True, kw_only=True):
    """A named fact about a processor that does not enter a job definition."""

    name: str
    value: str | int | float | bool | list[str | int | float | bool]


class ProcessorSpecification(Record, frozen=True, kw_only=True):
    """What a processor is called, takes and gives, and where its code is in its image."""

    name: str
    description: str
    label: str
    image: str
    executable: str
    inputs: list[ProcessorInput]
    outputs: list[ProcessorOutput]
    parameters: list[ProcessorParameter]
    attributes: list[ProcessorAttribute]


class AppSpecification(Record, frozen=True, kw_only=True):
    """An app: a named set of processors."""

    name: str
    description: str
    processors: list[ProcessorSpecification]


class ServiceApp(Record, frozen=True, kw_only=True):
    """An app as it is registered on a service."""

    serviceName: str
    appName: str
    appSpecificationUri: str
    appSpecificationCommit: str
    appSpecification: AppSpecification


class ServiceUser(Record, frozen=True, kw_only=True):
    """What a user may do on a service."""

    userId: str
    admin: bool
    createJobs: bool
    processJobs: bool


class Service(Record, frozen=True, kw_only=True):
    """A named collection of apps, compute clients and users, owned by a user."""

    serviceName: str
    userId: str
    users: list[ServiceUser]


class ComputeSlot(Record, frozen=True, kw_only=True):
    """How much one job may use of a compute client, and how many such jobs run at once.

    The ``min`` fields keep small jobs away from large slots.
    """

    numCpus: int
    numGpus: int
    memoryGb: float
    timeSec: float
    minNumCpus: int = 0
    minNumGpus: int = 0
    minMemoryGb: float = 0
    minTimeSec: float = 0
    multiplicity: int = 1


class ComputeClient(Record, frozen=True, kw_only=True):
    """A daemon that runs jobs of its services. Its key is in no record.

    ``processJobsForUsers`` is None where it runs the jobs of everybody. Its last activity is in
    seconds since the Unix epoch.
    """

    serviceNames: list[str]
    computeClientId: str
    computeClientPrivateKey: str | None = None
    computeClientName: str
    userId: str
    processJobsForUsers: list[str] | None = None
    description: str
    computeSlots: list[ComputeSlot]
    timestampLastActiveSec: float | msgspec.UnsetType = msgspec.UNSET


class Usage(Record, frozen=True, kw_only=True):
    """What finished jobs have used together: their resources times the hours that they ran."""

    numJobs: int = 0
    cpuHours: float = 0.0
    gpuHours: float = 0.0
    gbHours: float = 0.0
    jobHours: float = 0.0


class UserStats(Record, frozen=True, kw_only=True):
    """What a user's jobs have used, and what jobs of anybody used on the user's compute clients.

    Jobs that are deleted are counted apart.
    """

    consumed: Usage
    provided: Usage
    consumedDeleted: Usage
    providedDeleted: Usage
