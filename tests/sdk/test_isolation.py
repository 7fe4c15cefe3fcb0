"""The SDK works in any app's environment, and takes little time to start."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sdk.job_runs import ROOT, make_job_folder

SDK = ROOT / "dendro_local" / "sdk"

SLOW_TO_IMPORT = {
    "dataclasses",
    "inspect",
    "pathlib",
    "shutil",
    "tempfile",
    "traceback",
    "typing",
    "urllib",
}


def run_isolated(code: str, library: Path) -> str:
    """What ``code`` prints with the standard library and ``library`` alone."""
    start = f"import sys; sys.path.insert(0, {str(library)!r})\n"
    process = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start + code], capture_output=True, text=True, check=True
    )
    return process.stdout


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder that holds just the package."""
    path = tmp_path / "library"
    path.mkdir()
    (path / "dendro_local").symlink_to(ROOT / "dendro_local")
    return path


@pytest.mark.process
def test_all_of_it_needs_the_standard_library_only(library: Path) -> None:
    modules = [f"dendro_local.sdk.{file.stem}" for file in SDK.glob("*.py")]
    code = f"import importlib; [importlib.import_module(name) for name in {modules!r}]; print('ok')"

    assert run_isolated(code, library) == "ok\n"


@pytest.mark.process
def test_pydantics_names_say_that_pydantic_is_missing(library: Path) -> None:
    code = """
try:
    from dendro_local.sdk import BaseModel
except ImportError as error:
    print(error)
"""

    assert "add it to the app's dependencies" in run_isolated(code.strip(), library)


@pytest.mark.process
def test_a_job_in_light_style_imports_nothing_that_takes_long(tmp_path: Path) -> None:
    # With the package's own __init__ out of the picture.
    library = tmp_path / "library"
    (library / "dendro_local").mkdir(parents=True)
    (library / "dendro_local" / "__init__.py").touch()
    (library / "dendro_local" / "sdk").symlink_to(SDK)
    folder = make_job_folder(tmp_path / "job", "greet", outputs=["output"], parameters={"n": 1})
    (tmp_path / "out.txt").touch()
    code = f"""
from dendro_local.sdk import App, OutputFile
app = App("a", description="")
@app.processor
def greet(output: OutputFile, n: int = 0, m: int = 0) -> None:
    output.upload({str(tmp_path / "out.txt")!r})
from dendro_local.sdk.run_job import run_job
assert run_job(app.processors, {str(folder)!r})
import json
print(json.dumps(sorted(sys.modules)))
"""

    loaded = set(json.loads(run_isolated(code, library)))

    assert loaded & SLOW_TO_IMPORT == set()


@pytest.mark.parametrize("path", sorted(SDK.glob("*.py")), ids=lambda path: path.name)
def test_its_syntax_is_that_of_python_3_9(path: Path) -> None:
    source = path.read_text()

    ast.parse(source, feature_version=(3, 9))
    assert "from __future__ import annotations" in source
