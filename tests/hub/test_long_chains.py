"""Chains of jobs that are longer than Python's stack."""

import sys

from dendro_local.local_hub import LocalHub
from tests.hub.conftest import NewJobMaker

STACK = 250
"""For this test; Python's own is longer, and so would be the test."""


def test_a_chain_of_any_length_fails_as_one(
    local_hub: LocalHub, greeting: NewJobMaker, counting: NewJobMaker
) -> None:
    chain = local_hub.submit([greeting()])
    for _ in range(STACK):
        chain += local_hub.submit([counting(chain[-1])])

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(STACK)
    try:
        local_hub.cancel(chain[0].jobId)
    finally:
        sys.setrecursionlimit(limit)

    last = local_hub.get_job(chain[-1].jobId)
    assert last.status == "failed"
    assert chain[0].jobId in (last.error or "")
