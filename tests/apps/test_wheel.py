"""The apps of an installed package run in their environments, where nothing is a link any more."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dendro_local.app_source import BUNDLED_APPS
from dendro_local.environments.build_lock import build_lock
from tests.apps.conftest import APPS, PythonOf

pytestmark = [pytest.mark.process, pytest.mark.timeout(1200)]


@pytest.fixture(scope="session")
def package(shared_folder: Path) -> Path:
    """A folder with what the wheel of this checkout holds; made once a run."""
    folder = shared_folder / "package"
    with build_lock(shared_folder / "package.lock", lambda: True):
        if not folder.exists():
            built = shared_folder / "wheel"
            build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
            subprocess.run(
                [*build, "--outdir", str(built), str(APPS.parent)], check=True, capture_output=True
            )
            (file,) = built.glob("*.whl")
            partial = folder.with_suffix(".partial")
            with zipfile.ZipFile(file) as wheel:
                wheel.extractall(partial)
            partial.rename(folder)
    return folder


@pytest.mark.parametrize("app", sorted({*BUNDLED_APPS} - {"hello_world"}))
def test_an_app_of_the_wheel_is_that_of_its_spec(
    app: str, package: Path, python_of: PythonOf, tmp_path: Path
) -> None:
    folder = package / "dendro_local" / "bundled_apps" / app
    spec_file = tmp_path / "spec.json"

    subprocess.run(
        [python_of(app), folder / "main.py"],
        env={**os.environ, "PYTHONPATH": str(package), "SPEC_OUTPUT_FILE": str(spec_file)},
        check=True,
    )

    assert json.loads(spec_file.read_bytes()) == json.loads((folder / "spec.json").read_bytes())


def test_every_module_of_the_largest_app_can_be_imported_from_the_wheel(
    package: Path, python_of: PythonOf
) -> None:
    folder = package / "dendro_local" / "bundled_apps" / "hello_neurosift"
    modules = sorted(file.stem for file in folder.glob("*.py") if file.stem != "main")

    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    subprocess.run(
        [python_of("hello_neurosift"), "-c", code, *modules],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(package), str(folder)])},
        cwd=package,
        check=True,
    )

    assert len(modules) > 20
