"""What every kind of remote does."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import msgspec

from dendro_local.model import Digest, JobDefinition, JobId
from dendro_local.signed_records import Entry, ReadBatch
from dendro_sync.selection import Selection

__all__ = [
    "OnBytes",
    "Refusal",
    "Remote",
    "RemoteFacts",
    "RemoteKind",
    "SendsUnasked",
    "ShowsByPut",
    "TellsRefusals",
    "WaitsForTrust",
]

RemoteKind = Literal["hub", "bucket", "dendro"]

OnBytes = Callable[[int], None]
"""Is told of bytes as they are moved: how many more."""


class RemoteFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a remote is, and what may be done there."""

    kind: RemoteKind
    url: str
    store_id: str | None = None
    """The random id of the store behind it; None if it has none. A cursor is of one store."""
    version: str | None = None
    """Of the software or format."""
    jobs: int | None = None
    """How many finished jobs it has, if it can tell."""
    public_key: str | None = None
    """What it signs with, if it does; not trusted for being told."""
    can_write: bool = False
    user_id: str | None = None
    """Who we are there, if that was shown."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A job or app that was not taken, and why."""

    job_id: JobId | None
    """None where not even that can be read."""
    code: Literal[
        "signature", "untrusted", "digest", "size", "structure", "conflict", "agreement",
        "not_allowed", "missing", "other",
    ]  # fmt: skip
    reason: str
    digests: tuple[str, str] | None = None
    """Of the two records that are in conflict: what is there, and what came."""
    app: str | None = None
    """The app that it is instead of a job, with its service, for people."""
    key_id: str | None = None
    """Of the key that signed it, if that is not trusted."""
    public_key: str | None = None
    """That key, if the remote told it."""


class WaitsForTrust(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is not trusted, and how many jobs of a remote wait for it."""

    key_id: str
    public_key: str | None
    """The key itself, as it is told to be trusted; None if the remote did not tell it."""
    jobs: int


class Remote(Protocol):
    """A place to exchange jobs with. Safe for use by many threads.

    All methods raise errors of `dendro_local.errors`: `HubUnreachable` where it does not answer,
    `NotAuthenticated` and `NotAllowed` where it refuses.
    """

    @property
    def url(self) -> str:
        """Where it is."""
        ...

    @property
    def requests(self) -> int:
        """How many requests it has been asked so far."""
        ...

    def facts(self) -> RemoteFacts:
        """What it is; one request."""
        ...

    # What it has

    def changes(self, cursor: str, selection: Selection) -> Iterator[ReadBatch]:
        """What changed there after a cursor, ``""`` for all, in batches that say where to go on.

        The cursor of a batch may be kept once the batch has been dealt with. There is always a
        last batch, though it may be empty. A cursor that the remote does not know any more, such
        as one of another store, begins again.
        """
        ...

    def entries_of(self, jobs: Mapping[JobId, str]) -> Iterator[Entry]:
        """These jobs, by id, with their definition hash for remotes that find them by it.

        Those that are not there are left out.
        """
        ...

    def find(
        self,
        service: str,
        definition_hash: str,
        content_key: str | None,
        *,
        definition: JobDefinition | None = None,
    ) -> Iterator[Entry]:
        """Finished jobs of a definition; where there is none, of a content key.

        One after the other: what is not asked for need not be fetched.

        Args:
            service: of which service.
            definition_hash: of the definition.
            content_key: of it; None if it has none, or is not to be asked for.
            definition: itself, as stores keep it: an original hub cannot be asked by its hash.
        """
        ...

    def blob_sizes(self, digests: Collection[Digest]) -> dict[Digest, int]:
        """Those of the blobs that are there, with their sizes in bytes."""
        ...

    def fetch(self, digest: Digest, size: int, file: Path, on_bytes: OnBytes) -> None:
        """Write a blob to a file, going on after what of it is there already.

        Bytes come as they are: the caller checks size and digest.

        Raises:
            OutputNotFound: it is not there.
        """
        ...

    # What it is to have

    def lacking(self, jobs: Mapping[JobId, str]) -> set[JobId]:
        """Those of the jobs, by id with `statement_digest`, that are not there.

        One that is there with another digest counts as lacking: `put` tells of the conflict.
        """
        ...

    def lacking_blobs(self, blobs: Mapping[Digest, int]) -> set[Digest]:
        """Those of the blobs, by digest with their size in bytes, that are not there whole."""
        ...

    def send(self, digest: Digest, file: Path, on_bytes: OnBytes) -> None:
        """Have a blob there, going on after what of it is there already."""
        ...

    def put(self, entries: Sequence[Entry], *, without_files: bool = False) -> list[Refusal]:
        """Have entries there: all but those that are refused, at once or not at all.

        What is there already is no refusal; tags are merged. The blobs that come along have been
        sent before, parents come before children.

        Args:
            entries: what is to be there.
            without_files: whether the blobs of jobs are left out on purpose.
        """
        ...

    def wait(self, timeout_sec: float, is_over: Callable[[], bool]) -> bool:
        """Wait until something changes there; whether it may have. Ends early if ``is_over``."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class TellsRefusals(Protocol):
    """A remote that makes entries of what are none there, which may not be possible."""

    def refused(self) -> list[Refusal]:
        """The jobs that could not be told of since this was asked before, and why."""
        ...


@runtime_checkable
class SendsUnasked(Protocol):
    """A remote that takes a blob for as little as it is asked whether it has it."""

    def worth_sending(self, blobs: Mapping[Digest, int]) -> set[Digest]:
        """As `Remote.lacking_blobs`, with some that may be there: to send them costs no more."""
        ...


@runtime_checkable
class ShowsByPut(Protocol):
    """A remote of which a put shows what has changed there until then."""

    def exchanging(self) -> AbstractContextManager[None]:
        """A block in which `Remote.changes` need not ask again what a put in it has shown."""
        ...
