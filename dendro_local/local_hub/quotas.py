"""How much of a public hub one user may have: jobs that wait, jobs a day, bytes.

The user whose store it is has no limits, and on a hub that is not public nobody has.
"""

import time

import msgspec

from dendro_local import config
from dendro_local.errors import QuotaExceeded, TooLarge
from dendro_local.local_hub.parts import Part
from dendro_local.store.user_holdings import DAY_SEC

__all__ = ["JobAllowance", "QuotaRules", "Quotas"]

SOON_SEC = 60.0
"""When it may be worth to ask again for what others' jobs, or the user's own, have to end for."""


class Quotas(msgspec.Struct, frozen=True, kw_only=True):
    """What each user may have.

    ``stored_bytes`` is also how many bytes of inputs a user may send within 24 hours.
    """

    pending_jobs: int
    jobs_a_day: int
    stored_bytes: int
    upload_bytes: int


class JobAllowance:
    """How many jobs may be recorded in one go. Looked up when the first of them is.

    Args:
        rules: where it is looked up.
        user_id: who submits them.
    """

    def __init__(self, rules: "QuotaRules", user_id: str) -> None:
        self._rules = rules
        self._user_id = user_id
        self._left: int | None = None
        self._refusal: QuotaExceeded | None = None

    def take_one(self) -> None:
        """Count one more job that is to be recorded.

        Raises:
            QuotaExceeded: the user has as many as they may, or too many bytes.
        """
        if self._left is None:
            self._left, self._refusal = self._rules.jobs_left(self._user_id)
        if self._left <= 0 and self._refusal is not None:
            raise self._refusal
        self._left -= 1


class QuotaRules(Part):
    """What is asked before a user is given more."""

    quotas: Quotas | None = None
    _sent: "dict[str, _Sent]"

    def limit_users(self) -> None:
        """Let each user have as much as the settings say, from now on.

        Raises:
            InvalidRequest: a setting cannot be used.
        """
        folder = self.store.folder.root
        self.quotas = Quotas(
            pending_jobs=config.number_setting("quota_pending_jobs", folder),
            jobs_a_day=config.number_setting("quota_jobs_a_day", folder),
            stored_bytes=config.number_setting("quota_stored_bytes", folder),
            upload_bytes=config.number_setting("quota_upload_bytes", folder),
        )
        self._sent = {}

    def jobs_left(self, user_id: str) -> tuple[int, QuotaExceeded | None]:
        """How many jobs a user may record now, and how one more is refused; None if it is not."""
        quotas = self._quotas_of(user_id)
        if quotas is None:
            return 0, None
        holdings = self.store.holdings
        stored = holdings.stored_bytes(user_id)
        if stored >= quotas.stored_bytes:
            return 0, QuotaExceeded(
                f"The files of {user_id}'s jobs have {stored:,} bytes; this hub keeps up to "
                f"{quotas.stored_bytes:,} of a user. Delete jobs that are not needed."
            )
        waiting = quotas.pending_jobs - holdings.pending_jobs(user_id)
        count, first_at = holdings.jobs_of_a_day(user_id)
        today = quotas.jobs_a_day - count
        if today < waiting:
            later = SOON_SEC if first_at is None else first_at + DAY_SEC - time.time()
            return today, QuotaExceeded(
                f"This hub takes up to {quotas.jobs_a_day:,} jobs of a user within 24 hours.",
                max(later, 1.0),
            )
        return waiting, QuotaExceeded(
            f"This hub lets up to {quotas.pending_jobs:,} jobs of a user wait. Submit more when "
            "some of them have begun.",
            SOON_SEC,
        )

    def check_may_store(self, user_id: str, size: int) -> None:
        """Refuse a file of so many bytes that is to be kept with a job of a user.

        Raises:
            TooLarge: says how many bytes are allowed.
        """
        quotas = self._quotas_of(user_id)
        if quotas is None:
            return
        _check_size(quotas, size)
        stored = self.store.holdings.stored_bytes(user_id)
        if stored + size > quotas.stored_bytes:
            raise TooLarge(
                f"The file has {size:,} bytes, and the files of {user_id}'s jobs have {stored:,}; "
                f"this hub keeps up to {quotas.stored_bytes:,} of a user. Delete jobs that are not "
                "needed."
            )

    def check_may_send(self, user_id: str, size: int, more: int) -> None:
        """Refuse more bytes of an input that a user sends; else count them.

        Args:
            user_id: who sends it.
            size: how many bytes the file has with them.
            more: how many they are; 0 to ask before they come.

        Raises:
            TooLarge: the file has more bytes than one may.
            QuotaExceeded: the user has sent as much as they may within 24 hours.
        """
        quotas = self._quotas_of(user_id)
        if quotas is None:
            return
        _check_size(quotas, size)
        now = time.time()
        sent = self._sent.get(user_id)
        if sent is None or now - sent.since > DAY_SEC:
            sent = self._sent[user_id] = _Sent(since=now)
        if sent.size + more > quotas.stored_bytes:
            raise QuotaExceeded(
                f"This hub takes up to {quotas.stored_bytes:,} bytes of inputs of a user within 24 "
                f"hours, and {sent.size:,} have come.",
                sent.since + DAY_SEC - now,
            )
        sent.size += more

    def _quotas_of(self, user_id: str) -> Quotas | None:
        return None if user_id == self.user_id else self.quotas


class _Sent:
    """How many bytes of inputs a user has sent since a moment."""

    __slots__ = ("since", "size")

    def __init__(self, since: float) -> None:
        self.since = since
        self.size = 0


def _check_size(quotas: Quotas, size: int) -> None:
    if size > quotas.upload_bytes:
        raise TooLarge(
            f"The file has {size:,} bytes; this hub takes files of up to {quotas.upload_bytes:,}."
        )
