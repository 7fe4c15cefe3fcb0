"""The unit by which systemd runs a hub."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dendro_local.cli import main
from dendro_local.cli.systemd_unit import unit_file

COMMAND = str(Path(sys.executable).with_name("dendro-local"))


def lines_of(unit: str) -> list[str]:
    """What a unit says, without its comments."""
    return [line for line in unit.splitlines() if line and not line.startswith("#")]


def verified(unit: str, folder: Path) -> str:
    """What systemd itself finds wrong with a unit."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not there")
    (folder / "run").mkdir(mode=0o700)
    file = folder / "dendro-local.service"
    file.write_text(unit)
    checked = subprocess.run(
        [analyze, "verify", "--user", str(file)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder / "run")},
        capture_output=True,
        text=True,
        check=False,
    )
    return checked.stdout + checked.stderr


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_unit_runs_the_command_with_the_options_that_were_given(
    store_folder: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "slots.json").write_text("[]")
    options = ["--port", "7000", "--allow-host", "a b", "--allow-host", "c"]
    if command == "up":
        options += ["--slots", str(tmp_path / "slots.json")]

    printed = CliRunner().invoke(main, [command, "--systemd", *options, "--open"])

    assert printed.exit_code == 0, printed.stderr
    words = " ".join(f'"{word}"' for word in (COMMAND, command, *options))
    assert f"ExecStart={words}" in lines_of(printed.stdout)
    assert f'Environment="DENDRO_LOCAL_DIR={store_folder}"' in lines_of(printed.stdout)
    assert verified(printed.stdout, tmp_path) == ""
    assert not store_folder.exists()


def test_a_unit_ends_a_hub_in_order_and_starts_it_again_if_it_failed() -> None:
    unit = lines_of(made(runs_jobs=False))

    for line in ("Restart=on-failure", "KillSignal=SIGTERM", "TimeoutStopSec=10"):
        assert line in unit
    assert "WantedBy=default.target" in unit


def test_a_unit_lets_jobs_go_on_while_the_hub_restarts() -> None:
    unit = lines_of(made(runs_jobs=True))

    assert "KillMode=process" in unit
    assert "OOMPolicy=continue" in unit
    assert "NoNewPrivileges=yes" in unit


def test_a_unit_lets_container_engines_have_the_rights_that_they_need() -> None:
    assert "NoNewPrivileges=yes" not in made(runs_jobs=True, uses_containers=True)


def test_a_unit_without_jobs_may_do_less() -> None:
    unit = lines_of(made(runs_jobs=False))

    for line in ("NoNewPrivileges=yes", "UMask=0077", "SystemCallArchitectures=native"):
        assert line in unit


def test_what_means_something_to_systemd_is_escaped(tmp_path: Path) -> None:
    unit = made(arguments=["serve", "--url", 'https://x/%h$HOME"\\'], store=Path("/st%h re/$x"))

    assert '"https://x/%%h$$HOME\\"\\\\"' in unit
    assert 'Environment="DENDRO_LOCAL_DIR=/st%%h re/$x"' in unit
    assert verified(unit, tmp_path) == ""


def made(
    *,
    arguments: list[str] | None = None,
    store: Path = Path("/var/lib/dendro"),
    runs_jobs: bool = False,
    uses_containers: bool = False,
) -> str:
    return unit_file(
        [sys.executable],
        arguments or ["serve"],
        store=store,
        runs_jobs=runs_jobs,
        uses_containers=uses_containers,
    )
