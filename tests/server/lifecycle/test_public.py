"""A public hub from its first line."""

import socket
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from click.testing import CliRunner, Result

from dendro_local.cli import main
from dendro_local.server.public_mode import public_mode
from tests.server.lifecycle.conftest import ServerStarter

SECRET = "the-secret-of-the-app-at-github"
URL = "https://hub.example.org"


@pytest.fixture
def github_app(store_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of an OAuth app at GitHub."""
    monkeypatch.setenv("DENDRO_GITHUB_CLIENT_ID", "Iv1.hub")
    monkeypatch.setenv("DENDRO_GITHUB_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("DENDRO_GITHUB_URL", "http://127.0.0.1:9/")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("command", ["serve", "up"])
def test_without_an_app_at_github_it_does_not_start_and_says_how_to_get_one(
    store_folder: Path, command: str
) -> None:
    refused = run(command, "--public", "--port", "0")

    assert refused.exit_code == 3
    for part in (
        "--url, DENDRO_GITHUB_CLIENT_ID, DENDRO_GITHUB_CLIENT_SECRET.",
        "https://github.com/settings/applications/new",
        "URL/login/callback",
        "DENDRO_GITHUB_CLIENT_SECRET_FILE",
    ):
        assert part in refused.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (None, "needs --url."),
        ("hub.example.org", "Give a URL such as https://hub.example.org"),
        ("ftp://hub.example.org", "Give a URL"),
        ("https://hub.example.org/dendro", "has a path"),
    ],
)
def test_it_needs_a_url_by_which_it_is_found(github_app: None, url: str | None, says: str) -> None:
    given = [] if url is None else ["--url", url]

    refused = run("serve", "--public", "--port", "0", *given)

    assert refused.exit_code == 3
    assert says in refused.stderr
    assert SECRET not in refused.stderr


def test_the_secret_can_be_in_a_file(
    github_app: None, store_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    monkeypatch.delenv("DENDRO_GITHUB_CLIENT_SECRET")
    monkeypatch.setenv("DENDRO_GITHUB_CLIENT_SECRET_FILE", str(file))

    refused = run("serve", "--public", "--url", URL)
    assert (refused.exit_code, f"cannot be read from {file}" in refused.stderr) == (3, True)

    file.write_text(SECRET + "\n")
    made = public_mode(store_folder, URL)
    assert made.github.client_secret == SECRET
    assert SECRET not in repr(made)


@pytest.mark.parametrize("name", ["RATE_OF_USER", "RATE_OF_ADDRESS"])
def test_a_limit_that_is_no_number_is_told(
    github_app: None, store_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"DENDRO_{name}", "often")

    refused = run("serve", "--public", "--url", URL)

    assert (refused.exit_code, f"DENDRO_{name}, is 'often'" in refused.stderr) == (3, True)


@pytest.mark.process
def test_it_lets_strangers_in_from_everywhere_within_limits(
    start_server: ServerStarter, github_app: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DENDRO_RATE_OF_ADDRESS", "1")
    server = start_server("serve", "--public", "--url", f"{URL}/")
    assert server.url == URL
    command_line = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    with socket.create_connection(("127.0.0.2", server.port), timeout=30):
        pass  # it listens on every address

    here = f"http://127.0.0.1:{server.port}"
    led = httpx.get(f"{here}/login/github", headers={"host": "hub.example.org"}, trust_env=False)
    with httpx.Client(base_url=here, trust_env=False) as client:
        statuses = [client.get("/healthz").status_code for _ in range(60)]
    exit_code, said, _ = server.stop()

    parts = urlsplit(led.headers["location"])
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert (parts.netloc, parts.path) == ("127.0.0.1:9", "/login/oauth/authorize")
    assert asked["client_id"] == "Iv1.hub"
    assert asked["redirect_uri"] == f"{URL}/login/callback"
    assert led.headers["set-cookie"].startswith("__Host-dendro-login-443=")
    assert "Secure" in led.headers["set-cookie"]
    assert statuses[:19] == [200] * 19
    assert 429 in statuses
    assert exit_code == 0
    assert SECRET.encode() not in command_line
    assert SECRET not in led.headers["location"] + led.text + said


def test_the_secret_is_not_shown_among_the_settings(github_app: None) -> None:
    shown = run("info").stdout

    assert "github_client_secret  " in shown
    assert "(set)  [DENDRO_GITHUB_CLIENT_SECRET]" in shown
    assert SECRET not in shown + run("info", "--json").stdout
