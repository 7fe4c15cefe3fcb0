"""Lines as they are drawn."""

import re

import pytest

from dendro_local.server.previews.lines import HEIGHT, WIDTH, line_path
from dendro_local.v1 import Line


def places(low: list[float | None], high: list[float | None] | None = None) -> list[list[float]]:
    d = line_path(Line(name="0", low=low, high=high or low)).d
    assert re.fullmatch(r"([ML][0-9.]+ [0-9.]+)*", d), d
    return [[float(number) for number in step.split()] for step in re.split("[ML]", d)[1:]]


def test_a_line_goes_from_edge_to_edge() -> None:
    assert places([0, 5, 10]) == [[0, HEIGHT], [WIDTH / 2, HEIGHT / 2], [WIDTH, 0]]


def test_each_step_has_its_least_and_greatest_number() -> None:
    assert places([0, 2], [10, 2]) == [[0, HEIGHT], [0, 0], [WIDTH, HEIGHT * 0.8]]


def test_a_line_is_interrupted_where_there_is_no_number() -> None:
    path = line_path(Line(name="0", low=[1, None, 2], high=[1, None, 2]))
    assert path.d.count("M") == 2


@pytest.mark.parametrize("low", [[None], [], [3.0, 3.0], [-1.7e308, 1.7e308], [5e-324, 0.0]])
def test_a_line_of_any_numbers_is_drawn(low: list[float | None]) -> None:
    for across, down in places(low):
        assert 0 <= across <= WIDTH
        assert 0 <= down <= HEIGHT
