"""Small jobs while a compute client is running: one after another, many at once, slow imports."""

import contextlib
import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from dendro_local import DendroJobDefinition, DendroJobParameter, submit_jobs
from dendro_local.client.default_hub import default_hub
from dendro_local.compute import ComputeClient, machine_capacity
from tests.benchmarks.default_store import using
from tests.benchmarks.figure import Figure, at_most_times, duration
from tests.benchmarks.measuring import alternate
from tests.benchmarks.processes import ProcessFailed, python, whole
from tests.benchmarks.scripts.submit import RESOURCES, SERVICE, greeting
from tests.benchmarks.stores import Stores

__all__ = ["warm"]

SLOW_IMPORT_SEC = 2.0
SLOW_JOBS = 20

SLOW_APP = f"""
import time
from dendro_local.sdk import App

time.sleep({SLOW_IMPORT_SEC})
app = App("slow_import", description="Takes long to import", version="1")


@app.processor
def work(number: int) -> None:
    '''Does nothing.'''


app.run()
"""


def warm(stores: Stores) -> Iterator[Figure]:
    """One job at a time, as many a second as can be, and an app that is slow to import."""
    folder = stores.folder("warm")
    with using(folder), _serving():
        yield from _one_at_a_time(stores)
        yield _at_once(stores)
        yield _slow_import(folder)


@contextlib.contextmanager
def _serving() -> Generator[None]:
    """A block during which a compute client of this process serves the store."""
    client = ComputeClient(default_hub())
    thread = threading.Thread(target=client.serve)
    thread.start()
    try:
        yield
    finally:
        client.stop()
        thread.join()


def _one_at_a_time(stores: Stores) -> Iterator[Figure]:
    numbers = count()

    def one_job() -> float:
        begun = time.perf_counter()
        _finish([greeting("hello_world_1", f"warm {next(numbers)}")])
        return time.perf_counter() - begun

    for _ in range(3):
        one_job()
    pass_ = whole(python("-c", "pass"))
    measured, reference = alternate(one_job, pass_, rounds=stores.size(40, quick=8), per_round=5)
    name = "python -c pass"
    yield at_most_times(
        "fresh trivial job, warm, submit to completed", measured, name, reference, 1, with_p99=True
    )
    ratio = measured.p99 / reference.p50
    yield Figure(
        what="  its p99",
        measured=f"p99 {duration(measured.p99)}, n {measured.n}",
        reference=f"{name}: {duration(reference.p50)}",
        ratio=f"{ratio:.2f}x",
        budget="at most 2.5x",
        is_met=ratio <= 2.5,
    )


def _at_once(stores: Stores) -> Figure:
    jobs = stores.size(600, quick=100)
    at_once = machine_capacity().num_cpus
    definitions = [greeting("hello_world_1", f"at once {number}") for number in range(jobs)]
    own = jobs / _seconds(lambda: _finish(definitions))
    reference = jobs / _seconds(lambda: _subprocesses(jobs, at_once))
    return Figure(
        what=f"trivial jobs a second, {at_once} at once",
        measured=f"{own:.0f} a second, n {jobs}",
        reference=f"python -c pass: {reference:.0f} a second",
        ratio=f"{own / reference:.2f}x",
        budget="at least 1.5x",
        is_met=own / reference >= 1.5,
    )


def _slow_import(folder: Path) -> Figure:
    app = folder / "slow_import"
    app.mkdir()
    (app / "main.py").write_text(SLOW_APP, encoding="utf-8")
    default_hub().add_app(str(app), SERVICE)
    definitions = [
        DendroJobDefinition(
            appName="slow_import",
            processorName="work",
            inputFiles=[],
            outputFiles=[],
            parameters=[DendroJobParameter(name="number", value=number)],
        )
        for number in range(SLOW_JOBS)
    ]
    one_warm = _seconds(lambda: _finish([greeting("hello_world_1", "beside the slow ones")]))
    took = _seconds(lambda: _finish(definitions))
    limit = SLOW_IMPORT_SEC + SLOW_JOBS * one_warm
    return Figure(
        what=f"{SLOW_JOBS} jobs of an app whose import takes {SLOW_IMPORT_SEC:g} s",
        measured=duration(took),
        reference=f"a warm job: {duration(one_warm)}",
        budget=f"at most {duration(limit)}",
        is_met=took <= limit,
    )


def _finish(definitions: list[DendroJobDefinition]) -> None:
    requests = [
        {"service_name": SERVICE, "job_definition": each, "required_resources": RESOURCES}
        for each in definitions
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        for job in submit_jobs(requests):
            if job.wait_until_done().status != "completed":
                raise ProcessFailed(f"job {job.jobId} failed: {job.error}")


def _subprocesses(number: int, at_once: int) -> None:
    def one(_: int) -> None:
        subprocess.run([sys.executable, "-c", "pass"], check=True)

    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(one, range(number)))


def _seconds(call: Callable[[], None]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
