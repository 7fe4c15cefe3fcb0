"""``login-url`` and ``--open``: a browser is logged in by a link that is good once."""

import stat
from collections.abc import Sequence
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner, Result

from dendro_local.cli import main
from tests.server.conftest import ADA
from tests.server.lifecycle.conftest import ServerStarter, start_server  # noqa: F401 - a fixture
from tests.server.safety.conftest import Port, port, serve  # noqa: F401 - fixtures


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the user's browser notes what it was asked to open."""
    note, program = tmp_path / "opened.txt", tmp_path / "browser"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {note}.new && mv {note}.new {note}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", str(program))
    return note


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["login-url", *arguments])


def log_in(urls: Sequence[str]) -> list[str | None]:
    """Where the account page leads in browsers that followed links; None if it is shown."""
    found: list[str | None] = []
    for url in urls:
        with httpx.Client(trust_env=False) as client:
            client.get(url)
            reply = client.get(url.partition("/login")[0] + "/account")
            found.append(reply.headers.get("location"))
    return found


def test_it_prints_a_link_that_logs_a_browser_in_once(port: Port) -> None:  # noqa: F811
    made = run()

    url = made.stdout.strip()
    assert url.startswith(f"{port.server.url}/login?token=")
    assert "once, within 5 minutes" in made.stderr
    assert log_in([url, url]) == [None, "/login"]


def test_it_can_be_read_by_a_program_and_is_for_any_user(port: Port) -> None:  # noqa: F811
    port.hub.add_user(ADA)

    made = msgspec.json.decode(run("--user", ADA, "--json").stdout)

    assert set(made) == {"url", "user_id", "expires_at"}
    assert made["user_id"] == ADA
    assert log_in([made["url"]]) == [None]


def test_it_opens_a_browser(port: Port, opened: Path) -> None:  # noqa: F811
    made = run("--open")

    assert opened.read_text() == made.stdout.strip()


def test_a_link_for_nobody_is_not_made(port: Port) -> None:  # noqa: F811
    refused = run("--user", "nobody")

    assert (refused.exit_code, refused.stdout) == (15, "")


def test_a_store_that_nobody_serves_has_no_link(store_folder: Path) -> None:
    refused = run()

    assert refused.exit_code == 50
    assert "`dendro-local up` does." in refused.stderr


@pytest.mark.process
def test_up_opens_a_browser_that_is_logged_in(
    start_server: ServerStarter,  # noqa: F811 - the fixture
    opened: Path,
) -> None:
    server = start_server("up", "--open")
    while not opened.exists():
        server.ask()  # it is answered meanwhile

    url = opened.read_text()
    assert log_in([url, url]) == [None, "/login"]
    assert url.partition("token=")[2] not in server.stop()[1]
