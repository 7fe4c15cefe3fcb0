"""``/v1/storage``: what takes how much room."""

from litestar import get
from litestar.di import NamedDependency

from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.v1.asking import Asked
from dendro_local.v1 import RoomOfProcessor, Storage

__all__ = ["storage"]


@get("/storage", operation_id="getStorage", tags=["hub"])
async def storage(asked: Asked, figures: NamedDependency[StoreFigures]) -> Storage:
    """What takes how much room.

    The finished jobs of each processor, and their files by age. Numbers may be seconds old.
    """
    rooms = await asked.in_thread(figures.rooms)
    return Storage(
        database_bytes=asked.hub.store.folder.database_bytes(),
        blob_bytes=await asked.in_thread(figures.blob_bytes),
        processors=[RoomOfProcessor(**room._asdict()) for room in rooms],
    )
