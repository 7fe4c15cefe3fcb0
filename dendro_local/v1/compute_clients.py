"""What is asked and answered about compute clients as such; see `compute` for what they ask."""

from typing import Annotated

import msgspec
from msgspec import Meta

from dendro_local.model import ComputeSlot, JobId, JobStatus
from dendro_local.v1.record import Answer, Question

__all__ = [
    "ChangedComputeClient",
    "ComputeClientEntry",
    "ComputeClientList",
    "JobInHand",
    "LiveComputeClient",
    "NewComputeClient",
    "NewComputeClientKey",
]


class JobInHand(Answer, frozen=True, kw_only=True):
    """A job that a compute client has taken and not ended."""

    job_id: JobId
    service_name: str
    app_name: str
    processor_name: str
    status: JobStatus
    since: Annotated[
        float | None, Meta(description="When it was taken, in seconds since the Unix epoch.")
    ]


class LiveComputeClient(Answer, frozen=True, kw_only=True):
    """A compute client that is alive."""

    compute_client_id: str
    compute_client_name: str
    serves_all: Annotated[
        bool, Meta(description="Whether it takes any job, and not only those of its own script.")
    ]
    runtime: Annotated[
        str,
        Meta(description="How it runs apps: as processes, or in containers of the named engine."),
    ]
    unable: Annotated[str | None, Meta(description="Why it can run nothing now, if so.")]
    compute_slots: list[ComputeSlot]
    jobs: list[JobInHand]


class ComputeClientEntry(Answer, frozen=True, kw_only=True):
    """A compute client that is registered. Its key is in no answer."""

    compute_client_id: str
    compute_client_name: str
    user_id: Annotated[str, Meta(description="Its owner.")]
    description: str
    service_names: Annotated[
        list[str], Meta(description="The services whose jobs it runs, the first of them first.")
    ]
    process_jobs_for_users: Annotated[
        list[str] | None, Meta(description="The users whose jobs it runs; null for everybody's.")
    ]
    compute_slots: list[ComputeSlot]
    last_active_at: Annotated[
        float | None,
        Meta(description="In seconds since the Unix epoch; null if it was never heard of."),
    ]


class ComputeClientList(Answer, frozen=True, kw_only=True):
    """The compute clients that are alive, and those that are registered."""

    compute_clients: Annotated[
        list[LiveComputeClient],
        Meta(description="Those that are alive. One that is started twice is there twice."),
    ]
    registered: Annotated[
        list[ComputeClientEntry],
        Meta(description="All that are known, alive or not, the first that was registered first."),
    ]


class NewComputeClient(Question, frozen=True, kw_only=True):
    """A compute client of another machine, to be registered for whoever asks."""

    compute_client_name: Annotated[str, Meta(min_length=1, max_length=200)]
    service_names: Annotated[
        list[str],
        Meta(
            min_length=1,
            max_length=1000,
            description="The services whose jobs it is to run, the first of them first.",
        ),
    ]


class NewComputeClientKey(Answer, frozen=True, kw_only=True):
    """A compute client that was registered, and its key, which is told this once."""

    compute_client: ComputeClientEntry
    compute_client_private_key: str


class ChangedComputeClient(Question, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be different of a compute client; what is left out stays."""

    compute_client_name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    service_names: list[str] | msgspec.UnsetType = msgspec.UNSET
    process_jobs_for_users: Annotated[
        list[str] | msgspec.UnsetType | None, Meta(description="Null for everybody's.")
    ] = msgspec.UNSET
    compute_slots: list[ComputeSlot] | msgspec.UnsetType = msgspec.UNSET
