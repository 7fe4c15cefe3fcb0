"""docs/cli.md is what the commands say of themselves."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dendro_local import errors
from dendro_local.cli.reference import commands
from dendro_local.config import SETTINGS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cli.md"


@pytest.mark.process
def test_the_page_is_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", "-P", str(PAGE)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, "Run `make format`."


@pytest.mark.parametrize("words", [" ".join(words) for words, _ in commands()])
def test_every_command_is_in_it(words: str) -> None:
    assert f"\n### {words}\n" in PAGE.read_text()


def test_every_setting_and_error_is_in_it() -> None:
    page = PAGE.read_text()

    for setting in SETTINGS:
        assert f"| `{setting.key}` | `{setting.variable}` |" in page
    for name in errors.__all__:
        error = getattr(errors, name)
        assert f"| {error.exit_code} | `{error.code}` |" in page


def test_no_two_errors_have_one_exit_code() -> None:
    codes = [getattr(errors, name).exit_code for name in errors.__all__]

    assert len(codes) == len({*codes, 0, 2, 130, 141}) - 4


@pytest.mark.process
def test_its_commands_run(store_folder: Path, tmp_path: Path) -> None:
    [script] = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert '"jobId"' in finished.stdout
