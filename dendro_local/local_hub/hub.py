"""The local hub, put together from its parts."""

from pathlib import Path

from dendro_local import config
from dendro_local.local_hub.running import Running
from dendro_local.store import Listener, Store

__all__ = ["LocalHub"]


class LocalHub(Running):
    """A `dendro_local.hub.Hub` over the store in a folder."""

    def __init__(self, folder: Path) -> None:
        """Open the store, making it where needed.

        A fresh store has the apps that come with the package, so that examples run.

        Raises:
            StoreError: it cannot be opened; the message says what to do.
        """
        self.store = Store(folder)
        self.user_id = config.default_user_id(folder)
        self.max_attempts = int(config.setting("max_attempts", folder))
        self._app_folders = {}
        self._runs = {}
        self.register_bundled_apps()

    def changes(self) -> Listener:
        """Something to wait with for changes of jobs."""
        return self.store.listen()

    def close(self) -> None:
        """Let go of files and connections."""
        for run in list(self._runs.values()):
            run.end()
        self._runs.clear()
        self.store.close()
