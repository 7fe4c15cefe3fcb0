"""A lineage as a drawing of bounded size: jobs in columns, what they come from to their left."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from dendro_local.model import JobId
from dendro_local.v1 import Lineage, LineageJob

__all__ = ["Drawing", "DrawnJob", "draw"]

MOST_COLUMNS = 6
"""So many generations are drawn on either side of the job."""

MOST_IN_COLUMN = 10

WIDTH = 176
HEIGHT = 48
COLUMN_GAP = 56
ROW_GAP = 12
MARGIN = 4


class DrawnJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job and where the upper left corner of its box is."""

    job: LineageJob
    x: int
    y: int


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """Boxes of `WIDTH` by `HEIGHT` and the lines between them, in pixels."""

    width: int
    height: int
    box_width: int
    box_height: int
    jobs: Sequence[DrawnJob]
    lines: Sequence[str]
    """Each as the ``d`` of an SVG path, from a job to one that depends on it."""
    num_left_out: int
    """So many jobs of the lineage are too far away, or in a column that is full."""


def draw(lineage: Lineage) -> Drawing:
    """The drawing of a lineage."""
    levels = _levels(lineage)
    columns: dict[int, list[LineageJob]] = defaultdict(list)
    for job in lineage.jobs:
        column = columns[levels[job.job_id]]
        if abs(levels[job.job_id]) <= MOST_COLUMNS and len(column) < MOST_IN_COLUMN:
            column.append(job)
    shown = {level: columns[level] for level in sorted(columns) if columns[level]}
    drawn = {job.job_id for column in shown.values() for job in column}
    links = list(
        dict.fromkeys(
            (link.parent, link.child)
            for link in lineage.links
            if link.parent in drawn and link.child in drawn
        )
    )
    _sort(shown, links)
    height = max(len(column) for column in shown.values()) * (HEIGHT + ROW_GAP) - ROW_GAP
    places = _places(shown, height)
    return Drawing(
        width=2 * MARGIN + len(shown) * (WIDTH + COLUMN_GAP) - COLUMN_GAP,
        height=2 * MARGIN + height,
        box_width=WIDTH,
        box_height=HEIGHT,
        jobs=list(places.values()),
        lines=[_line(places[parent], places[child]) for parent, child in links],
        num_left_out=len(lineage.jobs) - len(drawn),
    )


def _levels(lineage: Lineage) -> Mapping[JobId, int]:
    """The column of each job: 0 of the job itself, then as far away as its longest way."""
    levels = {job.job_id: 0 for job in lineage.jobs if job.relation == "self"}
    ancestors = {job.job_id for job in lineage.jobs if job.relation == "ancestor"}
    # No way is longer than there are jobs; records that came from elsewhere might go in circles.
    for _ in lineage.jobs:
        is_settled = True
        for link in lineage.links:
            near, far, step = link.parent, link.child, 1
            if link.parent in ancestors:
                near, far, step = link.child, link.parent, -1
            if near not in levels:
                continue
            level = levels[near] + step
            if far not in levels or abs(level) > abs(levels[far]) > 0:
                levels[far] = level
                is_settled = False
        if is_settled:
            break
    return {job.job_id: levels.get(job.job_id, 0) for job in lineage.jobs}


def _sort(columns: Mapping[int, list[LineageJob]], links: Iterable[tuple[JobId, JobId]]) -> None:
    """Put jobs beside those that they are linked with, from the middle outwards."""
    linked: dict[JobId, list[JobId]] = defaultdict(list)
    for parent, child in links:
        linked[parent].append(child)
        linked[child].append(parent)
    rows: dict[JobId, float] = {}

    def middle(job: LineageJob) -> float:
        known = [rows[each] for each in linked[job.job_id] if each in rows]
        return sum(known) / len(known) if known else 0.0

    for level in sorted(columns, key=abs):
        column = columns[level]
        column.sort(key=middle)
        offset = (len(column) - 1) / 2
        rows.update((job.job_id, index - offset) for index, job in enumerate(column))


def _places(columns: Mapping[int, Sequence[LineageJob]], height: int) -> dict[JobId, DrawnJob]:
    places: dict[JobId, DrawnJob] = {}
    for number, column in enumerate(columns.values()):
        top = (height - len(column) * (HEIGHT + ROW_GAP) + ROW_GAP) // 2
        for index, job in enumerate(column):
            places[job.job_id] = DrawnJob(
                job=job,
                x=MARGIN + number * (WIDTH + COLUMN_GAP),
                y=MARGIN + top + index * (HEIGHT + ROW_GAP),
            )
    return places


def _line(parent: DrawnJob, child: DrawnJob) -> str:
    x1, y1 = parent.x + WIDTH, parent.y + HEIGHT // 2
    x2, y2 = child.x, child.y + HEIGHT // 2
    bend = COLUMN_GAP // 2
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
