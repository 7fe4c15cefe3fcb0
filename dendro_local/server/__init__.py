"""The hub over HTTP: the Dendro contract, the files of jobs, and an interface of our own.

It says what is asked and answered, and how; what is allowed and what follows is decided below, by
`dendro_local.local_hub`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dendro_local.server.serving import Server, ServerOptions

__all__ = ["Server", "ServerOptions"]


def __getattr__(name: str) -> object:
    # Loaded when first used: the processes that read files for previews need none of it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dendro_local.server import serving

    return getattr(serving, name)
