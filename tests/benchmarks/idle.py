"""A compute client that has nothing to do: what it costs, and how soon it begins with a job."""

import contextlib
import io
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from itertools import count

import psutil

from dendro_local import DendroJobDefinition, DendroJobParameter, submit_job
from dendro_local.hub import Hub
from tests.benchmarks.default_store import using
from tests.benchmarks.figure import Figure, at_most_sec
from tests.benchmarks.measuring import alternate
from tests.benchmarks.processes import ROOT, ProcessFailed, python
from tests.benchmarks.scripts.process_use import memory_mb, precise_cpu_sec, tree
from tests.benchmarks.scripts.submit import RESOURCES, SERVICE
from tests.benchmarks.stores import Stores

__all__ = ["idle"]

START_LIMIT_SEC = 0.010
CPU_LIMIT_PERCENT = 0.2
PAUSE_SEC = 0.2
"""Between two jobs, so that the compute client sleeps when the next one comes."""

SETTLE_SEC = 3.0

APP = """
import time
from dendro_local.sdk import App

app = App("clock", description="Tells when it was started")


@app.processor
def tell(number: int) -> None:
    '''Prints the time.'''
    print(time.time())


app.run()
"""


def idle(stores: Stores) -> Iterator[Figure]:
    """`dendro-local work` as a process of its own, with an app whose folder it watches."""
    folder = stores.folder("idle")
    app = folder / "clock"
    app.mkdir()
    (app / "main.py").write_text(APP, encoding="utf-8")
    with using(folder) as hub:
        hub.add_app(str(app), SERVICE)
        with _working(hub) as daemon:
            (starts,) = alternate(_start(), rounds=stores.size(100, quick=15))
            yield at_most_sec(
                "idle compute client: submit to the app's start", starts, START_LIMIT_SEC
            )
            yield from _costs(daemon, stores.size(60, quick=30))


@contextlib.contextmanager
def _working(hub: Hub) -> Generator[psutil.Process]:
    """A block during which a compute client serves the default store; its process."""
    process = subprocess.Popen(
        python("-m", "dendro_local.cli", "work"), cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        while not hub.has_compute_client():
            if process.poll() is not None:
                raise ProcessFailed("the compute client ended")
            time.sleep(0.05)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _start() -> Callable[[], float]:
    """How long after a submit by this process the app is there, in its own."""
    numbers = count()

    def call() -> float:
        definition = DendroJobDefinition(
            appName="clock",
            processorName="tell",
            inputFiles=[],
            outputFiles=[],
            parameters=[DendroJobParameter(name="number", value=next(numbers))],
        )
        time.sleep(PAUSE_SEC)
        with contextlib.redirect_stdout(io.StringIO()):
            begun = time.time()
            job = submit_job(
                service_name=SERVICE, job_definition=definition, required_resources=RESOURCES
            ).wait_until_done()
        if job.status != "completed":
            raise ProcessFailed(f"job {job.jobId} failed: {job.error}")
        return float(job.console()) - begun

    return call


def _costs(daemon: psutil.Process, seconds: int) -> Iterator[Figure]:
    """CPU time with the warm host of the app, and memory without it and with it."""
    time.sleep(SETTLE_SEC)
    processes = tree(daemon.pid)
    before = precise_cpu_sec(processes)
    begun = time.perf_counter()
    time.sleep(seconds)
    cpu_sec = precise_cpu_sec(processes) - before
    percent = 100 * cpu_sec / (time.perf_counter() - begun)
    yield Figure(
        what=f"  its CPU time over {seconds} s",
        measured=f"{percent:.3f} % of a core",
        budget=f"at most {CPU_LIMIT_PERCENT} %",
        is_met=percent <= CPU_LIMIT_PERCENT,
    )
    resident = daemon.memory_info().rss / 1e6
    yield Figure(
        what="  its memory",
        measured=f"{memory_mb([daemon]):.0f} MB ({resident:.0f} MB resident)",
        reference=f"with the app's warm host: {memory_mb(processes):.0f} MB",
    )
