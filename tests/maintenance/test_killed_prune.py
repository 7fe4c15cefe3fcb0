"""A prune that is killed leaves at the worst blobs that no record names."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.pruning import PruneRules
from tests.maintenance.conftest import JobMaker, blobs_on_disk, checks, findings

pytestmark = pytest.mark.process

# Every change of the disk that Python makes is announced to this hook before it is made; what
# SQLite writes lies in between.
KILLED = """
import os, signal, sys
from pathlib import Path

from dendro_local.local_hub import LocalHub, pruning

pruning.BATCH = 2
left = int(sys.argv[2])


def hook(event, arguments):
    global left
    if event in ("os.remove", "shutil.rmtree", "os.rename"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


hub = LocalHub(Path(sys.argv[1]))
plan = hub.plan_prune(pruning.PruneRules(older_than_sec=0, recomputable=sys.argv[3] == "True"))
sys.addaudithook(hook)
hub.prune(plan)
"""


@pytest.mark.parametrize("recomputable", [False, True])
def test_a_prune_killed_at_any_step_can_be_repaired_and_done_again(
    hub: LocalHub, completed: JobMaker, store_folder: Path, recomputable: bool
) -> None:
    steps = 0
    while True:
        for name in "abcd":
            job = completed(name, name.encode() * 10, console=b"shared")
            hub.output_file(job.jobId, "output")
        was_killed = run_killed(store_folder, steps, recomputable=recomputable)
        found = set(checks(hub))
        if not was_killed:
            assert found == set()
            break
        assert found <= {"blob_orphaned", "output_link_dangling"}, steps
        findings(hub, repair=True)
        assert findings(hub) == []
        hub.prune(hub.plan_prune(PruneRules(older_than_sec=0)))
        assert blobs_on_disk(hub) == set()
        steps += 1
    assert steps >= 8


def run_killed(store: Path, step: int, *, recomputable: bool) -> bool:
    """Prune in a process that is killed at its n-th change of the disk; whether it was."""
    command = [sys.executable, "-c", KILLED, str(store), str(step), str(recomputable)]
    finished = subprocess.run(command, env=dict(os.environ), capture_output=True, check=False)
    assert finished.returncode in (0, -signal.SIGKILL), finished.stderr.decode()
    return finished.returncode != 0
