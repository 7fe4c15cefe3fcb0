"""What is answered about the room that the store takes."""

from typing import Annotated

from msgspec import Meta

from dendro_local.v1.record import Answer

__all__ = ["RoomOfProcessor", "Storage"]


class RoomOfProcessor(Answer, frozen=True, kw_only=True):
    """The finished jobs of a processor, and the bytes of their files.

    A file that several jobs have counts for each.
    """

    service_name: str
    app_name: str
    processor_name: str
    completed: int
    failed: int
    run_sec: Annotated[float, Meta(description="How long they ran in all, in seconds.")]
    all_bytes: int
    day_bytes: Annotated[int, Meta(description="Of jobs that ended within a day.")]
    week_bytes: Annotated[int, Meta(description="Of jobs that ended within a week.")]
    month_bytes: Annotated[int, Meta(description="Of jobs that ended within 30 days.")]


class Storage(Answer, frozen=True, kw_only=True):
    """The room that the store takes."""

    database_bytes: int
    blob_bytes: Annotated[int, Meta(description="Of all files, each counted once.")]
    processors: list[RoomOfProcessor]
