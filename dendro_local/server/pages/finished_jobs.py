"""What the finished jobs of a service, app or processor add up to, as pages show it."""

from collections.abc import Iterable
from typing import NamedTuple

from dendro_local.store import ProcessorRoom

__all__ = ["AppRoom", "FinishedJobs", "finished_jobs", "rooms_of_apps"]


class FinishedJobs(NamedTuple):
    """How many finished jobs there are, how long they ran in seconds, and their files' bytes."""

    completed: int
    failed: int
    run_sec: float
    all_bytes: int


class AppRoom(NamedTuple):
    """The finished jobs of an app on whatever service, and their files' bytes by their end."""

    app_name: str
    jobs: int
    all_bytes: int
    day_bytes: int
    week_bytes: int
    month_bytes: int


def finished_jobs(
    rooms: Iterable[ProcessorRoom] | None,
    service: str,
    app: str | None = None,
    name: str | None = None,
) -> FinishedJobs | None:
    """The sums over a service, one app of it, or one processor of that.

    None while they are being counted.
    """
    if rooms is None:
        return None
    found = [
        room
        for room in rooms
        if room.service_name == service
        and app in (None, room.app_name)
        and name in (None, room.processor_name)
    ]
    return FinishedJobs(
        completed=sum(room.completed for room in found),
        failed=sum(room.failed for room in found),
        run_sec=sum(room.run_sec for room in found),
        all_bytes=sum(room.all_bytes for room in found),
    )


def rooms_of_apps(rooms: Iterable[ProcessorRoom] | None) -> list[AppRoom] | None:
    """The sums over the processors of each app; the app that takes most first.

    None while they are being counted.
    """
    if rooms is None:
        return None
    by_app: dict[str, list[ProcessorRoom]] = {}
    for room in rooms:
        by_app.setdefault(room.app_name, []).append(room)
    found = [
        AppRoom(
            app_name=name,
            jobs=sum(each.completed + each.failed for each in processors),
            all_bytes=sum(each.all_bytes for each in processors),
            day_bytes=sum(each.day_bytes for each in processors),
            week_bytes=sum(each.week_bytes for each in processors),
            month_bytes=sum(each.month_bytes for each in processors),
        )
        for name, processors in by_app.items()
    ]
    return sorted(found, key=lambda each: (-each.all_bytes, each.app_name))
