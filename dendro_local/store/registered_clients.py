"""The records of compute clients: those of this machine, and those that were given a key."""

import time
from typing import Any

import msgspec

from dendro_local.model import ComputeClient, ComputeSlot
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import encoded, encoded_or_none

__all__ = ["RegisteredClient", "RegisteredClientTable"]


class RegisteredClient(msgspec.Struct, frozen=True, kw_only=True):
    """A compute client with what is known of its key; None for one of this machine: it has none."""

    record: ComputeClient
    key_hash: bytes | None


COLUMNS = (
    "compute_client_id, name, user_id, description, services, process_for, slots, last_seen_at, "
    "key_hash"
)

client_by_id = f"select {COLUMNS} from compute_clients where compute_client_id = ?"  # noqa: S608 - the columns are a constant

all_clients = f"select {COLUMNS} from compute_clients order by created_at, compute_client_id"  # noqa: S608

drop_service = """
update compute_clients
set services = (
    select json_group_array(value) from json_each(services) where value != :service
)
where exists (select 1 from json_each(services) where value = :service)
"""

_strings = msgspec.json.Decoder(list[str])
_slots = msgspec.json.Decoder(list[ComputeSlot])


class RegisteredClientTable:
    """The compute clients that a store knows. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def get(self, client_id: str) -> RegisteredClient | None:
        """The compute client of this id."""
        row = self._connections.get().execute(client_by_id, (client_id,)).fetchone()
        return None if row is None else _client(row)

    def all(self) -> list[RegisteredClient]:
        """Every compute client, first made first."""
        return [_client(row) for row in self._connections.get().execute(all_clients)]

    def add(self, client: ComputeClient, hash_of_key: bytes) -> None:
        """Add a compute client that is known by this key."""
        self._connections.get().execute(
            "insert into compute_clients (compute_client_id, name, user_id, description, services, "
            "process_for, slots, key_hash, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                client.computeClientId,
                client.computeClientName,
                client.userId,
                client.description,
                encoded(client.serviceNames),
                encoded_or_none(client.processJobsForUsers),
                encoded(client.computeSlots),
                hash_of_key,
                time.time(),
            ),
        )

    def change(self, client: ComputeClient) -> None:
        """Replace what is known of a compute client; id, owner, key and activity stay."""
        self._connections.get().execute(
            "update compute_clients set name = ?, description = ?, services = ?, process_for = ?, "
            "slots = ? where compute_client_id = ?",
            (
                client.computeClientName,
                client.description,
                encoded(client.serviceNames),
                encoded_or_none(client.processJobsForUsers),
                encoded(client.computeSlots),
                client.computeClientId,
            ),
        )

    def remove(self, client_id: str) -> bool:
        """Forget a compute client with its key; whether there was one. Its jobs stay."""
        cursor = self._connections.get().execute(
            "delete from compute_clients where compute_client_id = ?", (client_id,)
        )
        return cursor.rowcount > 0

    def remove_of_user(self, user_id: str) -> None:
        """Forget the compute clients with keys that a user registered."""
        self._connections.get().execute(
            "delete from compute_clients where user_id = ? and key_hash is not null", (user_id,)
        )

    def drop_service(self, service: str) -> None:
        """Take a service off the lists of all compute clients."""
        self._connections.get().execute(drop_service, {"service": service})

    def note_activity(self, client_id: str) -> None:
        """Record that a compute client was active now, if that needs no waiting.

        Outside a transaction.
        """
        self._connections.execute_unless_busy(
            "update compute_clients set last_seen_at = ? where compute_client_id = ?",
            (time.time(), client_id),
        )


def _client(row: tuple[Any, ...]) -> RegisteredClient:
    client_id, name, user_id, description, services, process_for, slots, last_seen_at, key = row
    record = ComputeClient(
        serviceNames=_strings.decode(services),
        computeClientId=client_id,
        computeClientName=name,
        userId=user_id,
        processJobsForUsers=None if process_for is None else _strings.decode(process_for),
        description=description,
        computeSlots=_slots.decode(slots),
        timestampLastActiveSec=msgspec.UNSET if last_seen_at is None else last_seen_at,
    )
    return RegisteredClient(record=record, key_hash=key)
