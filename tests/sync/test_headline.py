"""What one store computed hits in another, whichever way it came.

``SYNC_JOBS`` says how many jobs: 300 by default.
"""

from collections.abc import Callable

import pytest

from dendro_local.local_hub import LocalHub
from dendro_sync import Report, export_jobs, import_jobs, pull, push
from tests.sync.conftest import JOBS, Graph, Stores, check_all_hit, ids_in, left_in_uploads

pytestmark = pytest.mark.timeout(3600)

Carry = Callable[[Stores, LocalHub, LocalHub], tuple[Report, Report]]


def by_remote(stores: Stores, a: LocalHub, b: LocalHub) -> tuple[Report, Report]:
    return push(a), pull(b)


def by_archive(stores: Stores, a: LocalHub, b: LocalHub) -> tuple[Report, Report]:
    file = stores.folder / "jobs.zip"
    return export_jobs(a, file), import_jobs(b, file)


@pytest.mark.parametrize(
    ("kind", "carry"), [("bucket", by_remote), ("hub", by_remote), ("archive", by_archive)]
)
def test_what_ran_in_one_store_hits_in_another(
    stores: Stores, graph: Graph, kind: str, carry: Carry
) -> None:
    if kind == "hub":
        stores.serve()
    graph.copy(stores.folder / "a")
    a, b = stores["a"], stores["b"]
    stores.trust("b", "a")
    pushed, pulled = carry(stores, a, b)

    assert (pushed.new, pushed.refused_count, pushed.left_out_count) == (JOBS, 0, 0)
    assert (pulled.new, pulled.refused_count, pulled.left_out_count) == (JOBS, 0, 0)
    assert pulled.bytes == pushed.bytes == JOBS * 128
    assert ids_in(b) == ids_in(a)
    check_all_hit(b, graph.requests)
    assert len(ids_in(b)) == JOBS
    assert left_in_uploads(b) == []
    again = carry(stores, a, b)
    assert not again[1].moved_anything()
    if kind != "archive":
        assert not again[0].moved_anything()
        assert max(each.requests for each in again) <= 3
