"""Whatever is done in three stores, in the end they have the same jobs.

``SYNC_EXAMPLES`` says how many histories are tried.
"""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from dendro_local.hub import JobQuery
from dendro_local.lifecycle import TERMINAL
from dendro_sync import own_key, pull, push, sync, trust_key
from tests.sync.conftest import Stores, counting, greeting, url_of

EXAMPLES = int(os.environ.get("SYNC_EXAMPLES", "4"))
STEPS = int(os.environ.get("SYNC_STEPS", "15"))
ROUNDS = 4

NAMES = st.sampled_from("abc")
STORES = st.sampled_from(["one", "two", "three"])
CHOICE = st.integers(0, 1000)


class AnyExchange(RuleBasedStateMachine):
    """Three stores with a bucket between them."""

    @initialize(is_hub=st.booleans())
    def begin(self, is_hub: bool) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.stores = Stores(Path(self.folder.name))
        names = ("one", "two", "three")
        hubs = [self.stores.serve()] if is_hub else []
        hubs += [self.stores[name] for name in names]
        for name in names:
            for number, other in enumerate(hubs):
                trust_key(self.stores[name], f"k{number}", own_key(other).publicKey)

    @rule(store=STORES, name=NAMES)
    def submit(self, store: str, name: str) -> None:
        self.stores[store].submit([greeting(name, tags=[f"of {store}"])])

    @rule(store=STORES, choice=CHOICE)
    def submit_dependent(self, store: str, choice: int) -> None:
        done = [job for job in self._jobs(store) if job.status == "completed"]
        if done:
            parent = done[choice % len(done)]
            self.stores[store].submit([counting(url_of(parent))])

    @rule(store=STORES, fails=st.booleans())
    def end(self, store: str, fails: bool) -> None:
        worker = self.stores.worker(store)
        claim = self.stores[store].claim_next(worker.run, worker.slots, worker.capacity)
        if claim is not None and fails:
            worker.fail(claim)
        elif claim is not None:
            worker.complete(claim, claim.job.jobDefinitionHash.encode())

    @rule(store=STORES, choice=CHOICE)
    def delete(self, store: str, choice: int) -> None:
        jobs = self._jobs(store)
        if jobs:
            self.stores[store].delete([jobs[choice % len(jobs)].jobId])

    @rule(store=STORES, choice=CHOICE, tag=NAMES)
    def tag(self, store: str, choice: int, tag: str) -> None:
        jobs = self._jobs(store)
        if jobs:
            self.stores[store].add_tags(jobs[choice % len(jobs)].jobId, [tag])

    @rule(store=STORES)
    def push(self, store: str) -> None:
        assert push(self.stores[store]).is_complete()

    @rule(store=STORES)
    def pull(self, store: str) -> None:
        assert pull(self.stores[store]).is_complete()

    def teardown(self) -> None:
        if not hasattr(self, "stores"):
            return
        try:
            self._check_end()
        finally:
            self.stores.close()
            self.folder.cleanup()

    def _check_end(self) -> None:
        for _ in range(ROUNDS):
            for name in ("one", "two", "three"):
                assert sync(self.stores[name], full=True).is_complete()
        one, two, three = (self._ended(name) for name in ("one", "two", "three"))
        assert one == two == three
        for name in ("one", "two", "three"):
            assert not sync(self.stores[name]).moved_anything()

    def _jobs(self, store: str):  # type: ignore[no-untyped-def]  # a list of jobs
        found = self.stores[store].find_jobs(JobQuery(limit=1000))
        return sorted(found, key=lambda job: (job.timestampCreatedSec, job.jobId))

    def _ended(self, store: str) -> dict[str, tuple[str, frozenset[str]]]:
        return {
            job.jobId: (job.status, frozenset(job.tags))
            for job in self._jobs(store)
            if job.status in TERMINAL
        }


@pytest.mark.timeout(3600)
def test_after_a_last_exchange_all_stores_have_the_same_jobs(store_folder: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        AnyExchange,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            database=None,
        ),
    )
