"""Remotes that are asked for jobs on a miss, and for files when they are first read."""

import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from dendro_local.errors import HubUnreachable, OutputNotFound
from dendro_local.local_hub import LocalHub
from dendro_local.signed_records import JobEntry
from dendro_local.store.sharing import RemoteSettings
from dendro_sync.remotes.pauses import Pauses
from dendro_sync.trust.keys import trust_policy
from tests.hub.conftest import NewJobMaker, Worker
from tests.live_hub import served
from tests.remote_hub.proxy import Proxy
from tests.sync.hub.test_hub_remote import done


def add_cache(here: LocalHub, url: str, *trusted: LocalHub, **settings: object) -> None:
    """Add a cache to a store, which trusts the keys of these."""
    with here.store.transaction():
        chosen = RemoteSettings(is_cache=True, **settings)  # type: ignore[arg-type]  # as it has them
        here.store.sharing.remotes.put("cache", url, "hub", chosen)
        for number, each in enumerate(trusted):
            key = each.shared.signing_key.public
            here.store.sharing.trusted_keys.put(key.key_id, f"key {number}", key.raw)


def test_a_miss_is_found_at_a_cache_and_its_output_comes_when_it_is_read(
    here: LocalHub,
    there: LocalHub,
    network: Proxy,
    tmp_path: Path,
    greeting: NewJobMaker,
) -> None:
    job = done(there, tmp_path, greeting(), b"Hello from there!")
    add_cache(here, network.url, there)
    (hit,) = here.submit([greeting()])
    assert (hit.jobId, hit.status) == (job.jobId, "completed")
    digest = here.stored(job.jobId).files.outputs["output"].digest
    assert digest is not None
    assert not here.store.blobs.has(digest)
    assert here.output_file(job.jobId, "output").read_bytes() == b"Hello from there!"
    network.split()
    assert here.output_file(job.jobId, "output").read_bytes() == b"Hello from there!"
    assert here.submit([greeting()])[0].jobId == job.jobId


def test_a_job_from_a_cache_whose_bytes_cannot_be_fetched_is_told_and_is_a_hit_later(
    here: LocalHub,
    there: LocalHub,
    network: Proxy,
    tmp_path: Path,
    greeting: NewJobMaker,
) -> None:
    job = done(there, tmp_path, greeting())
    add_cache(here, network.url, there)
    here.submit([greeting()])
    here.elsewhere._opened = lambda saved, **_: _unreachable(network)  # type: ignore[attr-defined]
    network.split()
    with pytest.raises(HubUnreachable, match="cannot be fetched now"):
        here.output_file(job.jobId, "output")
    assert here.submit([greeting()])[0].jobId == job.jobId


def _unreachable(network: Proxy) -> object:
    from dendro_sync.remotes.hub import HubRemote

    return HubRemote(network.url, patience_sec=0)


def test_what_a_cache_has_lost_runs_again(
    here: LocalHub,
    there: LocalHub,
    network: Proxy,
    tmp_path: Path,
    greeting: NewJobMaker,
) -> None:
    job = done(there, tmp_path, greeting())
    add_cache(here, network.url, there)
    here.submit([greeting()])
    there.delete([job.jobId])
    with pytest.raises(OutputNotFound, match="it came from remote .cache."):
        here.output_file(job.jobId, "output")
    (again,) = here.submit([greeting()])
    assert again.status == "pending"
    assert "is not in the store" in here.why(again.jobId)


def test_a_dependent_job_reads_what_lies_at_a_cache(
    here: LocalHub, there: LocalHub, network: Proxy, tmp_path: Path,
    greeting: NewJobMaker, counting: NewJobMaker,
) -> None:  # fmt: skip
    done(there, tmp_path, greeting(), b"12345")
    add_cache(here, network.url, there)
    (parent,) = here.submit([greeting()])
    (child,) = here.submit([counting(parent)])
    assert child.isRunnable
    worker = Worker(here, tmp_path / "here")
    claim = worker.claim()
    fetched = here.fetch_input(claim, child.jobDefinition.inputFiles[0])
    assert fetched.path is not None
    assert fetched.path.read_bytes() == b"12345"


