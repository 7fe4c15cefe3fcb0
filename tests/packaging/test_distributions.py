"""What is built is whole, and runs where nothing else is installed."""

import json
import stat
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from dendro_local.app_source import BUNDLED_APPS
from tests.packaging.conftest import ROOT, Built, Environment

pytestmark = pytest.mark.process

BUNDLED = "dendro_local/bundled_apps"


@pytest.fixture(scope="session")
def bare(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel, and without what it needs."""
    environment = Environment(tmp_path_factory.mktemp("bare"))
    environment.install(built.wheel)
    return environment


@pytest.fixture(scope="session")
def clean(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel and what it needs."""
    environment = Environment(tmp_path_factory.mktemp("clean"))
    environment.install(built.wheel)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment.install_needed(project["dependencies"])
    environment.uv("check")
    return environment


def modules_of(names: list[str], prefix: str = "") -> set[str]:
    return {name.removeprefix(prefix) for name in names if name.endswith(".py")}


def modules_of_apps() -> set[str]:
    apps = ROOT / "apps"
    return {str(file.relative_to(apps)) for file in apps.rglob("*.py")}


def in_checkout() -> set[str]:
    own = {str(file.relative_to(ROOT)) for file in (ROOT / "dendro_local").rglob("*.py")}
    return own | {str(file.relative_to(ROOT / "sync")) for file in (ROOT / "sync").rglob("*.py")}


def test_the_wheel_holds_the_package_and_its_apps_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = wheel.namelist()

    assert modules_of(names) == in_checkout() | {f"{BUNDLED}/{file}" for file in modules_of_apps()}
    assert {f"{BUNDLED}/{app}/spec.json" for app in BUNDLED_APPS} <= set(names)
    assert {"dendro_local/py.typed", "dendro_sync/py.typed"} <= set(names)
    assert {name.partition("/")[0] for name in names} == {
        "dendro_local",
        "dendro_sync",
        next(name for name in names if ".dist-info" in name).partition("/")[0],
    }


def test_what_apps_share_by_links_is_in_the_wheel_as_files(built: Built) -> None:
    shared = [file for file in modules_of_apps() if (ROOT / "apps" / file).is_symlink()]

    with zipfile.ZipFile(built.wheel) as wheel:
        for file in shared:
            info = wheel.getinfo(f"{BUNDLED}/{file}")
            assert not stat.S_ISLNK(info.external_attr >> 16)
            assert wheel.read(info) == (ROOT / "apps" / file).read_bytes()
    assert shared


def test_every_app_of_the_checkout_comes_with_the_package() -> None:
    assert set(BUNDLED_APPS) == {file.parent.name for file in (ROOT / "apps").glob("*/main.py")}


def test_the_source_distribution_holds_what_a_user_builds_and_tests_with(built: Built) -> None:
    with tarfile.open(built.sdist) as sdist:
        names = sdist.getnames()
    root = names[0].partition("/")[0]

    tests = {str(file.relative_to(ROOT)) for file in (ROOT / "tests").rglob("*.py")}
    wanted = {"pyproject.toml", "README.md", "LICENSE", "Makefile"}
    wanted |= {"requirements.txt", "requirements-apps.txt"}
    found = {name.removeprefix(f"{root}/").removeprefix("sync/") for name in names}
    assert wanted | in_checkout() | tests <= found
    assert not [name for name in names if "a_store" in name or "__pycache__" in name]


def test_the_wheel_gives_the_command(clean: Environment, tmp_path: Path) -> None:
    printed = subprocess.run(
        [clean.folder / "bin" / "dendro-local", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert printed.startswith("Usage: dendro-local")


def test_an_example_runs_from_an_empty_folder_in_a_fresh_store(
    clean: Environment, tmp_path: Path
) -> None:
    store = {"DENDRO_LOCAL_DIR": str(tmp_path / "store")}
    folder = tmp_path / "empty"
    folder.mkdir()
    example = ROOT / "examples" / "example3.py"

    first = clean.run(example, cwd=folder, variables=store)
    second = clean.run(example, cwd=folder, variables=store)

    assert first.endswith("completed\n{'num_characters': 13}\n")
    assert second.splitlines()[0] == first.splitlines()[0].replace("pending", "completed")
    assert list(folder.iterdir()) == []


def test_every_module_of_the_wheel_can_be_imported(clean: Environment, tmp_path: Path) -> None:
    code = """
import importlib, pkgutil, dendro_local
for module in pkgutil.walk_packages(dendro_local.__path__, "dendro_local."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(dendro_local.__file__)
"""
    printed = clean.run("-c", code, cwd=tmp_path)

    assert Path(printed.strip()) == clean.library / "dendro_local" / "__init__.py"


def test_the_public_names_need_what_the_wheel_requires(bare: Environment, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="No module named 'msgspec'"):
        bare.run("-c", "from dendro_local import submit_job", cwd=tmp_path)


def test_an_app_runs_its_job_in_an_environment_without_what_we_need(
    bare: Environment, tmp_path: Path
) -> None:
    app = bare.library / "dendro_local" / "bundled_apps" / "hello_world" / "main.py"
    outputs = [{"name": "output", "fileBaseName": "greeting.txt"}]
    parameters = [{"name": "name", "value": "Ada"}]
    job = {
        "formatVersion": 1,
        "jobId": "TR4Gr2HPFe3JcHFlkZjP",
        "serviceName": "hello_world_service",
        "definition": {
            "appName": "hello_world",
            "processorName": "hello_world_2",
            "inputFiles": [],
            "outputFiles": outputs,
            "parameters": parameters,
        },
        "inputs": {},
    }
    (tmp_path / "job.json").write_text(json.dumps(job))

    bare.run(app, cwd=tmp_path, variables={"DENDRO_JOB_FOLDER": str(tmp_path)})

    result = json.loads((tmp_path / "result.json").read_text())
    assert result["status"] == "completed"
    assert (tmp_path / result["outputs"]["output"]["path"]).read_text() == "Hello, Ada!"


def test_an_app_gives_its_spec_in_an_environment_without_what_we_need(
    bare: Environment, tmp_path: Path
) -> None:
    app = bare.library / "dendro_local" / "bundled_apps" / "hello_world"

    bare.run(
        app / "main.py", cwd=tmp_path, variables={"SPEC_OUTPUT_FILE": str(tmp_path / "spec.json")}
    )

    given = json.loads((tmp_path / "spec.json").read_text())
    assert given == json.loads((app / "spec.json").read_text())


def test_types_are_shipped(clean: Environment, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from dendro_local import get_job\n\nreveal_type(get_job('a').status)\n")

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--python-executable", clean.python, "--strict", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "Literal['pending'] | Literal['starting'] | Literal['running']" in checked.stdout
