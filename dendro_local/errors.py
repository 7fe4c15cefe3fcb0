"""Everything that can go wrong in a way that a caller may want to tell apart.

    DendroError
    ├── InvalidRequest            what was asked cannot be carried out as it stands
    │   ├── InvalidDefinition     a job definition, or a value in it
    │   ├── IncompatibleDefinition  does not fit the processor that it names
    │   └── InvalidApp            an app folder or spec that cannot be used
    ├── NotFound
    │   ├── JobNotFound
    │   ├── ServiceNotFound
    │   ├── AppNotFound
    │   ├── OutputNotFound
    │   ├── UserNotFound
    │   └── ComputeClientNotFound
    ├── NotAuthenticated          who asks shows no key, or one that is nobody's
    ├── NotAllowed                the user lacks the right
    ├── Conflict                  the job is not in a state in which this can be done
    │   ├── ClaimLost             the job no longer belongs to this run of it
    │   └── IncompleteUpload      a file has not come whole, or goes on at another byte
    ├── QuotaExceeded             a user has, or asks for, more than the hub lets one user have
    │   └── TooLarge              a file has more bytes than a user may store or send
    ├── InputUnavailable          an input file changed, vanished or cannot be fetched
    ├── EnvironmentFailed         an app's Python environment could not be built
    ├── ContainerFailed           a container engine or image cannot be had, or does not work
    ├── JobFailed                 a job that was waited for, or whose output was read, failed
    ├── SyncIncomplete            some of what was to be exchanged with a remote was refused
    ├── NotVerified               a job, or one that it depends on, is not what was signed
    ├── StoreError                the store cannot be opened, read or written
    │   ├── StoreTooNew
    │   ├── StoreDamaged
    │   └── DiskFull
    ├── HubUnreachable            the hub did not answer
    │   └── NotAHub               what answers at its address is none, or is not understood
    └── NotSupported              this system lacks something that is needed (Windows: Unix)

Each class carries what the edges need: ``code`` (the same in the command line's ``--json``, over
HTTP and in the docs), ``http_status`` and ``exit_code``. The message says what happened, to
which thing, and what to do. Programmer's mistakes raise ValueError, TypeError or RuntimeError.
"""

from typing import ClassVar

__all__ = [
    "AppNotFound",
    "ClaimLost",
    "ComputeClientNotFound",
    "Conflict",
    "ContainerFailed",
    "DendroError",
    "DiskFull",
    "EnvironmentFailed",
    "HubUnreachable",
    "IncompatibleDefinition",
    "IncompleteUpload",
    "InputUnavailable",
    "InvalidApp",
    "InvalidDefinition",
    "InvalidRequest",
    "JobFailed",
    "JobNotFound",
    "NotAHub",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotSupported",
    "NotVerified",
    "OutputNotFound",
    "QuotaExceeded",
    "ServiceNotFound",
    "StoreDamaged",
    "StoreError",
    "StoreTooNew",
    "SyncIncomplete",
    "TooLarge",
    "UserNotFound",
]


class DendroError(Exception):
    """What every error of this project is."""

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1


class InvalidRequest(DendroError):
    """What was asked cannot be carried out as it stands."""

    code = "invalid_request"
    http_status = 400
    exit_code = 3


class InvalidDefinition(InvalidRequest):
    """A job definition, or a value in it, that the contract cannot carry."""

    code = "invalid_definition"
    exit_code = 4


class IncompatibleDefinition(InvalidRequest):
    """A job definition that does not fit the processor that it names."""

    code = "incompatible_definition"
    exit_code = 5


class InvalidApp(InvalidRequest):
    """An app folder or spec that cannot be used."""

    code = "invalid_app"
    exit_code = 6


class NotFound(DendroError):
    """Something that was named does not exist."""

    code = "not_found"
    http_status = 404
    exit_code = 10


class JobNotFound(NotFound):
    """No job has this id, or several start with it."""

    code = "job_not_found"
    exit_code = 11


