"""Under which names the server answers.

A page of any site can give its own name the address of this machine and then ask as if it were
of this server (DNS rebinding). It cannot change the ``Host`` that the browser sends.
"""

import re
from collections.abc import Collection
from ipaddress import ip_address

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from dendro_local.server.messages import refuse

__all__ = ["HostGuard", "host_name"]

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class HostGuard:
    """Refuses requests under a name that is not this server's.

    Args:
        app: what stands behind it.
        names: what the server is called beside ``localhost``.
        any_address: whether it may be called by any IP address: it listens on all of them, and
            no site can be an address.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], *, any_address: bool) -> None:
        self._app = app
        self._names = LOOPBACK_NAMES | frozenset(name.lower() for name in names if name)
        self._any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != ScopeType.HTTP or self._is_ours(_host(scope)):
            await self._app(scope, receive, send)
            return
        message = "This server does not answer under this name"
        await refuse(scope, send, 421, "wrong_host", message)

    def _is_ours(self, host: str) -> bool:
        name = host_name(host)
        if name in self._names:
            return True
        return self._any_address and _is_address(name)


_has_form = re.compile(r"(\[[0-9A-Za-z:.]+\]|[^\[\]:/?#@\s\"'<>\\]+)(:[0-9]{1,5})?").fullmatch


def host_name(host: str) -> str:
    """The name in a ``Host`` header, in lower case, without port and brackets.

    It is empty for what is no host: URLs that are given out begin with what was sent.
    """
    if not _has_form(host):
        return ""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _host(scope: HTTPScope) -> str:
    """What a request says whom it is for; empty if it says so twice, or not at all."""
    found = [value for name, value in scope["headers"] if name == b"host"]
    return found[0].decode("latin-1") if len(found) == 1 else ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
