"""Options that say where a store is served, and to whom."""

import functools
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

import click

from dendro_local.cli.number_types import WholeNumberRange
from dendro_local.cli.output import say
from dendro_local.config import store_folder
from dendro_local.server.listening import DEFAULT_PORT
from dendro_local.server.serving import ServerOptions

if TYPE_CHECKING:
    from dendro_local.server.public_mode import PublicMode

__all__ = ["server_options"]

SECRET_VARIABLE = "DENDRO_GITHUB_CLIENT_SECRET"  # noqa: S105 - its name

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--host",
        metavar="ADDRESS",
        show_default="127.0.0.1, and with --public 0.0.0.0",
        help="Address to listen on. 0.0.0.0 lets other machines in.",
    ),
    click.option(
        "--port",
        metavar="N",
        type=WholeNumberRange(0, 65535),
        default=DEFAULT_PORT,
        show_default=True,
        help="Port to listen on; 0 takes any that is free.",
    ),
    click.option(
        "--url",
        "public_url",
        metavar="URL",
        help="Where others find it, if that is not its own address: behind a proxy.",
    ),
    click.option(
        "--allow-host",
        "names",
        metavar="NAME",
        multiple=True,
        help="Another host name under which to answer. May be given several times.",
    ),
    click.option(
        "--allow-origin",
        "origins",
        metavar="URL",
        multiple=True,
        help="Another site whose pages may use it, as https://HOST. May be given several times.",
    ),
    click.option(
        "--public",
        "is_public",
        is_flag=True,
        help="Let strangers log in by GitHub, within limits. Needs --url, and the settings "
        "github_client_id and github_client_secret.",
    ),
)


def server_options(command: _Decorated) -> _Decorated:
    """The options of `ServerOptions`, which the command takes as ``server_options``.

    It is a function that makes them, since that reads settings, which `--help` need not.
    """

    @functools.wraps(command)
    def with_options(
        *args: Any,
        host: str | None,
        port: int,
        public_url: str | None,
        names: Sequence[str],
        origins: Sequence[str],
        is_public: bool,
        **others: Any,
    ) -> Any:
        def made() -> ServerOptions:
            return ServerOptions(
                host=host or ("0.0.0.0" if is_public else "127.0.0.1"),  # noqa: S104 - as it says
                port=port,
                public_url=public_url,
                names=names,
                origins=origins,
                public=_public_mode(public_url) if is_public else None,
            )

        return command(*args, server_options=made, **others)

    decorated: Any = with_options
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return cast(_Decorated, decorated)


def _public_mode(public_url: str | None) -> "PublicMode":
    from dendro_local.server.public_mode import public_mode  # most hubs are not public

    found = public_mode(store_folder(), public_url)
    os.environ.pop(SECRET_VARIABLE, None)  # what this process starts need not see it
    parts = urlsplit(public_url or "")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1"):
        say(
            f"{public_url} is not encrypted: whoever sees the network can log in as its users. Put "
            "a proxy with https before it."
        )
    return found
