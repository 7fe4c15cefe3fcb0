"""The hub that this process uses when it names none: over the default store."""

import atexit
import os
import threading
from pathlib import Path

from dendro_local.config import setting, store_folder
from dendro_local.errors import NotSupported
from dendro_local.hub import Hub
from dendro_local.local_hub import LocalHub

__all__ = ["default_hub"]

_open: dict[Path, LocalHub] = {}
_by_variable: dict[str | None, LocalHub] = {}
_lock = threading.Lock()


def default_hub() -> Hub:
    """The hub over the default store, opened once a process for each folder.

    Raises:
        StoreError: the store cannot be opened; the message says what to do.
    """
    # Asked at every submit: a look at the variable is much faster than making a path of it.
    variable = os.environ.get("DENDRO_LOCAL_DIR")
    found = _by_variable.get(variable)
    if found is not None:
        return found
    with _lock:
        folder = store_folder()
        found = _open.get(folder)
        if found is None:
            if setting("api_url", folder):
                raise NotSupported(
                    "DENDRO_API_URL is set, but this version works on a store of this machine. "
                    "Unset it."
                )
            found = _open[folder] = LocalHub(folder)
            atexit.register(found.close)
        _by_variable[variable] = found
    return found
