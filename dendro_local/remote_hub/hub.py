"""The hub on another machine, put together from its parts."""

import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from dendro_local.errors import InvalidRequest
from dendro_local.model import JobId
from dendro_local.remote_hub.apps import RemoteApps
from dendro_local.remote_hub.computing import RemoteComputing
from dendro_local.remote_hub.credentials import user_key
from dendro_local.remote_hub.downloads import Downloads
from dendro_local.remote_hub.events import RemoteChanges
from dendro_local.remote_hub.jobs import RemoteJobs
from dendro_local.remote_hub.transport import Transport
from dendro_local.store.folder import StoreFolder

__all__ = ["RemoteHub"]


class RemoteHub(RemoteJobs, RemoteApps, RemoteComputing):
    """A `dendro_local.hub.Hub` that is asked over HTTP."""

    def __init__(self, base_url: str, local_folder: Path) -> None:
        """Ask the hub at an address, as the user whose key is in ``DENDRO_API_KEY``.

        Nothing is asked yet.

        Args:
            base_url: where the hub is.
            local_folder: the store of this machine, in which ``hubs/HOST_PORT`` holds what belongs
                to this hub: fetched files, outputs and the folders in which jobs run.

        Raises:
            InvalidRequest: it is no URL of a hub.
            NotAuthenticated: no key can be what is in ``DENDRO_API_KEY``.
        """
        super().__init__()
        url = _normalized(base_url)
        self.transport = Transport(url, user_key())
        self.local_folder = local_folder
        name = re.sub("[^A-Za-z0-9.-]+", "_", url.partition("://")[2]).strip("_")
        self.folder = StoreFolder(local_folder / "hubs" / name)
        self.folder.make_root()
        self.folder.make()
        self.downloads = Downloads(self.folder.blobs)

    def runs_jobs_itself(self) -> bool:
        """Whether this process may run the hub's jobs if nobody else does: no."""
        return False

    def changes(
        self, job_ids: Collection[JobId] | None = None, *, for_work: bool = False
    ) -> RemoteChanges:
        """Something to wait with, for what happens to these jobs; to any if None.

        A compute client, which asks for any, is woken by what it may have to do alone.
        """
        if job_ids is not None:
            return RemoteChanges(self.transport, job_ids)
        changes = RemoteChanges(self.transport, is_of_interest=self.concerns_compute_client)
        self.follow(changes)
        return changes

    def close(self) -> None:
        """Let go of files and connections."""
        self.stop_running()
        self.transport.close()
        store = self.__dict__.pop("local_store", None)
        if store is not None:
            store.close()


def _normalized(base_url: str) -> str:
    """The URL of a hub in the one form that it has.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        urlsplit(base_url)  # which is stricter about addresses in brackets
        url = httpx.URL(base_url.strip())
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.query or url.userinfo:
        raise InvalidRequest(
            f"DENDRO_API_URL is {base_url!r}. Give the URL of a hub, such as "
            "http://192.168.1.20:61423, or unset it to use the store of this machine."
        )
    return str(url.copy_with(fragment=None)).rstrip("/")
