"""docs/hub.md is true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dendro_local.config import SETTINGS
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.sessions import LOGIN_TOKEN_SEC, SESSION_SEC
from dendro_local.server import slow_clients
from dendro_local.server.contract import routes
from dendro_local.server.rate_limits import BURST_SEC
from tests.server.conftest import SERVICE

PAGE = Path(__file__).parents[2] / "docs" / "hub.md"


@pytest.mark.process
def test_its_commands_run(hub: LocalHub, tmp_path: Path) -> None:
    script = "\n".join(
        re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    )
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
    key = (tmp_path / "grace.key").read_text().strip()
    assert hub.user_of_key(key) == "local|grace"
    assert hub.may_create_jobs("local|grace", hub.service(SERVICE))
    assert (tmp_path / "for-the-cluster" / "dendro-compute-client.yaml").exists()


def test_its_limits_are_those_of_the_settings() -> None:
    page = PAGE.read_text()
    defaults = {setting.key: int(setting.default) for setting in SETTINGS if _is_limit(setting.key)}

    told = dict(
        re.findall(r"^\| `((?:quota|rate)_\w+)` \| ([\d,]+(?: GB)?) \|", page, re.MULTILINE)
    )

    assert {key: _number(value) for key, value in told.items()} == defaults
    for key in re.findall(r"`(github_\w+|trusted_proxies)`", page):
        assert key in [setting.key for setting in SETTINGS]


def test_its_other_numbers_are_those_of_the_code() -> None:
    page = " ".join(PAGE.read_text().split())

    for sentence in (
        f"good once, for {LOGIN_TOKEN_SEC / 60:.0f} minutes",
        f"stays logged in for {SESSION_SEC / 86400:.0f} days",
        f"may have {slow_clients.MAX_HEAD_BYTES >> 10} KB and take {slow_clients.HEAD_SEC:.0f} s",
        f"may have {routes.MAX_BODY_BYTES >> 20} MB",
    ):
        assert sentence in page
    assert (BURST_SEC, "Twenty seconds' worth" in page) == (20, True)
    assert (slow_clients.SILENCE_SEC, "nothing moves for a minute" in page) == (60, True)


def _is_limit(key: str) -> bool:
    return key.startswith(("quota_", "rate_"))


def _number(text: str) -> int:
    number, _, unit = text.partition(" ")
    return int(number.replace(",", "")) * (10**9 if unit else 1)
