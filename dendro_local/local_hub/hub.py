"""The local hub, put together from its parts."""

from pathlib import Path

from dendro_local import config
from dendro_local.errors import InvalidRequest
from dendro_local.local_hub.maintenance import Maintenance
from dendro_local.store import Listener, Store

__all__ = ["LocalHub"]


class LocalHub(Maintenance):
    """A `dendro_local.hub.Hub` over the store in a folder."""

    def __init__(self, folder: Path) -> None:
        """Open the store, making it where needed.

        A fresh store has the apps that come with the package, so that examples run.

        Raises:
            StoreError: it cannot be opened; the message says what to do.
            InvalidRequest: a setting cannot be used.
        """
        self.store = Store(folder)
        self._app_folders = {}
        self._app_states = {}
        self._runs = {}
        try:
            self.user_id = config.default_user_id(folder)
            self.max_attempts = _max_attempts(config.setting("max_attempts", folder))
            self.register_bundled_apps()
        except BaseException:
            self.store.close()
            raise

    def changes(self) -> Listener:
        """Something to wait with for changes of jobs."""
        return self.store.listen()

    def close(self) -> None:
        """Let go of files and connections."""
        for run in list(self._runs.values()):
            run.end()
        self._runs.clear()
        self.store.close()


def _max_attempts(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise InvalidRequest(
            f"The setting max_attempts (DENDRO_MAX_ATTEMPTS) is {text!r}. Give a whole number, "
            "1 or more."
        )
    return int(text)
