"""The apps for neuroscience: time and memory of each processor, and their environments."""

import contextlib
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)
from dendro_local.compute import embedded_compute_client
from tests.benchmarks.app_environments import app_environments
from tests.benchmarks.app_readmes import write_readmes
from tests.benchmarks.app_runs import (
    AppRun,
    environment_of,
    environment_of_script,
    run_processor,
    run_script,
    write_spec,
)
from tests.benchmarks.default_store import using
from tests.benchmarks.figure import Figure, duration
from tests.benchmarks.processes import ROOT, ProcessFailed, run
from tests.benchmarks.scripts.submit import SERVICE
from tests.benchmarks.stores import Stores

__all__ = ["ENVIRONMENTS", "apps"]

ENVIRONMENTS = ROOT / ".venv" / "apps"
"""Kept from run to run, since they take minutes to build."""

TESTS_OF_APPS = ROOT / "tests" / "apps"
RAW = "acquisition/ElectricalSeries"
LONG_CHANNELS = 64
LONG_MEMORY_MB = 500
WARM_UPS = 3
"""Jobs after which an app has been imported once for those that follow."""

REST_SEC = 4
"""Then its host imports what they needed."""

WITH_PYNWB = ("hello_neurosift", "hello_mountainsort5")
"""Apps whose results are got from the libraries in an environment that has pynwb."""

TIMES = 1.1
"""No processor may take longer than so many times its reference."""

MUCH_FASTER = 1 / 3
"""Those whose reference counts in loops."""

NWB_OUTPUT = {"output": "output.nwb.lindi.tar"}
LINDI_OUTPUT = {"output": "output.lindi.tar"}


class Case(NamedTuple):
    """A processor with its job.

    Attributes:
        app: its app.
        processor: its name.
        parameters: of the job.
        outputs: names and base names of its outputs.
        limit: how many times its reference it may take.
    """

    app: str
    processor: str
    parameters: Mapping[str, object]
    outputs: Mapping[str, str] = NWB_OUTPUT
    limit: float = TIMES


CASES = (
    Case("hello_neurosift", "units_summary_1", {}, LINDI_OUTPUT, MUCH_FASTER),
    Case(
        "hello_neurosift",
        "ephys_summary_1",
        {
            "electrical_series_path": RAW,
            "segment_start_time_sec": 0,
            "segment_duration_sec": 60,
        },
        LINDI_OUTPUT,
        MUCH_FASTER,
    ),
    Case("hello_neurosift", "multiscale_spike_density", {"units_path": "units"}, LINDI_OUTPUT),
    Case(
        "hello_neurosift",
        "prepare_ephys_spike_sorting_dataset",
        {
            "electrical_series_path": RAW,
            "duration_sec": 0,
            "electrode_indices": list(range(16)),
            "freq_min": 300,
            "freq_max": 6000,
            "compression_ratio": 12,
            "output_electrical_series_name": "pre",
        },
    ),
    Case(
        "hello_neurosift",
        "mountainsort5",
        {
            "electrical_series_path": RAW,
            "output_units_name": "units_ms5",
            "detect_threshold": 5.5,
            "channel_radius": 100,
        },
    ),
    Case(
        "hello_neurosift",
        "spike_sorting_post_processing",
        {"electrical_series_path": RAW, "units_path": "units"},
    ),
    Case(
        "hello_mountainsort5",
        "mountainsort5_1",
        {
            "electrical_series_path": RAW,
            "segment_start_time_sec": 0,
            "segment_duration_sec": 60,
        },
    ),
    Case(
        "hello_rastermap",
        "rastermap",
        {"units_path": "units", "n_clusters": 0, "n_PCs": 8, "locality": 0.0, "grid_upsample": 10},
        {"output": "output.json"},
    ),
    Case("hello_cebra", "cebra_nwb_embedding_6", {"max_iterations": 100}),
)
FILMS = (
    Case(
        "hello_video",
        "avi_to_mp4",
        {"duration_sec": 10},
        {"output": "output.mp4", "info": "info.json"},
    ),
    Case(
        "hello_video",
        "image_series_to_mp4",
        {"image_series_path": "acquisition/movie", "duration_sec": 10},
        {"output": "output.mp4"},
    ),
)
STARTED = ("hello_neurosift", "hello_kilosort4")
"""Apps of which the start alone is measured; without a GPU, Kilosort4's jobs take too long."""

