"""The commands of the page on these apps, and the examples, run in a store that nobody prepared."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dendro_local.local_hub import LocalHub
from tests.apps.conftest import APPS

ROOT = APPS.parent
EXAMPLES = [
    "avi_to_mp4.py",
    "ephys_summary.py",
    "image_series_to_mp4.py",
    "multiscale_spike_density.py",
    "units_summary.py",
]

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]


def run(command: list[str], hub: LocalHub) -> str:
    """What a command prints, run in the checkout over the store of the apps."""
    finished = subprocess.run(
        command,
        cwd=ROOT,
        env={
            **os.environ,
            "DENDRO_LOCAL_DIR": str(hub.store.folder.root),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_the_commands_of_the_page_run(store_of_apps: LocalHub) -> None:
    page = (ROOT / "docs" / "neuro-apps.md").read_text()
    commands = "\n".join(re.findall(r"^```bash\n(.*?)^```", page, re.MULTILINE | re.DOTALL))

    run(["bash", "-euo", "pipefail", "-c", commands], store_of_apps)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_gives_its_output(example: str, store_of_apps: LocalHub) -> None:
    script = str(ROOT / "examples" / "neuro" / example)

    printed = run([sys.executable, script], store_of_apps)

    places = [line for line in printed.splitlines() if "/outputs/" in line]
    assert len(places) == 1
    assert Path(places[0]).is_file()
