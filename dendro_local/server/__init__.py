"""The hub over HTTP: the Dendro contract, the files of jobs, and an interface of our own.

It says what is asked and answered, and how; what is allowed and what follows is decided below, by
`dendro_local.local_hub`.
"""

from dendro_local.server.serving import Server, ServerOptions

__all__ = ["Server", "ServerOptions"]
