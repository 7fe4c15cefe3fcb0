"""The code in the README and the docs runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

pytestmark = pytest.mark.process


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def run(command: list[str], folder: Path, store: Path) -> None:
    environment = {
        **os.environ,
        "DENDRO_LOCAL_DIR": str(store),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    finished = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_python_of_the_readme_is_one_script_that_runs(
    store_folder: Path, tmp_path: Path
) -> None:
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks(ROOT / "README.md", "python")))

    run([sys.executable, str(script)], tmp_path, store_folder)


def test_the_commands_of_the_readme_run(store_folder: Path, tmp_path: Path) -> None:
    script = "\n".join(blocks(ROOT / "README.md", "bash"))

    run(["bash", "-euo", "pipefail", "-c", script], tmp_path, store_folder)


def test_the_python_of_the_page_on_sync_runs(store_folder: Path, tmp_path: Path) -> None:
    [code] = blocks(ROOT / "docs" / "sync.md", "python")
    script = tmp_path / "sync.py"
    script.write_text(code.replace("/media/disk/results", str(tmp_path / "results")))

    run([sys.executable, str(script)], tmp_path, store_folder)


@pytest.mark.parametrize("number", [0, 1])
def test_the_apps_of_the_docs_give_their_spec(
    store_folder: Path, tmp_path: Path, number: int
) -> None:
    code = blocks(ROOT / "docs" / "apps.md", "python")[number]
    (tmp_path / "main.py").write_text(code)

    run(["dendro-local", "apps", "spec", str(tmp_path)], tmp_path, store_folder)


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