def test_whoever_reads_a_file_over_http_has_it_fetched_once(
    here: LocalHub,
    there: LocalHub,
    network: Proxy,
    tmp_path: Path,
    greeting: NewJobMaker,
) -> None:
    content = bytes(range(256)) * 4096
    job = done(there, tmp_path, greeting(), content)
    add_cache(here, network.url, there)
    here.submit([greeting()])
    before = network.received
    definition = job.jobDefinition
    path = (
        f"/f/{job.serviceName}/{definition.appName}/{definition.processorName}/{job.jobId}"
        "/output/output.txt"
    )
    answers: list[bytes] = []
    with served(here) as live:
        readers = [
            threading.Thread(target=lambda: answers.append(httpx.get(live.url + path).content))
            for _ in range(4)
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    assert answers == [content] * 4
    assert network.received - before < 1.5 * len(content)


def test_a_job_that_is_not_trusted_is_not_taken_from_a_cache(
    here: LocalHub,
    there: LocalHub,
    network: Proxy,
    tmp_path: Path,
    greeting: NewJobMaker,
) -> None:
    done(there, tmp_path, greeting())
    add_cache(here, network.url)
    assert here.submit([greeting()])[0].status == "pending"


def test_a_job_of_another_version_of_the_app_is_not_taken_from_a_cache(
    here: LocalHub,
    there: LocalHub,
    network: Proxy,
    tmp_path: Path,
    greeting: NewJobMaker,
) -> None:
    job = done(there, tmp_path, greeting())
    with there.store.transaction():
        there.store.jobs.update(there.stored(job.jobId).number, app_version="0.9")
    add_cache(here, network.url, there)
    assert here.submit([greeting()])[0].status == "pending"


def test_two_producers_must_agree_where_two_are_asked_for(
    here: LocalHub,
    there: LocalHub,
    network: Proxy,
    tmp_path: Path,
    greeting: NewJobMaker,
) -> None:
    job = done(there, tmp_path, greeting(), b"same")
    add_cache(here, network.url, there, require=2)
    assert here.submit([greeting()])[0].status == "pending"
    other = LocalHub(tmp_path / "other")
    second = done(other, tmp_path, greeting(), b"same")
    (entry,) = other.shared.shared_entries([second.jobId])
    assert isinstance(entry, JobEntry)
    key = other.shared.signing_key.public
    with there.store.transaction():
        there.store.sharing.trusted_keys.put(key.key_id, "other", key.raw)
    with here.store.transaction():
        here.store.sharing.trusted_keys.put(key.key_id, "other", key.raw)
    policy = trust_policy(there, RemoteSettings())
    there.arriving.take([there.arriving.judge(entry, policy)], origin="user:test")
    here.delete([here.submit([greeting()])[0].jobId])
    (hit,) = here.submit([greeting()])
    assert hit.jobId in {job.jobId, second.jobId}
    other.close()


def test_what_this_store_gave_itself_counts_once_though_a_cache_has_it_too(
    here: LocalHub,
    there: LocalHub,
    network: Proxy,
    tmp_path: Path,
    greeting: NewJobMaker,
) -> None:
    job = done(here, tmp_path, greeting())
    (entry,) = here.shared.shared_entries([job.jobId])
    assert isinstance(entry, JobEntry)
    policy = trust_policy(here, RemoteSettings())
    there.arriving.take([there.arriving.judge(entry, policy)], origin="user:test")
    digest = here.stored(job.jobId).files.outputs["output"].digest
    assert digest is not None
    here.store.blobs.remove(digest)
    add_cache(here, network.url, require=2)

    assert here.submit([greeting()])[0].status == "pending"


def test_a_cache_that_does_not_answer_costs_its_time_once(
    here: LocalHub,
    greeting: NewJobMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DENDRO_CACHE_TIMEOUT", "0.3")
    silent = socket.create_server(("127.0.0.1", 0), backlog=16)
    asked: list[str] = []
    add_cache(here, f"http://127.0.0.1:{silent.getsockname()[1]}")
    opened = here.elsewhere._opened  # type: ignore[attr-defined]

    def noting(saved: object, **more: object) -> object:
        asked.append(str(saved))
        return opened(saved, **more)

    here.elsewhere._opened = noting  # type: ignore[attr-defined]
    for name in ("Ada", "Bob", "Cid"):
        assert here.submit([greeting(name)])[0].status == "pending"
    assert len(asked) == 1
    again = LocalHub(here.store.folder.root)
    assert again.submit([greeting("Dan")])[0].status == "pending"
    assert again.elsewhere._open == {}  # type: ignore[attr-defined]
    again.close()
    silent.close()


def test_a_cache_is_asked_again_after_its_pause_which_grows(
    here: LocalHub, there: LocalHub, network: Proxy, tmp_path: Path, greeting: NewJobMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    job = done(there, tmp_path, greeting())
    add_cache(here, network.url, there)
    network.split()
    assert here.submit([greeting("nobody")])[0].status == "pending"
    pauses = Pauses(here.store)
    first = pauses.of("cache")
    pauses.begin("cache", "It did not answer.")
    second = pauses.of("cache")
    assert first is not None
    assert second is not None
    assert second.length_sec == 2 * first.length_sec
    network.heal()
    assert here.submit([greeting("nobody else")])[0].status == "pending"
    now = time.time()
    monkeypatch.setattr("dendro_sync.remotes.pauses.time.time", lambda: now + 2 * second.length_sec)
    assert here.submit([greeting()])[0].jobId == job.jobId
    assert pauses.of("cache") is None