class ServiceNotFound(NotFound):
    """No service has this name."""

    code = "service_not_found"
    exit_code = 12


class AppNotFound(NotFound):
    """The service has no app of this name."""

    code = "app_not_found"
    exit_code = 13


class OutputNotFound(NotFound):
    """The job has no output of this name, or its bytes are not there."""

    code = "output_not_found"
    exit_code = 14


class UserNotFound(NotFound):
    """No user has this id, or no key of theirs does."""

    code = "user_not_found"
    exit_code = 15


class ComputeClientNotFound(NotFound):
    """No compute client has this id."""

    code = "compute_client_not_found"
    exit_code = 16


class NotAuthenticated(DendroError):
    """Who asks shows no key, or one that is nobody's."""

    code = "not_authenticated"
    http_status = 401
    exit_code = 24


class NotAllowed(DendroError):
    """The user lacks the right to do this."""

    code = "not_allowed"
    http_status = 403
    exit_code = 20


class Conflict(DendroError):
    """The job is not in a state in which this can be done."""

    code = "conflict"
    http_status = 409
    exit_code = 21


class ClaimLost(Conflict):
    """The job no longer belongs to this run of it: canceled, deleted or given to another."""

    code = "claim_lost"
    exit_code = 22


class IncompleteUpload(Conflict):
    """A file has not come whole, or goes on at another byte than was said."""

    code = "incomplete_upload"
    exit_code = 25


class QuotaExceeded(DendroError):
    """A user has, or asks for, more than a public hub lets one user have.

    Args:
        message: which quota it is, and what to do.
        retry_after_sec: when it may be worth to ask again; None if not by itself.
    """

    code = "quota_exceeded"
    http_status = 429
    exit_code = 26

    def __init__(self, message: str, retry_after_sec: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_sec = retry_after_sec


class TooLarge(QuotaExceeded):
    """A file has more bytes than a user may store on, or send to, a public hub."""

    code = "too_large"
    http_status = 413
    exit_code = 27


class InputUnavailable(DendroError):
    """An input file changed, vanished or cannot be fetched."""

    code = "input_unavailable"
    http_status = 409
    exit_code = 23


class EnvironmentFailed(DendroError):
    """The Python environment that an app needs could not be built."""

    code = "environment_failed"
    http_status = 409
    exit_code = 31


class ContainerFailed(DendroError):
    """A container engine or image cannot be had, or does not do what it is to do."""

    code = "container_failed"
    http_status = 409
    exit_code = 32


class JobFailed(DendroError):
    """A job that was waited for, or whose output was read, failed."""

    code = "job_failed"
    http_status = 409
    exit_code = 30


class SyncIncomplete(DendroError):
    """Some of what was to be exchanged with a remote was refused; all else was done."""

    code = "sync_incomplete"
    http_status = 409
    exit_code = 33


class NotVerified(DendroError):
    """A job, or one that it depends on, is not what was signed, or nobody trusted signed it."""

    code = "not_verified"
    http_status = 409
    exit_code = 34


class StoreError(DendroError):
    """The store cannot be opened, read or written."""

    code = "store_error"
    exit_code = 40


class StoreTooNew(StoreError):
    """The store was written by a later version."""

    code = "store_too_new"
    exit_code = 41


class StoreDamaged(StoreError):
    """The file is not a store, or not whole."""

    code = "store_damaged"
    exit_code = 42


class DiskFull(StoreError):
    """There is no room left where the store lies."""

    code = "disk_full"
    http_status = 507
    exit_code = 43


class HubUnreachable(DendroError):
    """The hub did not answer."""

    code = "hub_unreachable"
    http_status = 502
    exit_code = 50


class NotAHub(HubUnreachable):
    """What is at the hub's address is no hub that can be asked: trying again does not help."""

    code = "not_a_hub"
    exit_code = 52


class NotSupported(DendroError):
    """This system lacks something that is needed."""

    code = "not_supported"
    http_status = 501
    exit_code = 51
