"""A job whose app has ended makes room for the next, while what it left is still recorded."""

import threading
from pathlib import Path
from typing import Any

import pytest

from dendro_local import DendroJob
from dendro_local.compute import ComputeClient
from dendro_local.local_hub import LocalHub
from dendro_local.model import ComputeSlot
from tests.compute.test_warm_hosts import submit
from tests.conftest import AppMaker

pytestmark = pytest.mark.process

LIMIT_SEC = 60
ONE_SLOT = ComputeSlot(numCpus=1, numGpus=0, memoryGb=1, timeSec=60, multiplicity=1)


class SlowHub(LocalHub):
    """A hub that records no completed job before it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.may_record = threading.Event()

    def complete(self, *args: Any, **more: Any) -> None:
        assert self.may_record.wait(LIMIT_SEC)
        super().complete(*args, **more)


def test_the_next_job_runs_while_the_one_before_is_recorded(
    store_folder: Path, make_app: AppMaker, tmp_path: Path
) -> None:
    hub = SlowHub(store_folder)
    body = "from pathlib import Path\n@app.processor\ndef work(n: int):\n    '''W.'''\n"
    body += f"    Path({str(tmp_path)!r}, f'ran-{{n}}').touch()\n"
    hub.add_app(str(make_app("mine", body)), "lab")
    client = ComputeClient(hub, slots=[ONE_SLOT])
    jobs: list[DendroJob] = [submit(n=n) for n in range(2)]
    thread = threading.Thread(target=client.serve)
    thread.start()
    try:
        changes = hub.changes()
        for _ in range(LIMIT_SEC * 10):
            if (tmp_path / "ran-1").exists():
                break
            changes.wait(0.1)
        changes.close()

        assert (tmp_path / "ran-1").exists()
        assert "completed" not in {job.refresh().status for job in jobs}
        hub.may_record.set()
        assert [job.wait_until_done().status for job in jobs] == ["completed"] * 2
    finally:
        hub.may_record.set()
        client.stop()
        thread.join()
        hub.close()
