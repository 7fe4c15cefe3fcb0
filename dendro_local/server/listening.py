"""The socket that a server listens on."""

import errno
import socket

from dendro_local.errors import Conflict, InvalidRequest

__all__ = ["DEFAULT_PORT", "listening_socket"]

DEFAULT_PORT = 61423
BACKLOG = 2048


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that accepts connections from now on; port 0 is any that is free.

    Raises:
        Conflict: another program uses the port.
        InvalidRequest: there is no such address on this machine, or it may not be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise InvalidRequest(
            f"{host!r} is no address of this machine: {error.strerror}."
        ) from error
    family, kind, _, _, address = found[0]
    # The protocol is named: without it asyncio leaves small replies waiting for more (Nagle).
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _explained(error, host, port) from error
    return listener


def _explained(error: OSError, host: str, port: int) -> Conflict | InvalidRequest:
    if error.errno == errno.EADDRINUSE:
        return Conflict(
            f"Another program uses port {port} of {host}. Stop it, or give another port: "
            "--port 0 takes any that is free."
        )
    if error.errno == errno.EACCES:
        return InvalidRequest(f"This user may not use port {port}. Ports from 1024 on are free.")
    return InvalidRequest(f"{host} port {port} cannot be used: {error.strerror}.")
