"""Who asks for a job, and of what: a key, a service and an app, all in one question.

It is asked at each request for a job, and its answer holds for as long as nobody writes.
"""

from typing import Any, NamedTuple

from dendro_local.model import Service
from dendro_local.store.connection import Connections, Version
from dendro_local.store.services import service_of
from dendro_local.store.unchanged import Unchanged
from dendro_local.store.users import API_KEY_COLUMNS, ApiKey, api_key_of, key_hash

__all__ = ["AppState", "Standing", "StandingTable"]

MOST_TEXT = 1000
"""Names that are longer together, with the key, are of nothing that is there."""

standing_of = f"""
select {", ".join(f"k.{column}" for column in API_KEY_COLUMNS)},
    s.service_name, s.user_id, s.users, a.version, a.source, a.folder_digest
from api_keys k
join services s on s.service_name = ?
join service_apps a on a.service_name = s.service_name and a.app_name = ?
where k.key_hash = ? and k.revoked_at is null
"""  # noqa: S608 - the columns are a constant


class AppState(NamedTuple):
    """Which code of an app is registered; each as `RegisteredApp` has it."""

    version: str | None
    source: str | None
    folder_digest: str | None


class Standing(NamedTuple):
    """A key that is in use, and the service and app that are asked for."""

    key: ApiKey
    service: Service
    app: AppState


class StandingTable:
    """Keys, services and apps together."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._known = Unchanged(connections)

    def get(self, key: str, service: str, app: str, version: Version) -> Standing | None:
        """What is known of a key, a service and its app; None if one of them is not there.

        Args:
            key: an API key.
            service: the service's name.
            app: the app's name.
            version: the state that the database is in, as this thread has found it just now.
        """
        if len(key) + len(service) + len(app) > MOST_TEXT:
            return None
        # Kept by the key itself, though not for long: to hash it takes as long as all else.
        return self._known.get((key, service, app), lambda: self._ask(key, service, app), version)

    def _ask(self, key: str, service: str, app: str) -> Standing | None:
        row: tuple[Any, ...] | None = (
            self._connections.get().execute(standing_of, (service, app, key_hash(key))).fetchone()
        )
        if row is None:
            return None
        count = len(API_KEY_COLUMNS)
        return Standing(
            key=api_key_of(row[:count]),
            service=service_of(row[count : count + 3]),
            app=AppState(*row[count + 3 :]),
        )
