"""What the exchange of jobs with other stores asks of a store."""

from dendro_local.store.arrivals import Arrival, ArrivalTable
from dendro_local.store.awaited_blobs import AwaitedBlob, AwaitedBlobTable
from dendro_local.store.connection import Connections
from dendro_local.store.origins import JobOrigin, OriginTable
from dendro_local.store.remotes import Direction, RemoteSettings, RemoteTable, SavedRemote
from dendro_local.store.shared_jobs import SharedDeletion, SharedJob, SharedJobTable
from dendro_local.store.trusted_keys import TrustedKey, TrustedKeyTable

__all__ = [
    "Arrival",
    "AwaitedBlob",
    "Direction",
    "JobOrigin",
    "RemoteSettings",
    "SavedRemote",
    "SharedDeletion",
    "SharedJob",
    "Sharing",
    "TrustedKey",
]


class Sharing:
    """The tables of a store that tell of other stores."""

    def __init__(self, connections: Connections) -> None:
        self.remotes = RemoteTable(connections)
        self.trusted_keys = TrustedKeyTable(connections)
        self.origins = OriginTable(connections)
        self.awaited_blobs = AwaitedBlobTable(connections)
        self.shared_jobs = SharedJobTable(connections)
        self.arrivals = ArrivalTable(connections)
