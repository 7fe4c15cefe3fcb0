"""Jobs of a remote that wait for a key: signed by one that is not trusted, and so not taken.

A pull tells of each once, and looks at it again when the trust list has changed. How many there
are is kept, so that the pulls between can say so too.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from dendro_local.model import JobId
from dendro_local.store import Store
from dendro_sync.remotes.kept import UNTRUSTED
from dendro_sync.remotes.remote import WaitsForTrust

__all__ = ["AwaitingTrust", "waiting_in"]

MOST_KEPT = 10_000
"""So many jobs are remembered for a remote."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    key_id: str
    public_key: str | None
    job_ids: list[JobId]


_decoder = msgspec.json.Decoder(list[_Kept])


def waiting_in(text: str) -> list[WaitsForTrust]:
    """What a kept text says; nothing of one of another version."""
    return [
        WaitsForTrust(key_id=each.key_id, public_key=each.public_key, jobs=len(each.job_ids))
        for each in _decoded(text)
    ]


class AwaitingTrust:
    """The jobs of one remote that wait for a key.

    Args:
        store: which keeps them.
        remote: the name of the remote; None for an archive, of which nothing is kept.
    """

    def __init__(self, store: Store, remote: str | None) -> None:
        self._store = store
        self._remote = remote

    def add(self, refused: Mapping[JobId, str], public_keys: Mapping[str, str]) -> None:
        """Remember jobs.

        Args:
            refused: the ids of the keys that signed them, by the ids of the jobs.
            public_keys: keys that are known, by their ids.
        """
        recalled = self._recalled()
        keys = {each.key_id: each.public_key for each in recalled}
        waiting = {job_id: each.key_id for each in recalled for job_id in each.job_ids}
        for job_id, key_id in refused.items():
            if job_id in waiting or len(waiting) < MOST_KEPT:
                waiting[job_id] = key_id
                keys[key_id] = public_keys.get(key_id, keys.get(key_id))
        by_key: dict[str, list[JobId]] = defaultdict(list)
        for job_id, key_id in waiting.items():
            by_key[key_id].append(job_id)
        self._keep(
            [
                _Kept(key_id=key_id, public_key=keys[key_id], job_ids=job_ids)
                for key_id, job_ids in by_key.items()
            ]
        )

    def clear(self) -> None:
        """Forget them all: they are looked at now."""
        if self._recalled():
            self._keep([])

    def left(self, come: Iterable[JobId], told: Iterable[JobId]) -> list[WaitsForTrust]:
        """Those that still wait, without those that were told just now.

        Args:
            come: jobs that are here by now, and are forgotten.
            told: jobs that need not be told again.
        """
        here, known = set(come), set(told)
        recalled = self._recalled()
        kept = [
            replace(each, job_ids=[job_id for job_id in each.job_ids if job_id not in here])
            for each in recalled
        ]
        kept = [each for each in kept if each.job_ids]
        if kept != recalled:
            self._keep(kept)
        counts = [(each, sum(job_id not in known for job_id in each.job_ids)) for each in kept]
        return [
            WaitsForTrust(key_id=each.key_id, public_key=each.public_key, jobs=count)
            for each, count in counts
            if count
        ]

    def job_ids(self) -> list[JobId]:
        """All of them."""
        return [job_id for each in self._recalled() for job_id in each.job_ids]

    def _recalled(self) -> list[_Kept]:
        if self._remote is None:
            return []
        with self._store.reading():
            return _decoded(self._store.sharing.remotes.cursor(self._remote, UNTRUSTED) or "")

    def _keep(self, kept: list[_Kept]) -> None:
        remotes = self._store.sharing.remotes
        if self._remote is None:
            return
        with self._store.transaction(quietly=True):
            if remotes.get(self._remote) is not None:
                text = msgspec.json.encode(kept).decode()
                remotes.set_cursor(self._remote, UNTRUSTED, text)


def _decoded(text: str) -> list[_Kept]:
    try:
        return _decoder.decode(text) if text else []
    except msgspec.MsgspecError:
        return []
