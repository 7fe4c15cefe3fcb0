"""Which jobs are to be exchanged."""

from hashlib import sha256

import msgspec

from dendro_local.model import JobId

__all__ = ["Selection"]


class Selection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Jobs of a service, app and processor, with all of the tags, that ended at a time or later.

    What is None is not asked for. ``since`` is in seconds since the Unix epoch. ``input_url`` is
    the URL of a file that they read. ``job_ids`` are the only ones in question; empty for any.
    """

    service: str | None = None
    app: str | None = None
    processor: str | None = None
    tags: tuple[str, ...] = ()
    since: float | None = None
    input_url: str | None = None
    job_ids: tuple[JobId, ...] = ()

    def key(self) -> str:
        """The same for the same selection: what is new is asked for each selection apart."""
        return sha256(msgspec.json.encode(self)).hexdigest()[:16]
