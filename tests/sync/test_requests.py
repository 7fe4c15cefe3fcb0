"""How much is asked of a remote: the cost of an exchange is that of what is new."""

import pytest

from dendro_sync import pull, sync
from tests.sync.conftest import Stores, greeting

MOST_FOR_NOTHING = 5
MOST_FOR_ONE = 8


@pytest.mark.parametrize("kind", ["bucket", "hub"])
def test_little_is_asked_where_little_is_new(stores: Stores, kind: str) -> None:
    if kind == "hub":
        stores.serve()
    stores.trust("b", "a")
    for number in range(3):
        stores.complete("a", greeting(f"{number}"), b"%d" % number)
    for name in ("a", "b", "a"):
        sync(stores[name])

    nothing = sync(stores["a"])
    assert not nothing.moved_anything()
    assert nothing.push.requests + nothing.pull.requests <= MOST_FOR_NOTHING

    stores.complete("a", greeting("new"), b"new")
    pushed = sync(stores["a"])
    assert pushed.push.new == 1
    pulled = pull(stores["b"])
    assert pulled.new == 1
    assert pulled.requests <= MOST_FOR_ONE
    assert pushed.push.requests + pushed.pull.requests <= MOST_FOR_ONE
