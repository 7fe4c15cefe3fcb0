"""The hub that this process uses when it names none: that of the settings, or the store's."""

import atexit
import os
import threading
from pathlib import Path

from dendro_local.config import setting, store_folder
from dendro_local.hub import Hub
from dendro_local.local_hub import LocalHub

__all__ = ["default_hub"]

_open: dict[tuple[Path, str, str | None], Hub] = {}
_by_variables: dict[tuple[str | None, ...], Hub] = {}
_lock = threading.Lock()


def default_hub() -> Hub:
    """The hub over the default store, or that of ``DENDRO_API_URL``; opened once a process.

    Raises:
        StoreError: the store cannot be opened; the message says what to do.
        InvalidRequest: ``DENDRO_API_URL`` is no URL of a hub.
    """
    # Asked at every submit: a look at the variables is much faster than making a path of one.
    get = os.environ.get
    variables = (get("DENDRO_LOCAL_DIR"), get("DENDRO_API_URL"), get("DENDRO_API_KEY"))
    found = _by_variables.get(variables)
    if found is not None:
        return found
    with _lock:
        folder = store_folder()
        api_url = setting("api_url", folder)
        # Another key is another user, to a hub that is asked for one.
        whose = (folder, api_url, variables[2] if api_url else None)
        found = _open.get(whose)
        if found is None:
            found = _open[whose] = _opened(folder, api_url)
            atexit.register(found.close)
        _by_variables[variables] = found
    return found


def _opened(folder: Path, api_url: str) -> Hub:
    if not api_url:
        return LocalHub(folder)
    from dendro_local.remote_hub import RemoteHub  # HTTP costs a script without it 60 ms

    return RemoteHub(api_url, folder)
