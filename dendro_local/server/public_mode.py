"""What a hub needs to know to let strangers in: where they log in, and how often they may ask."""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from dendro_local import config
from dendro_local.errors import InvalidRequest
from dendro_local.reasons import reason_of
from dendro_local.server.github import GitHubApp
from dendro_local.server.rate_limits import Rates

__all__ = ["CALLBACK_PATH", "PublicMode", "public_mode"]

CALLBACK_PATH = "/login/callback"
"""Where browsers come back to from GitHub."""


class PublicMode(msgspec.Struct, frozen=True, kw_only=True):
    """How strangers are let in."""

    github: GitHubApp
    rates: Rates


def public_mode(folder: Path, public_url: str | None) -> PublicMode:
    """What the settings of a store say.

    Args:
        folder: of the store.
        public_url: where others find the hub.

    Raises:
        InvalidRequest: something is not set, or cannot be used; says where to get it.
    """
    secret = _secret(folder)
    client_id = config.setting("github_client_id", folder)
    github_url = config.setting("github_url", folder).rstrip("/")
    missing = [
        name
        for name, value in (
            ("--url", public_url),
            ("DENDRO_GITHUB_CLIENT_ID", client_id),
            ("DENDRO_GITHUB_CLIENT_SECRET", secret),
        )
        if not value
    ]
    if missing or public_url is None:
        raise InvalidRequest(
            f"A public hub needs {', '.join(missing)}. --url is where others find it, such as "
            "https://hub.example.org. The others are of an OAuth app that you register at "
            f"{github_url}/settings/applications/new, with URL{CALLBACK_PATH} as its authorization "
            "callback URL; DENDRO_GITHUB_CLIENT_SECRET_FILE names a file with the secret instead."
        )
    _check_url("--url", public_url)
    if urlsplit(public_url).path not in ("", "/"):
        raise InvalidRequest(
            f"--url is {public_url!r}, which has a path. Give the hub a host name of its own."
        )
    return PublicMode(
        github=GitHubApp(
            url=_checked_url("github_url", folder),
            api_url=_checked_url("github_api_url", folder),
            client_id=client_id,
            client_secret=secret,
        ),
        rates=Rates(
            of_user=config.number_setting("rate_of_user", folder),
            of_address=config.number_setting("rate_of_address", folder),
            proxies=config.setting("trusted_proxies", folder).split(),
        ),
    )


def _secret(folder: Path) -> str:
    secret = config.setting("github_client_secret", folder)
    named = config.setting("github_client_secret_file", folder)
    if secret or not named:
        return secret
    file = Path(named).expanduser()
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise InvalidRequest(
            f"The client secret of the GitHub app cannot be read from {file}: {reason_of(error)}."
        ) from error


def _checked_url(key: str, folder: Path) -> str:
    url = config.setting(key, folder).rstrip("/")
    _check_url(f"The setting {key}", url)
    return url


def _check_url(what: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InvalidRequest(f"{what} is {url!r}. Give a URL such as https://hub.example.org.")
