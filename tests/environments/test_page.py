"""docs/environments.md does what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dendro_local.environments import requirements_of
from dendro_local.environments.script_block import UV_KEYS

PAGE = Path(__file__).parents[2] / "docs" / "environments.md"


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def test_its_app_declares_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(block("python"))

    found = requirements_of(tmp_path / "main.py")

    assert found is not None
    assert found.dependencies == ("numpy>=2", "scipy")


def test_every_key_that_a_block_may_have_is_in_it() -> None:
    for key in UV_KEYS:
        assert f"`{key}`" in PAGE.read_text()


@pytest.mark.process
def test_its_commands_run(store_folder: Path, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block("bash")],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
