"""The commands of the page about the interface run as they stand."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.server.v1.conftest import Live

PAGE = Path(__file__).parents[3] / "docs" / "http-api.md"


def test_the_commands_of_the_page_run(live: Live, tmp_path: Path) -> None:
    assert shutil.which("curl"), "curl is needed"
    key = live.hub.add_api_key(live.hub.user_id)[1]
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    environment = {**os.environ, "HUB": live.server.url, "KEY": key, "NO_PROXY": "127.0.0.1"}

    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert '"canceled":true' in finished.stdout.splitlines()[-1]
