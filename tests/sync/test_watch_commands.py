"""`sync --watch`."""

import json
import signal
import time
from pathlib import Path

from dendro_local.local_hub import LocalHub
from dendro_sync import push
from tests.cli.conftest import Run, Start, run, start  # noqa: F401 - fixtures
from tests.hub.conftest import Worker
from tests.sync.conftest import Stores, greeting, ids_in

LIMIT_SEC = 60.0


def test_watching_keeps_both_ends_together_until_it_is_stopped(
    run: Run,  # noqa: F811
    start: Start,  # noqa: F811
    bucket: str,
    key: str,
    stores: Stores,
    store_folder: Path,
) -> None:
    run("remote", "add", "pub", bucket, "--trust", key)
    stores.trust("a", "a")
    hub = LocalHub(store_folder)
    process = start("sync", "--watch", "--json")
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    assert first["report"]["pull"]["new"] == 2

    stores.complete("a", greeting("later"))
    push(stores["a"])
    there = json.loads(process.stdout.readline())
    assert there["report"]["pull"]["new"] == 1
    hub.submit([greeting("here")])
    worker = Worker(hub, store_folder / "worker")
    worker.complete(worker.claim())
    here = json.loads(process.stdout.readline())
    assert here["report"]["push"]["new"] == 1

    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT_SEC) == 0
    hub.close()


def test_watching_waits_for_a_remote_that_is_away(
    run: Run,  # noqa: F811
    start: Start,  # noqa: F811
    stores: Stores,
    store_folder: Path,
    tmp_path: Path,
) -> None:
    from tests.live_hub import LiveHub

    far = stores.open("far")
    _, key = far.add_api_key(far.user_id, "test")
    (tmp_path / "key").write_text(key)
    live = LiveHub(far)
    run("remote", "add", "lab", live.url, "--key-file", tmp_path / "key")
    hub = LocalHub(store_folder)
    worker = Worker(hub, store_folder / "worker")
    live.stop()
    process = start("sync", "--watch", "--json")
    assert process.stdout is not None
    away = json.loads(process.stdout.readline())
    assert away["report"] is None
    assert away["retry_sec"] > 0

    hub.submit([greeting("meanwhile")])
    worker.complete(worker.claim())
    live = LiveHub(far, port=live.port)
    deadline = time.monotonic() + LIMIT_SEC
    while not ids_in(far):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT_SEC) == 0
    live.stop()
    hub.close()
