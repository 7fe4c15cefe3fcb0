"""Whatever is killed at whatever moment, every job comes to one end and the store stays whole.

``CRASH_KILLS`` says how often to kill, and ``CRASH_SEED`` repeats a run; ``make crash`` kills more
often than the tests do by default.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dendro_local.hub import JobQuery
from dendro_local.lifecycle import TERMINAL
from dendro_local.local_hub import LocalHub

pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]

KILLS = int(os.environ.get("CRASH_KILLS", "20"))
SEED = int(os.environ.get("CRASH_SEED", "0")) or random.randrange(1, 10**6)
JOBS_A_KILL = 6
COMMAND = [sys.executable, "-m", "dendro_local.cli"]


class Crowd:
    """A compute client and a submitter, each started again whenever it is gone."""

    def __init__(self, store: Path) -> None:
        self._environment = {
            **os.environ,
            "DENDRO_LOCAL_DIR": str(store),
            "DENDRO_MAX_ATTEMPTS": "100000",
        }
        self._count = 0
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def keep_up(self) -> None:
        for role, start in (("work", self._work), ("submit", self._submit)):
            process = self.processes.get(role)
            if process is None or process.poll() is not None:
                self.processes[role] = start()

    def kill(self, role: str) -> None:
        process = self.processes[role]
        process.kill()
        process.wait()

    def kill_all(self, choose: random.Random) -> None:
        self.kill("work")
        self.kill("submit")
        self.kill_an_app(choose)

    def kill_an_app(self, choose: random.Random) -> None:
        apps = [pid for pid in _pids() if b"DENDRO_JOB_FOLDER=" in _environment_of(pid)]
        mine = [pid for pid in apps if os.fsencode(self._store()) in _environment_of(pid)]
        if mine:
            try:
                os.kill(choose.choice(mine), signal.SIGKILL)
            except ProcessLookupError:
                pass  # it ended by itself

    def finish(self) -> None:
        """Submit the rest, and run what is left to its end."""
        for process in self.processes.values():
            process.kill()
            process.wait()
        self._start([*self._submitter(), str(KILLS * JOBS_A_KILL)]).wait()
        self._start([*COMMAND, "work", "--exit-when-idle"]).wait()

    def doctor(self) -> list[dict[str, str]]:
        found = subprocess.run(
            [*COMMAND, "doctor", "--json"], env=self._environment, capture_output=True, check=False
        )
        findings = json.loads(found.stdout)
        rows = findings["findings"] if isinstance(findings, dict) else findings
        return [row for row in rows if row["severity"] != "info"]

    def _store(self) -> str:
        return self._environment["DENDRO_LOCAL_DIR"]

    def _work(self) -> subprocess.Popen[bytes]:
        return self._start([*COMMAND, "work"])

    def _submit(self) -> subprocess.Popen[bytes]:
        self._count = min(self._count + JOBS_A_KILL, KILLS * JOBS_A_KILL)
        return self._start([*self._submitter(), str(self._count)])

    def _submitter(self) -> list[str]:
        return [sys.executable, "-m", "tests.crash.submitter", str(SEED)]

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=self._environment,
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _pids() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def _environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of apps by /proc")
def test_every_job_comes_to_one_end_and_the_store_is_whole(store_folder: Path) -> None:
    print(f"CRASH_SEED={SEED} CRASH_KILLS={KILLS}")
    choose = random.Random(SEED)
    crowd = Crowd(store_folder)
    LocalHub(store_folder).close()
    kills: list[Callable[[], None]] = [
        lambda: crowd.kill("work"),
        lambda: crowd.kill("submit"),
        lambda: crowd.kill_an_app(choose),
        lambda: crowd.kill_all(choose),
    ]

    for _ in range(KILLS):
        crowd.keep_up()
        time.sleep(choose.uniform(0.0, 0.5))
        choose.choice(kills)()
    crowd.finish()

    hub = LocalHub(store_folder)
    jobs = hub.find_jobs(JobQuery(limit=100_000))
    assert len(jobs) == KILLS * JOBS_A_KILL
    assert {job.status for job in jobs} <= TERMINAL
    by_hash = [job.jobDefinitionHash for job in jobs]
    assert len(by_hash) == len(set(by_hash))
    for job in jobs:
        if job.status == "failed":
            assert "SIGKILL" in (job.error or "")
        else:
            _check_output(hub, job.jobId)
    hub.close()
    assert [f"{row['check']}: {row['subject']}" for row in crowd.doctor()] == []


def _check_output(hub: LocalHub, job_id: str) -> None:
    stored = hub.stored(job_id)  # type: ignore[arg-type]  # an id
    file = stored.files.outputs["output"]
    content = hub.store.blobs.path(file.digest or "").read_bytes()  # type: ignore[arg-type]
    assert hashlib.sha256(content).hexdigest() == file.digest
    definition = stored.record.jobDefinition
    if definition.processorName == "hello_world_2":
        assert content == f"Hello, {definition.parameters[0].value}!".encode()
    else:
        assert json.loads(content)["num_characters"] > 0
