"""Every example is run as its reader would run it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.process


def run_example(name: str, store: Path, *before: str) -> str:
    """What an example prints, run in an empty folder over a store."""
    folder = store.parent / "empty"
    folder.mkdir(exist_ok=True)
    finished = subprocess.run(
        [*before, sys.executable, str(ROOT / "examples" / name)],
        env={**os.environ, "DENDRO_LOCAL_DIR": str(store)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_every_example_has_a_test() -> None:
    tested = {"demo.py", "example1.py", "example2.py", "example3.py"}

    assert {file.name for file in (ROOT / "examples").glob("*.py")} == tested


def test_example_1_runs_once_and_is_a_cache_hit_from_then_on(store_folder: Path) -> None:
    first = run_example("example1.py", store_folder).splitlines()
    second = run_example("example1.py", store_folder).splitlines()

    job = first[0].split()[0]
    assert first[0] == f"{job} pending"
    assert first[-3:-1] == [f"{job} completed", "Hello, world!"]
    assert second == [f"{job} completed", f"{job} completed", "Hello, world!", ""]


def test_example_2_shows_its_output(store_folder: Path) -> None:
    lines = run_example("example2.py", store_folder).splitlines()

    assert "Hello, world!" in lines
    assert Path(lines[-1]).read_text() == "Hello, world!"


def test_example_3_counts_the_characters_of_the_first_jobs_output(store_folder: Path) -> None:
    lines = run_example("example3.py", store_folder).splitlines()

    assert lines[1].endswith("pending False")
    assert lines[-1] == "{'num_characters': 13}"


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")
def test_the_demo_runs_with_the_network_unplugged_and_then_finds_every_job(
    store_folder: Path,
) -> None:
    unplugged = ["unshare", "--map-root-user", "--net"]
    assert shutil.which("unshare"), "unshare(1) of util-linux is needed"

    first = run_example("demo.py", store_folder, *unplugged)
    second = run_example("demo.py", store_folder, *unplugged)

    assert "4 jobs, 0 of them cache hits" in first
    assert "4 jobs, 4 of them cache hits" in second
    rows = [line for line in second.splitlines() if "cache hit " in line]
    assert len(rows) == 4
    assert all(Path(row.split()[-1]).is_file() for row in rows)
