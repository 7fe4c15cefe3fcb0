"""docs/maintenance.md is true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dendro_local.local_hub.findings import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "maintenance.md"

pytestmark = pytest.mark.process


def test_its_commands_run(store_folder: Path, tmp_path: Path) -> None:
    script = "\n".join(
        re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    folder = tmp_path / "empty"
    folder.mkdir()

    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "backup-of-today" / "store.db").exists()
    assert script.count("--wait") == finished.stderr.count(": completed") == 3


def test_it_is_up_to_date_and_has_every_check() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", "-P", str(PAGE)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, "Run `make format`."
    assert all(f"| `{name}` |" in PAGE.read_text() for name in CHECKS)
