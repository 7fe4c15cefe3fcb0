"""Records of jobs as replies have them, kept as JSON for when the same are asked for again."""

import msgspec

from dendro_local.model import Job
from dendro_local.server.urls import Urls

__all__ = ["ShownJobs"]

MOST_JOBS = 1000
MOST_BYTES = 8 << 20

_encode = msgspec.json.Encoder().encode


class ShownJobs:
    """Shows jobs that are found again as the same objects. To be used on the event loop."""

    def __init__(self) -> None:
        # A record cannot change, and its id is no other's while it is kept here.
        self._known: dict[tuple[int, str], tuple[Job, bytes]] = {}
        self._num_bytes = 0

    def get(self, job: Job, urls: Urls) -> msgspec.Raw:
        """A job's record as JSON, with the URLs that files have for whoever asks."""
        key = (id(job), urls.base)
        found = self._known.get(key)
        if found is not None:
            return msgspec.Raw(found[1])
        text = _encode(urls.public_job(job))
        if len(text) <= MOST_BYTES:
            self._make_room(len(text))
            self._known[key] = (job, text)
            self._num_bytes += len(text)
        return msgspec.Raw(text)

    def _make_room(self, num_bytes: int) -> None:
        while len(self._known) >= MOST_JOBS or self._num_bytes + num_bytes > MOST_BYTES:
            _, text = self._known.pop(next(iter(self._known)))
            self._num_bytes -= len(text)
