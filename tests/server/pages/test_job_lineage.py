"""How a lineage is drawn: each job right of what it comes from, and never more than fits."""

from collections.abc import Iterable

from dendro_local.model import JobId
from dendro_local.server.pages.job_lineage import MOST_COLUMNS, MOST_IN_COLUMN, Drawing, draw
from dendro_local.v1 import Lineage, LineageJob, LineageLink

SELF = "s"


def lineage(links: Iterable[tuple[str, str]], ancestors: str = "") -> Lineage:
    """A lineage of jobs with short names; those that are no ancestors are descendants."""
    links = list(links)
    names = dict.fromkeys([SELF, *(name for link in links for name in link)])
    return Lineage(
        jobs=[
            LineageJob(
                job_id=JobId(name),
                relation=(
                    "self" if name == SELF else "ancestor" if name in ancestors else "descendant"
                ),
                app_name="app",
                processor_name="processor",
                status="completed",
                canceled=False,
            )
            for name in names
        ],
        links=[LineageLink(parent=JobId(parent), child=JobId(child)) for parent, child in links],
        has_all_ancestors=True,
        has_all_descendants=True,
        num_children=0,
    )


def columns(drawing: Drawing) -> list[set[str]]:
    """The names of the jobs in each column, from left to right."""
    xs = sorted({each.x for each in drawing.jobs})
    return [{str(each.job.job_id) for each in drawing.jobs if each.x == x} for x in xs]


def test_a_job_alone_is_drawn_alone() -> None:
    drawing = draw(lineage([]))

    assert columns(drawing) == [{SELF}]
    assert drawing.lines == []


def test_jobs_stand_right_of_all_that_they_come_from() -> None:
    links = ["as", "bs", "ab", "sc", "cd", "sd", "de"]

    drawing = draw(lineage([(link[0], link[1]) for link in links], ancestors="ab"))

    assert columns(drawing) == [{"a"}, {"b"}, {SELF}, {"c"}, {"d"}, {"e"}]
    assert len(drawing.lines) == len(links)
    assert drawing.num_left_out == 0


def test_no_box_lies_on_another_and_all_are_inside() -> None:
    links = [(SELF, name) for name in "abcdef"] + [("a", "g"), ("f", "h"), ("x", SELF)]

    drawing = draw(lineage(links, ancestors="x"))

    assert len({(each.x, each.y) for each in drawing.jobs}) == len(drawing.jobs)
    for each in drawing.jobs:
        assert 0 <= each.x <= drawing.width - drawing.box_width
        assert 0 <= each.y <= drawing.height - drawing.box_height
    rows = {each.job.job_id: each.y for each in drawing.jobs}
    assert rows[JobId("g")] < rows[JobId("h")]


def test_what_does_not_fit_is_left_out_and_counted() -> None:
    many = [(SELF, f"child {number}") for number in range(40)]
    chain = [(f"c{number}", f"c{number + 1}") for number in range(20)]

    wide = draw(lineage(many))
    long = draw(lineage([(SELF, "c0"), *chain]))

    assert (len(wide.jobs), wide.num_left_out) == (1 + MOST_IN_COLUMN, 40 - MOST_IN_COLUMN)
    assert len(columns(long)) == 1 + MOST_COLUMNS
    assert long.num_left_out == 21 - MOST_COLUMNS


def test_jobs_that_go_in_circles_are_drawn_too() -> None:
    drawing = draw(lineage([(SELF, "a"), ("a", "b"), ("b", "a")]))

    assert {str(each.job.job_id) for each in drawing.jobs} <= {SELF, "a", "b"}
    assert drawing.jobs
