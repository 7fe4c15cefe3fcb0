"""What is asked and answered about the remotes of a hub's store, and the keys that it trusts."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from dendro_local.v1.record import Answer, Question

__all__ = [
    "ChangedRemote",
    "Exchange",
    "ExchangeProgress",
    "ExchangeReport",
    "ExchangeStatus",
    "LeftOutJob",
    "NewExchange",
    "NewRemote",
    "NewTrustedKey",
    "OwnKey",
    "RefusedJob",
    "RemoteAnswer",
    "RemoteEntry",
    "RemoteList",
    "TrustList",
    "TrustedKey",
]

RemoteKind: TypeAlias = Literal["hub", "bucket", "dendro"]
Outputs: TypeAlias = Literal["none", "lazy", "eager"]
ExchangeStatus: TypeAlias = Literal["running", "canceling", "done", "canceled", "failed"]
Moment: TypeAlias = Annotated[float, Meta(description="In seconds since the Unix epoch.")]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=1000)]


class NewRemote(Question, frozen=True, kw_only=True):
    """A place to exchange jobs with."""

    name: Annotated[
        str,
        Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="What it is called here."),
    ]
    url: Annotated[
        str,
        Meta(
            pattern="^(https?|file|s3|gs|az)://",
            max_length=2000,
            description="Of a hub, a bucket, or a folder of the hub's machine (`file://`).",
        ),
    ]
    kind: Annotated[
        RemoteKind | None, Meta(description="If it is known; otherwise it is asked now.")
    ] = None
    key: Annotated[
        Text | None,
        Meta(
            description="By which one is known there, such as an API key. It is kept sealed, and "
            "in no answer.",
        ),
    ] = None
    read_only: Annotated[bool, Meta(description="Whether nothing is pushed there.")] = False
    cache: Annotated[
        bool,
        Meta(description="Whether it is asked for jobs that are not here when they are submitted."),
    ] = False
    allow_unsigned: Annotated[
        bool, Meta(description="Whether jobs are taken that nobody signed whose key is trusted.")
    ] = False
    require: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="How many producers whose keys are trusted must agree on a job's outputs.",
        ),
    ] = 1
    outputs: Annotated[
        Outputs,
        Meta(
            description="What a pull does about files, unless it is told: leave them, fetch each "
            "when it is first read, or all at once."
        ),
    ] = "eager"


class ChangedRemote(Question, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be different of a remote; what is left out stays."""

    url: Annotated[
        str | msgspec.UnsetType,
        Meta(
            description="Where it is now: the same kind of remote. A key that is kept for the "
            "former address does not go along: give it anew, or null."
        ),
    ] = msgspec.UNSET
    key: Annotated[
        Text | msgspec.UnsetType | None, Meta(description="Null to go there without any.")
    ] = msgspec.UNSET
    read_only: bool | msgspec.UnsetType = msgspec.UNSET
    cache: bool | msgspec.UnsetType = msgspec.UNSET
    allow_unsigned: bool | msgspec.UnsetType = msgspec.UNSET
    require: Annotated[int, Meta(ge=1, le=1000)] | msgspec.UnsetType = msgspec.UNSET
    outputs: Outputs | msgspec.UnsetType = msgspec.UNSET


class NewExchange(Question, frozen=True, kw_only=True):
    """What is to be exchanged with a remote; without conditions, all that is new."""

    direction: Annotated[
        Literal["pull", "push", "sync"],
        Meta(description="`sync` does both; from a remote that is only read it pulls."),
    ]
    dry_run: Annotated[bool, Meta(description="Whether only to tell what would move.")] = False
    service: Text | None = None
    app: Text | None = None
    processor: Text | None = None
    tags: Annotated[
        tuple[Text, ...], Meta(max_length=50, description="Jobs that have all of them.")
    ] = ()
    since: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description="Jobs that ended at this time or later, in seconds since the epoch."),
    ] = None
    outputs: Annotated[
        Outputs | None,
        Meta(description="What is done about files; null for what the remote was added with."),
    ] = None
    max_size: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="Files of more bytes come when they are first read; jobs that have one are "
            "not pushed.",
        ),
    ] = None
    full: Annotated[
        bool,
        Meta(
            description="Whether to look at everything again, and to bring again what was deleted "
            "here."
        ),
    ] = False
    inputs: Annotated[
        bool,
        Meta(
            description="Whether files that jobs took as inputs go along: of the hub's machine at "
            "a push, of others, as far as they were pushed, at a pull."
        ),
    ] = False


class RefusedJob(Answer, frozen=True, kw_only=True):
    """A job, or an entry without one, that was refused."""

    job_id: Annotated[str | None, Meta(description="Null where not even that can be read.")]
    code: Annotated[str, Meta(description="What is wrong: `signature`, `untrusted`, `conflict`...")]
    reason: str
    digests: Annotated[
        tuple[str, str] | None,
        Meta(description="Of the two records that are in conflict: the one there, and the other."),
    ]