IMAGES = {"shape": [250, 240, 320], "rate": 25.0}
"""Of the image series: as long and as large as the film."""


def apps(stores: Stores) -> Iterator[Figure]:
    """Each processor beside the libraries alone, a long recording, and the environments."""
    rounds = stores.size(3, quick=1)
    yield from app_environments(stores)
    python = environment_of("hello_neurosift", ENVIRONMENTS)
    inputs = stores.folder("inputs")
    recording = inputs / "ephys_small.nwb"
    films = (inputs / "film.avi", inputs / "images.nwb")
    make_inputs = [str(python), str(TESTS_OF_APPS / "make_inputs.py")]
    run([str(python), str(TESTS_OF_APPS / "make_recording.py"), str(recording)])
    run([*make_inputs, "video", str(films[0])])
    run([*make_inputs, "images", str(films[1]), json.dumps(IMAGES)])
    rows: dict[str, list[str]] = {}
    drawn: dict[Path, bytes] = {}
    for case, file in (
        *((case, recording) for case in CASES),
        *zip(FILMS, films, strict=True),
    ):
        figure, row, picture = _case(stores, case, file, rounds)
        rows.setdefault(case.app, []).append(row)
        drawn[Path(case.app, "figures", f"{case.processor}.png")] = picture
        yield figure
    for app in STARTED:
        yield _start_of(stores, app, rows)
    yield from _long_recording(stores, python, rows)
    for line in write_readmes(rows, drawn):
        print(line, file=sys.stderr)


def _case(stores: Stores, case: Case, file: Path, rounds: int) -> tuple[Figure, str, bytes]:
    """A processor's jobs, of which the app is imported already, beside the libraries alone.

    Returns:
        The figure, a row of the README's table, and what a job drew, as PNG.
    """
    python = environment_of(case.app, ENVIRONMENTS)
    other = python
    if case.app in WITH_PYNWB:
        other = environment_of_script("plain.py", ENVIRONMENTS)

    def cold() -> AppRun:
        with tempfile.TemporaryDirectory(dir=stores.folder("cold")) as folder:
            place = Path(folder)
            return run_processor(
                python, case.app, case.processor, file, case.outputs, case.parameters, place
            )

    def plain() -> AppRun:
        with tempfile.TemporaryDirectory(dir=stores.folder("plain")) as folder:
            return run_script(other, "plain.py", [case.processor, file], Path(folder))

    cold()  # not counted: files get into memory, byte code is written, Rastermap is compiled
    first = cold()
    references: list[AppRun] = []
    runs: list[tuple[float, DendroJob]] = []
    with _jobs(stores, case, file) as run_job:
        plain()
        for _ in range(rounds):
            runs.append(run_job())
            references.append(plain())
        last = runs[-1][1]
        (drawn,) = last.otherFileOutputs
        picture = stores.folder("drawn") / "picture.png"
        picture.write_bytes(last.get_output(drawn.name).read_bytes())
        run_script(python, "smaller_png.py", [picture], picture.parent)
    times = [seconds for seconds, _ in runs]
    measured = f"{duration(median(times))}; first {_words(first)}"
    reference = _middle(references)
    ratio = median(seconds / each.seconds for seconds, each in zip(times, references, strict=True))
    return (
        Figure(
            what=f"{case.processor} of {case.app}",
            measured=measured,
            reference=f"libraries alone: {_words(reference)}",
            ratio=f"{ratio:.2f}x",
            budget=f"at most {case.limit:.2f}x",
            is_met=ratio <= case.limit,
        ),
        _row(f"`{case.processor}`", duration(median(times)), first, _words(reference)),
        picture.read_bytes(),
    )


