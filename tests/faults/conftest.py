"""Stores that have to come through whole, and apps that misbehave."""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from dendro_local import DendroJob
from dendro_local.client.default_hub import default_hub
from tests.conftest import AppMaker
from tests.faults.asking import check_blobs, check_whole, define, run, run_cold, submit
from tests.faults.scripts import Script, Slow

JobMaker = Callable[..., DendroJob]
Runner = Callable[[DendroJob], DendroJob]


@pytest.fixture(autouse=True)
def ended_scripts() -> Iterator[None]:
    """No script outlives its test, however that ends."""
    yield
    Script.end_all()


@pytest.fixture
def whole_store(store_folder: Path) -> Iterator[Path]:
    """The folder of a fresh store, in which after the test another job runs to its end."""
    yield store_folder
    check_whole(store_folder)
    check_blobs(store_folder)
    default_hub().close()


@pytest.fixture
def job_of(whole_store: Path, make_app: AppMaker) -> JobMaker:
    """A job of an app with one processor: ``job_of("raise ValueError('no spikes')")``.

    The processor has the output ``output``, and the inputs that are given.
    """

    def make(
        body: str, *, inputs: Mapping[str, Path] | None = None, time_sec: float = 60
    ) -> DendroJob:
        fields = ", ".join([*(f"{name}: InputFile" for name in inputs or {}), "output: OutputFile"])
        lines = textwrap.indent(textwrap.dedent(body).strip(), "    ")
        folder = make_app("faulty", f"@app.processor\ndef work({fields}) -> None:\n{lines}")
        default_hub().add_app(str(folder), "lab")
        definition = define("work", app="faulty", inputs=inputs)
        return submit(definition, service="lab", time_sec=time_sec)

    return make


@pytest.fixture(params=[run, run_cold], ids=["warm", "cold"])
def runner(request: pytest.FixtureRequest) -> Runner:
    """Both ways to run a job to its end: from a warm host, and in a process of its own."""
    found: Runner = request.param
    return found


@pytest.fixture
def slow(whole_store: Path, make_app: AppMaker, tmp_path: Path) -> Iterator[Slow]:
    """The app ``slow`` on the service ``lab``, whose job runs until it is told to end."""
    app = Slow(tmp_path)
    default_hub().add_app(str(make_app("slow", app.body)), "lab")
    yield app
    app.let_end()  # what is still pending then runs when the store is checked
