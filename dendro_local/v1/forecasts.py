"""What is answered about a job that might be submitted."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from dendro_local.model import Job, JobId, RequiredResources
from dendro_local.v1.record import Answer

__all__ = ["JobForecast", "LackingInput"]


Outcome: TypeAlias = Literal["found", "takesOver", "runs", "waits", "fails", "lacksInputs"]


class LackingInput(Answer, frozen=True, kw_only=True):
    """An input whose bytes the hub does not have, and cannot fetch."""

    name: str
    url: str


class JobForecast(Answer, frozen=True, kw_only=True):
    """What would come of submitting a job."""

    outcome: Annotated[
        Outcome,
        Meta(
            description="`found`: it is there already, and none is recorded. For all others a new "
            "one is recorded, which takes over the outputs of one that had the same bytes, runs, "
            "waits for other jobs first, or fails at once since one of those has failed. "
            "`lacksInputs`: it is refused until the inputs are sent, to `/v1/blobs`."
        ),
    ]
    job: Annotated[Job | None, Meta(description="The one that is there already.")] = None
    takes_over: Annotated[
        Job | None, Meta(description="The one whose outputs a new one would have.")
    ] = None
    waits_for: Annotated[
        Sequence[JobId], Meta(description="Jobs that have to complete first.")
    ] = ()
    failed_parent: Annotated[
        JobId | None, Meta(description="The job that it needs and that has failed.")
    ] = None
    lacking_inputs: Sequence[LackingInput] = ()
    note: Annotated[
        str | None,
        Meta(description="Why it would be recorded although there is an earlier one, in words."),
    ] = None
    app_version: Annotated[
        str | None,
        Meta(
            description="The version of the app that would run it: as the app declares it, or the "
            "digest of its code; null if that is not known."
        ),
    ]
    required_resources: Annotated[
        RequiredResources, Meta(description="What a compute slot must have for it.")
    ]
    may_create: Annotated[
        bool, Meta(description="Whether whoever asks may submit it to the service.")
    ]
