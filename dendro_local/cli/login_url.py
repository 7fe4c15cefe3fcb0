"""``login-url``: a link that logs a browser in at the store's running hub."""

import threading
import time
import webbrowser

import click
import msgspec

from dendro_local.cli.options import json_option
from dendro_local.cli.output import print_json, say
from dendro_local.cli.store_hub import store_hub
from dendro_local.errors import HubUnreachable
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.sessions import LOGIN_TOKEN_SEC
from dendro_local.store.server_lock import running_server

__all__ = ["login_address", "login_url", "open_in_browser"]


class LoginUrl(msgspec.Struct, frozen=True, kw_only=True):
    """What ``login-url --json`` prints."""

    url: str
    user_id: str
    expires_at: float


@click.command(
    epilog="--json prints {url, user_id, expires_at}, the last in seconds since the epoch."
)
@click.option(
    "--user",
    "user_id",
    metavar="USER_ID",
    show_default="the user whose store it is",
    help="Whom it logs in.",
)
@click.option("--open", "opens_browser", is_flag=True, help="Open it in the browser.")
@json_option
def login_url(user_id: str | None, opens_browser: bool, as_json: bool) -> None:
    """Print a link that logs a browser in at the hub.

    It is good once, for 5 minutes. Whoever has it can use it: show it to nobody else.
    """
    hub = store_hub()
    root = hub.store.folder.root
    server = running_server(root)
    if server is None or not server.url:
        raise HubUnreachable(f"Nobody serves the store {root} now. `dendro-local up` does.")
    chosen = hub.user_id if user_id is None else user_id
    made = LoginUrl(
        url=login_address(hub, chosen, server.url),
        user_id=chosen,
        expires_at=time.time() + LOGIN_TOKEN_SEC,
    )
    if as_json:
        print_json(made)
    else:
        click.echo(made.url)
        say(f"It logs {chosen} in, once, within {LOGIN_TOKEN_SEC / 60:.0f} minutes.")
    if opens_browser:
        open_in_browser(made.url).join()


def login_address(hub: LocalHub, user_id: str, url: str) -> str:
    """Where a browser is logged in as a user, once, at the hub that is served at this URL.

    Raises:
        UserNotFound: there is no such user.
    """
    return f"{url}/login?token={hub.new_login_token(user_id)}"


def open_in_browser(url: str) -> threading.Thread:
    """Open a page in the user's browser, without waiting for it; the thread that does so.

    The address is in the command line of the browser for a moment, where others on the machine
    could read it: it must not be good for more than once.
    """
    # Some browsers are waited for, and what they ask is answered meanwhile.
    opening = threading.Thread(target=webbrowser.open, args=(url,), daemon=True)
    opening.start()
    return opening
