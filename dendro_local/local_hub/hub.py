"""The local hub, put together from its parts."""

from collections.abc import Collection
from pathlib import Path

from dendro_local import config
from dendro_local.errors import InvalidRequest
from dendro_local.local_hub.contract_offers import ContractOffers
from dendro_local.local_hub.contract_running import ContractRunning
from dendro_local.local_hub.incoming_blobs import IncomingBlobs
from dendro_local.local_hub.job_figures import JobFigures
from dendro_local.local_hub.job_records import JobRecords
from dendro_local.local_hub.maintenance import Maintenance
from dendro_local.local_hub.received_files import ReceivedFiles
from dendro_local.local_hub.remote_running import RemoteRunning
from dendro_local.local_hub.run_requests import RunRequests
from dendro_local.local_hub.served_files import ServedFiles
from dendro_local.local_hub.services import Services
from dendro_local.local_hub.sessions import Sessions
from dendro_local.local_hub.sharing import Sharing
from dendro_local.local_hub.uploads import Uploads
from dendro_local.model import JobId
from dendro_local.store import Listener, Store

__all__ = ["LocalHub"]

MOST_ADDRESSES = 50


class LocalHub(
    Maintenance,
    ContractRunning,
    ContractOffers,
    RunRequests,
    Uploads,
    RemoteRunning,
    ReceivedFiles,
    JobRecords,
    JobFigures,
    Sessions,
    Sharing,
    Services,
    ServedFiles,
    IncomingBlobs,
):
    """A `dendro_local.hub.Hub` over the store in a folder."""

    def __init__(self, folder: str | Path) -> None:
        """Open the store in a folder, making it where needed.

        A fresh store has the apps that come with the package, so that examples run.

        Raises:
            StoreError: it cannot be opened; the message says what to do.
            InvalidRequest: a setting cannot be used.
        """
        folder = Path(folder).expanduser()
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

    def served_at(self, base_url: str) -> list[str]:
        """Remember where the store is served now; where it is and was served, latest first.

        URLs of its files with any of these are its own, so that jobs made under an earlier
        address still hit.
        """
        with self.store.transaction(quietly=True):
            known = (self.store.get_meta("served_at") or "").split()
            bases = list(dict.fromkeys([base_url, *known]))[:MOST_ADDRESSES]
            self.store.set_meta("served_at", " ".join(bases))
        return bases

    def runs_jobs_itself(self) -> bool:
        """Whether this process may run the hub's jobs if nobody else does: yes."""
        return True

    @property
    def place(self) -> str:
        """Where it is: the folder of the store."""
        return str(self.store.folder.root)

    def changes(
        self, job_ids: Collection[JobId] | None = None, *, for_work: bool = False
    ) -> Listener:
        """Something to wait with for changes, of whatever jobs; for those that give work alone."""
        return self.store.listen(for_work=for_work)

    def left_folders(self) -> list[Path]:
        """None: the store's doctor looks after its working folders."""
        return []

    def close(self) -> None:
        """Let go of files and connections."""
        for run in list(self._runs.values()):
            run.end()
        self._runs.clear()
        if "elsewhere" in vars(self):  # it was asked for
            self.elsewhere.close()
        self.store.close()


def _max_attempts(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise InvalidRequest(
            f"The setting max_attempts (DENDRO_MAX_ATTEMPTS) is {text!r}. Give a whole number, "
            "1 or more."
        )
    return int(text)
