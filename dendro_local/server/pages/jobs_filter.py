"""What the address of a list of jobs asks for; ``/v1/jobs`` takes the same."""

import re
from collections.abc import Mapping, Sequence
from typing import get_args
from urllib.parse import urlencode

import msgspec
from litestar.datastructures import MultiDict

from dendro_local.errors import InvalidRequest
from dendro_local.hub import JobQuery
from dendro_local.model import JobStatus
from dendro_local.server.v1.lists import moment, place_of

__all__ = ["JobsFilter", "LIMITS", "STATUSES"]

STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)

LIMITS = (50, 100, 200, 500)
"""How many jobs may be shown at once."""

LOOKED_AT = 8_000
"""So many jobs are looked at for those that fit: a page is to be there at once, and can go on."""

_is_day = re.compile(r"\d{4}-\d\d-\d\d").fullmatch

_is_limit = re.compile("[0-9]{1,3}").fullmatch


class JobsFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to show; an empty text is no condition. The fields are those of the address."""

    status: JobStatus | None = None
    service: str = ""
    app: str = ""
    processor: str = ""
    tag: Sequence[str] = ()
    user: str = ""
    batch: str = ""
    compute_client: str = ""
    text: str = ""
    since: str = ""
    until: str = ""
    limit: int = LIMITS[0]
    after: str = ""

    @classmethod
    def of(cls, given: MultiDict[str]) -> "JobsFilter":
        """What the parameters of an address say.

        Raises:
            InvalidRequest: one of them cannot be.
        """
        plain = {
            name: given[name].strip()
            for name in cls.__struct_fields__
            if name in given and name not in ("status", "tag", "limit")
        }
        tags = [tag.strip() for tag in given.getall("tag", [])]
        return cls(
            **plain,
            status=_status(given.get("status", "").strip()),
            tag=tuple(dict.fromkeys(tag for tag in tags if tag)),
            limit=_limit(given.get("limit", "")),
        )

    @property
    def is_empty(self) -> bool:
        """Whether it shows all jobs, from the newest on or from wherever."""
        return self.replaced(limit=LIMITS[0], after="") == JobsFilter()

    @property
    def is_plain(self) -> bool:
        """Whether it shows all jobs, or all of a status."""
        return self.replaced(status=None).is_empty

    @property
    def is_day(self) -> Mapping[str, bool]:
        """Whether each of the moments can be shown as a day, or is not given."""
        return {name: not text or _is_day(text) is not None for name, text in self._moments}

    @property
    def _moments(self) -> Sequence[tuple[str, str]]:
        return (("since", self.since), ("until", self.until))

    def query(self) -> JobQuery:
        """What to ask the hub.

        Raises:
            InvalidRequest: a moment or a place in the list cannot be.
        """
        return JobQuery(
            status=self.status,
            service=self.service or None,
            app=self.app or None,
            processor=self.processor or None,
            tags=tuple(self.tag),
            user=self.user or None,
            batch=self.batch or None,
            compute_client=self.compute_client or None,
            text=self.text or None,
            since=moment("since", self.since or None),
            until=moment("until", self.until or None),
            limit=self.limit,
            after=place_of(self.after or None),
            looked_at=LOOKED_AT,
        )

    def replaced(self, **changes: object) -> "JobsFilter":
        """The same but for some fields."""
        return msgspec.structs.replace(self, **changes)

    def address(self, path: str = "/", **changes: object) -> str:
        """Where the jobs of this filter are shown, or of one that is the same but for this."""
        changed = self.replaced(**changes)
        fields = {
            name: value
            for name in self.__struct_fields__
            if (value := getattr(changed, name)) and (name, value) != ("limit", LIMITS[0])
        }
        return f"{path}?{urlencode(fields, doseq=True)}" if fields else path


def _status(text: str) -> JobStatus | None:
    if not text:
        return None
    for each in STATUSES:
        if each == text:
            return each
    raise InvalidRequest(f"status is {text[:100]!r}. Give one of {', '.join(STATUSES)}.")


def _limit(text: str) -> int:
    if not text:
        return LIMITS[0]
    if _is_limit(text) is None or not 1 <= int(text) <= LIMITS[-1]:
        raise InvalidRequest(f"limit is {text[:100]!r}. Give a number from 1 to {LIMITS[-1]}.")
    return int(text)