@contextlib.contextmanager
def _jobs(
    stores: Stores, case: Case, file: Path
) -> Generator[Callable[[], tuple[float, DendroJob]]]:
    """Runs a job again and again; how many seconds it took from submit to completed, and itself."""
    folder = stores.folder("store")
    (folder / "envs").symlink_to(ENVIRONMENTS)
    cores = os.cpu_count() or 1

    def run_job() -> tuple[float, DendroJob]:
        with contextlib.redirect_stdout(io.StringIO()):
            begun = time.perf_counter()
            job = submit_job(
                service_name=SERVICE,
                job_definition=DendroJobDefinition(
                    appName=case.app,
                    processorName=case.processor,
                    inputFiles=[DendroJobInputFile(name="input", path=file)],
                    outputFiles=[
                        DendroJobOutputFile(name=name, fileBaseName=base_name)
                        for name, base_name in case.outputs.items()
                    ],
                    parameters=[
                        DendroJobParameter(name=name, value=value)
                        for name, value in case.parameters.items()
                    ],
                ),
                required_resources=DendroJobRequiredResources(
                    numCpus=cores, numGpus=0, memoryGb=4, timeSec=3600
                ),
                skip_cache=True,
            ).wait_until_done()
            seconds = time.perf_counter() - begun
        if job.status != "completed":
            raise ProcessFailed(f"{case.processor} failed: {job.error}")
        return seconds, job

    with using(folder) as hub:
        for _ in range(WARM_UPS):
            run_job()
        time.sleep(REST_SEC)
        yield run_job
        embedded_compute_client(hub).stop()


def _row(what: str, job: str, first: AppRun, reference: str) -> str:
    shown = f"{job} | {duration(first.seconds)} | {first.memory_mb:.0f} MB"
    return f"| {what} | {shown} | {reference} |"


def _start_of(stores: Stores, app: str, rows: dict[str, list[str]]) -> Figure:
    """Importing an app and writing its spec, as a whole process."""
    python = environment_of(app, ENVIRONMENTS)
    runs = [
        write_spec(python, app, stores.folder("spec")) for _ in range(1 + stores.size(3, quick=1))
    ]
    found = _middle(runs[1:])
    rows.setdefault(app, []).append(_row("the app starts, and writes its spec", "", found, ""))
    return Figure(what=f"{app} starts, and writes its spec", measured=_words(found))


def _long_recording(stores: Stores, python: Path, rows: dict[str, list[str]]) -> Iterator[Figure]:
    """A summary of 10 minutes of 64 channels, beside reading them once."""
    seconds = stores.size(600, quick=60)
    file = stores.folder("inputs") / "long.nwb"
    run_script(python, "long_recording.py", [file, seconds, LONG_CHANNELS], file.parent)
    parameters = {
        "electrical_series_path": RAW,
        "segment_start_time_sec": 0,
        "segment_duration_sec": seconds,
    }
    run_script(python, "read_once.py", [file], stores.folder("read"))
    reading = run_script(python, "read_once.py", [file], stores.folder("read"))
    measured = run_processor(
        python,
        "hello_neurosift",
        "ephys_summary_1",
        file,
        LINDI_OUTPUT,
        parameters,
        stores.folder("job"),
    )
    file.unlink()
    what = f"ephys_summary_1 of {seconds} s, {LONG_CHANNELS} channels"
    yield Figure(
        what=what,
        measured=_words(measured),
        reference=f"reading the data once: {duration(reading.seconds)}",
        ratio=f"{measured.seconds / reading.seconds:.2f}x",
        budget=f"at most {LONG_MEMORY_MB} MB",
        is_met=measured.memory_mb <= LONG_MEMORY_MB,
    )
    beside = f"reading the data once: {duration(reading.seconds)}"
    of_what = f"of {seconds // 60} minutes, {LONG_CHANNELS} channels"
    rows["hello_neurosift"].append(_row(f"`ephys_summary_1` {of_what}", "", measured, beside))


def _middle(runs: list[AppRun]) -> AppRun:
    return AppRun(median(each.seconds for each in runs), max(each.memory_mb for each in runs))


def _words(found: AppRun) -> str:
    return f"{duration(found.seconds)}, {found.memory_mb:.0f} MB"
