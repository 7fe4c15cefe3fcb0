"""``/v1/sync`` asked by hand: places from which nobody can go on."""

import pytest

from tests.server.v1.conftest import V1


@pytest.mark.parametrize("number", ["9" * 19, "9" * 5000, "-1", "\N{ARABIC-INDIC DIGIT ONE}", "x"])
def test_a_cursor_that_no_batch_has_had_begins_with_the_first_change(v1: V1, number: str) -> None:
    cursor = f"{v1.hub.store_id()}.{number}."
    reply = v1.send("GET", "/sync/changes", by=None, params={"cursor": cursor})
    first = v1.send("GET", "/sync/changes", by=None)

    assert (reply.status_code, first.status_code) == (200, 200)
    # All but the last line, which is signed anew each time.
    assert reply.text.splitlines()[:-1] == first.text.splitlines()[:-1] != []
