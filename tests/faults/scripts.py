"""Scripts as processes of their own, and apps that tell when they run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

ROOT = Path(__file__).parents[2]
DEADLINE_SEC = 60.0


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something to become true, not for ever."""
    deadline = time.monotonic() + DEADLINE_SEC
    while not holds():
        assert time.monotonic() < deadline, f"waited {DEADLINE_SEC:.0f} s for {what}"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process runs. One that ended, and that its parent has not noticed, does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if sys.platform != "linux":
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False  # it was gone before it could be looked at
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class Script:
    """A script that runs in a process of its own, with the names of `tests.faults.asking`."""

    _started: ClassVar[list["Script"]] = []

    def __init__(self, code: str, *, environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", f"from tests.faults.asking import *\n{code}"],
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        Script._started.append(self)

    @classmethod
    def end_all(cls) -> None:
        """End those that have not ended, as when a test has failed that started them."""
        while cls._started:
            with cls._started.pop().process as process:
                process.kill()

    def kill(self) -> None:
        """End it as the system does when memory runs out."""
        self.process.kill()
        self.process.communicate()

    def interrupt(self) -> None:
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[str, str]:
        """Wait for its end; what it printed, and what it complained of."""
        return self.process.communicate(timeout=DEADLINE_SEC)


class Slow:
    """An app whose processor waits until it may end, and notes who ran it.

    Its processor is ``work`` with the output ``output``.
    """

    def __init__(self, folder: Path) -> None:
        self._pids = folder / "pids"
        self._pids.touch()
        self._leave = folder / "leave"
        self.body = f"""
import os, time
from pathlib import Path

@app.processor
def work(output: OutputFile) -> None:
    print("at work", flush=True)
    with open({str(self._pids)!r}, "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    while not Path({str(self._leave)!r}).exists():
        time.sleep(0.01)
    Path("out.txt").write_text("done")
    output.upload("out.txt")
"""

    def pids(self) -> list[int]:
        """The processes that ever ran it, first to last."""
        return [int(line) for line in self._pids.read_text().split()]

    def wait_for_run(self, number: int) -> int:
        """Wait until it has been started so often; the process of the last time."""
        wait_until(lambda: len(self.pids()) >= number, f"run {number} of the app")
        return self.pids()[number - 1]

    def let_end(self) -> None:
        """Let every run of it come to its end, now and later."""
        self._leave.touch()
