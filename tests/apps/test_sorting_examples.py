"""The scripts and the notebook for sorting and embedding run as their readers would run them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dendro_local.local_hub import LocalHub
from tests.apps.conftest import APPS

EXAMPLES = APPS.parent / "examples" / "neuro"

pytestmark = [pytest.mark.process, pytest.mark.timeout(1200)]


@pytest.fixture
def variables(store_of_apps: LocalHub) -> dict[str, str]:
    """The environment variables of a reader whose store is that of the apps."""
    return {
        **os.environ,
        "DENDRO_LOCAL_DIR": str(store_of_apps.store.folder.root),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def run_example(name: str, variables: dict[str, str]) -> list[str]:
    """The last lines that a script prints."""
    finished = subprocess.run(
        [sys.executable, EXAMPLES / name],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout.rstrip().splitlines()


@pytest.mark.parametrize(
    "example", ["rastermap.py", "mountainsort5_segment.py", "cebra_embedding.py"]
)
def test_an_example_gives_its_output(example: str, variables: dict[str, str]) -> None:
    lines = run_example(example, variables)

    assert Path(lines[-1]).is_file()


def test_the_chain_shows_an_output_for_each_step(variables: dict[str, str]) -> None:
    lines = run_example("sorting_chain.py", variables)

    rows = [line.split() for line in lines[-4:]]
    assert [row[0] for row in rows] == ["summary", "prepare", "sort", "measure"]
    assert all(row[2] == "completed" and Path(row[3]).is_file() for row in rows)


@pytest.fixture
def notebook_variables(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the notebook's kernel inherits."""
    for name in ("DENDRO_LOCAL_DIR", "PATH"):
        monkeypatch.setenv(name, variables[name])
    monkeypatch.delenv("DENDRO_SERVICE_NAME", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")


@pytest.mark.usefixtures("notebook_variables")
def test_the_notebook_draws_what_the_chain_gives() -> None:
    import nbformat
    from nbclient import NotebookClient

    read: Any = nbformat.read  # it has no types, where it is installed
    notebook = read(EXAMPLES / "sorting_chain.ipynb", as_version=4)

    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": EXAMPLES}}
    ).execute()

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    figures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(figures) == 3
    assert not [output for output in outputs if output.output_type == "error"]


def test_every_example_has_a_test() -> None:
    from tests.apps.test_docs_and_examples import EXAMPLES as OTHERS

    tested = {"rastermap.py", "mountainsort5_segment.py", "cebra_embedding.py", "sorting_chain.py"}
    not_run = {"kilosort4.py"}  # without a GPU, it takes too long
    assert {file.name for file in EXAMPLES.glob("*.py")} == tested | not_run | set(OTHERS)
