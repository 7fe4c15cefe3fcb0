"""An app that outlived the compute client which started it."""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Mapping
from typing import Any

from dendro_local.compute.app_process import (
    GRACE_SEC,
    end_leftover,
    process_facts,
    signal_group,
)
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.runtime import RunningApp

__all__ = ["AdoptedProcess", "adopted_app", "can_be_adopted", "end_left_app"]

LOOK_SEC = 0.5
"""How often to look whether it has ended, where the system does not tell."""


def can_be_adopted(folder: JobFolder) -> bool:
    """Whether a job that its compute client left still runs, or has come to its end meanwhile.

    Not one that ended before the machine was started: of what it left, a power cut may have taken
    a part that was not on the disk yet.
    """
    return _is_alive(folder.process()) or _has_ended_since_boot(folder)


def _has_ended_since_boot(folder: JobFolder) -> bool:
    ended_at = folder.result_at()
    if ended_at is None:
        return False
    import psutil  # takes 30 ms, and hardly any job was left

    booted_at: float = psutil.boot_time()
    return ended_at >= booted_at


def _is_alive(facts: Mapping[str, Any]) -> bool:
    pid = facts.get("pid")
    return isinstance(pid, int) and process_facts(pid) == facts and facts["startedAt"] is not None


def adopted_app(folder: JobFolder) -> RunningApp:
    """The app of a job that can be adopted, in its container if it has one."""
    process = AdoptedProcess(folder)
    from dendro_local.compute.containers.left import adopted_container  # few compute clients do

    return adopted_container(folder, process) or process


def end_left_app(folder: JobFolder) -> None:
    """End what a job's app left running when its compute client died, also in a container."""
    from dendro_local.compute.containers.left import remove_left_container

    remove_left_container(folder.root)
    end_leftover(folder.root, folder.process())


class AdoptedProcess:
    """The process of a job that another run of the compute client started.

    It is not our child, so that its exit code is not to be had; what it left tells how it went.
    """

    is_contained = False

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder
        self._facts = folder.process()
        pid = self._facts.get("pid")
        self.pid = pid if isinstance(pid, int) else 0

    def facts(self) -> dict[str, Any]:
        """What tells this process from a later one with the same number."""
        return self._facts

    def wait(self) -> int:
        """Wait for its end, with all that it started.

        Returns:
            0: how it really ended, only its result tells.
        """
        while _is_alive(self._facts):
            self._wait_a_while()
        end_leftover(self._folder.root, self._facts)
        return 0

    def stop(self) -> None:
        """Ask it to end, and make it end if it does not. Returns at once."""
        if self._signal(signal.SIGTERM):
            timer = threading.Timer(GRACE_SEC, self._signal, (signal.SIGKILL,))
            timer.daemon = True
            timer.start()

    def _signal(self, number: int) -> bool:
        if not _is_alive(self._facts):
            return False
        signal_group(self.pid, number)
        return True

    def _wait_a_while(self) -> None:
        try:
            descriptor = os.pidfd_open(self.pid)  # Linux alone
        except (AttributeError, OSError):
            time.sleep(LOOK_SEC)
            return
        try:
            # Not `select`, which takes no descriptor from 1024 on.
            ending = select.poll()
            ending.register(descriptor, select.POLLIN)
            with contextlib.suppress(InterruptedError):
                ending.poll(10_000 * LOOK_SEC)
        finally:
            os.close(descriptor)