class LeftOutJob(Answer, frozen=True, kw_only=True):
    """A job that was not to be exchanged."""

    job_id: str
    reason: str


class ExchangeReport(Answer, frozen=True, kw_only=True):
    """What moved in one direction, or, of a dry run, would move."""

    direction: Literal["pull", "push"]
    new: Annotated[int, Meta(description="Jobs that were not there.")]
    known: Annotated[int, Meta(description="Jobs that were looked at, and were there.")]
    tagged: Annotated[int, Meta(description="Jobs that were there, and got tags.")]
    deleted: int
    kept_deleted: Annotated[
        int, Meta(description="Jobs that were deleted here before, and are not brought again.")
    ]
    apps: int
    unknown_apps: Annotated[
        Sequence[str],
        Meta(
            description="Apps, as `service/app`, of which jobs came and which are not registered "
            "here: submitting the same cannot find these."
        ),
    ]
    files: int
    bytes: Annotated[int, Meta(description="Of these files, as far as they were not there.")]
    awaited_files: Annotated[int, Meta(description="Files that come when they are first read.")]
    awaited_bytes: int
    refused_count: int
    refused: Annotated[Sequence[RefusedJob], Meta(description="The first 200 of them.")]
    left_out_count: int
    left_out: Annotated[Sequence[LeftOutJob], Meta(description="The first 200 of them.")]
    requests: Annotated[int, Meta(description="How many requests the remote was asked.")]


class ExchangeProgress(Answer, frozen=True, kw_only=True):
    """How far an exchange has come in the direction that it is at."""

    direction: Literal["pull", "push"]
    jobs_done: int
    jobs_total: Annotated[
        int | None, Meta(description="About how many there are to look at; null if unknown.")
    ]
    bytes_done: int
    bytes_total: Annotated[int, Meta(description="It grows while lacking files are found.")]
    bytes_per_sec: float
    left_sec: Annotated[float | None, Meta(description="At this rate; null if nobody can tell.")]


class Exchange(Answer, frozen=True, kw_only=True):
    """An exchange with a remote: the one that is under way, or the last since the hub began."""

    remote: str
    wanted: NewExchange
    status: ExchangeStatus
    started_at: Moment
    ended_at: Moment | None
    error: Annotated[str | None, Meta(description="Why it failed. What had moved stays moved.")]
    progress: Annotated[ExchangeProgress | None, Meta(description="While it is under way.")]
    reports: Annotated[
        Sequence[ExchangeReport], Meta(description="What has moved so far, by direction.")
    ]

    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return self.ended_at is None


class RemoteAnswer(Answer, frozen=True, kw_only=True):
    """What a remote said when it was asked last; null is what it does not tell."""

    asked_at: Moment
    seconds: Annotated[float, Meta(description="How long it took.")]
    fault: Annotated[str | None, Meta(description="Why it could not be asked, if so.")] = None
    version: str | None = None
    jobs: Annotated[int | None, Meta(description="How many finished jobs it has.")] = None
    user_id: Annotated[str | None, Meta(description="Who one is there.")] = None
    can_write: Annotated[bool, Meta(description="Whether one may push there.")] = False
    public_key: Annotated[str | None, Meta(description="What it signs with.")] = None
    is_trusted: Annotated[bool | None, Meta(description="Whether that key is trusted here.")] = None


class RemoteEntry(Answer, frozen=True, kw_only=True):
    """A remote, and what is known of it here."""

    name: str
    url: str
    kind: str
    has_key: Annotated[bool, Meta(description="Whether a key is shown there.")]
    read_only: bool
    cache: bool
    allow_unsigned: bool
    require: int
    outputs: Outputs
    added_at: Moment
    pulled_at: Annotated[float | None, Meta(description="When something was pulled last.")]
    pushed_at: Annotated[float | None, Meta(description="When something was pushed last.")]
    refused_jobs: Annotated[
        int, Meta(description="How many were refused, and are tried again or wait for trust.")
    ]
    awaited_files: Annotated[
        int, Meta(description="How many files of jobs here come from there when first read.")
    ]
    answer: RemoteAnswer | None
    exchange: Exchange | None


class RemoteList(Answer, frozen=True, kw_only=True):
    """The remotes of a store, by name."""

    remotes: list[RemoteEntry]


class OwnKey(Answer, frozen=True, kw_only=True):
    """The public half of the key with which the hub's store signs, in base64, and its id."""

    key_id: str
    public_key: str


class TrustedKey(Answer, frozen=True, kw_only=True):
    """A key of somebody else that is trusted."""

    name: str
    key_id: str
    public_key: str
    added_at: Moment


class TrustList(Answer, frozen=True, kw_only=True):
    """The store's own key, and those that it trusts beside it, by name."""

    own: OwnKey
    trusted: list[TrustedKey]


class NewTrustedKey(Question, frozen=True, kw_only=True):
    """A key that is to be trusted."""

    name: Annotated[
        str, Meta(min_length=1, max_length=100, description="What the key is called here.")
    ]
    public_key: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            description="As `dendro-local key show` prints it where it is from.",
        ),
    ]
