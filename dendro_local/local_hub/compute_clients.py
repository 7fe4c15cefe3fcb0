"""Compute clients: those of this machine, and those that were given a key to come from others.

A key is told once, when its compute client is registered; the store has its SHA-256 alone.
"""

import hmac
import time
from collections.abc import Sequence

import msgspec

from dendro_local.errors import ComputeClientNotFound, InvalidRequest, NotAllowed
from dendro_local.local_hub.permissions import Permissions
from dendro_local.model import ComputeClient, ComputeSlot
from dendro_local.random_ids import random_id
from dendro_local.store.registered_clients import RegisteredClient
from dendro_local.store.users import key_hash

__all__ = ["ComputeClientChanges", "ComputeClients"]

ACTIVITY_SEC = 10.0
"""How exactly it is known when a compute client was active: a write at each call costs more."""

FIRST_SLOTS = (ComputeSlot(numCpus=4, numGpus=0, memoryGb=8, timeSec=3600),)
"""Those of a compute client that has not told its own, as the original has them."""

MAX_NAME = 200
MAX_DESCRIPTION = 5000
MAX_LISTED = 1000
_TOO_MUCH = 2**53  # beyond it whole numbers cannot be told apart

_NO_KEY = bytes(32)


class ComputeClientChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed of a compute client; what is unset stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    slots: list[ComputeSlot] | msgspec.UnsetType = msgspec.UNSET
    services: list[str] | msgspec.UnsetType = msgspec.UNSET
    process_for: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    """The users whose jobs it runs; None for everybody's."""


class ComputeClients(Permissions):
    """What is asked about compute clients, and by them who they are."""

    def compute_client(self, client_id: str) -> ComputeClient:
        """The compute client of this id.

        Raises:
            ComputeClientNotFound: there is none.
        """
        with self.store.reading():
            return self._shown(self._registered(client_id))

    def compute_clients(self, service: str | None = None) -> list[ComputeClient]:
        """The compute clients of a service, or all of them; first registered first."""
        with self.store.reading():
            found = [self._shown(each) for each in self.store.registered_clients.all()]
        return [each for each in found if service is None or service in each.serviceNames]

    def check_compute_client_key(self, client_id: str, key: str | None) -> bool:
        """Whether this is the key of a compute client, which is then active at this moment."""
        with self.store.reading():
            found = self.store.registered_clients.get(client_id)
            known = None if found is None else found.key_hash
            # Compared even if there is none, so that the time tells nothing.
            is_right = hmac.compare_digest(known or _NO_KEY, key_hash(key or ""))
            if found is None or known is None or not is_right:
                return False
            last = found.record.timestampLastActiveSec
            if isinstance(last, msgspec.UnsetType) or time.time() - last > ACTIVITY_SEC:
                self.store.registered_clients.note_activity(client_id)
        return True

    def register_compute_client(
        self, user_id: str, name: str, services: Sequence[str]
    ) -> tuple[ComputeClient, str]:
        """Add a compute client that may come from another machine.

        Args:
            user_id: whose it is.
            name: as people call it.
            services: the services whose jobs it runs, in the order in which it prefers them.

        Returns:
            Its record, and its key, which is told here and never again.

        Raises:
            InvalidRequest: it cannot have this name.
            ServiceNotFound: there is no such service.
            NotAllowed: the user may not run jobs of a service.
        """
        key = random_id(32)
        client = ComputeClient(
            serviceNames=list(dict.fromkeys(services)),
            computeClientId=random_id(12),
            computeClientName=name,
            userId=user_id,
            description="",
            computeSlots=list(FIRST_SLOTS),
        )
        _check(client)
        with self.store.transaction(quietly=True):
            self._check_services(client)
            self.store.registered_clients.add(client, key_hash(key))
        return client, key

    def change_compute_client(self, client_id: str, changes: ComputeClientChanges) -> ComputeClient:
        """Change what is known of a compute client with a key; gives it as it is then.

        Raises:
            ComputeClientNotFound: there is none.
            InvalidRequest: a value cannot be used, or it is one of this machine.
            ServiceNotFound: there is no such service.
            NotAllowed: its user may not run jobs of a service.
        """
        with self.store.transaction():  # what waits may have one that runs it now
            client = self._with_key(client_id).record
            slots, services = changes.slots, changes.services
            client = msgspec.structs.replace(
                client,
                computeClientName=_or(changes.name, client.computeClientName),
                description=_or(changes.description, client.description),
                computeSlots=client.computeSlots if slots is msgspec.UNSET else slots,
                serviceNames=client.serviceNames
                if services is msgspec.UNSET
                else list(dict.fromkeys(services)),
                processJobsForUsers=client.processJobsForUsers
                if isinstance(changes.process_for, msgspec.UnsetType)
                else changes.process_for,
            )
            _check(client)
            if services is not msgspec.UNSET:
                self._check_services(client)
            self.store.registered_clients.change(client)
        return client

    def remove_compute_client(self, client_id: str) -> None:
        """Forget a compute client with its key. What it was running goes to another.

        Raises:
            ComputeClientNotFound: there is none.
            InvalidRequest: it is one of this machine.
        """
        with self.store.transaction():
            self._with_key(client_id)
            self.store.registered_clients.remove(client_id)

    def ping_compute_clients(self) -> None:
        """Have all that wait for jobs look for them now."""
        self.store.wake()

    def _registered(self, client_id: str) -> RegisteredClient:
        found = self.store.registered_clients.get(client_id)
        if found is None:
            raise ComputeClientNotFound(
                f"There is no compute client {client_id!r}. `dendro-local clients list` lists "
                "those that there are."
            )
        return found

    def _with_key(self, client_id: str) -> RegisteredClient:
        found = self._registered(client_id)
        if found.key_hash is None:
            raise InvalidRequest(
                f"Compute client {client_id} is the hub's own machine, which runs the jobs of "
                "every service; there is nothing to change about it."
            )
        return found

    def _shown(self, found: RegisteredClient) -> ComputeClient:
        """The record with what only this machine knows of its own compute client."""
        client = found.record
        if found.key_hash is not None:
            return client
        runs = [
            run
            for run in self.store.compute_clients.live_runs()
            if run.serves_all and run.compute_client_id == client.computeClientId
        ]
        return msgspec.structs.replace(
            client,
            serviceNames=[each.serviceName for each in self.store.services.all()],
            computeSlots=runs[0].slots if runs else client.computeSlots,
            timestampLastActiveSec=time.time() if runs else client.timestampLastActiveSec,
        )

    def _check_services(self, client: ComputeClient) -> None:
        """Refuse services on which the user of a compute client may not run jobs."""
        for name in client.serviceNames:
            service = self.store.services.get(name)
            if service is None:
                raise self.missing_service(name)
            if not self.may_process_jobs(client.userId, service):
                raise NotAllowed(
                    f"This compute client is not allowed to process jobs for service: {name}"
                )


def _or(value: str | msgspec.UnsetType, otherwise: str) -> str:
    return otherwise if isinstance(value, msgspec.UnsetType) else value


def _is_text(text: str) -> bool:
    """Whether it does nothing to a terminal that shows it."""
    return all(char.isprintable() or char in "\t\r\n" for char in text)


def _check(client: ComputeClient) -> None:
    """Refuse values that no compute client can have."""
    name = client.computeClientName
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidRequest(
            f"A compute client cannot be named {name[:MAX_NAME]!r}. Give 1 to {MAX_NAME} printable "
            "characters."
        )
    if len(client.description) > MAX_DESCRIPTION or not _is_text(client.description):
        raise InvalidRequest(f"A description has at most {MAX_DESCRIPTION} printable characters.")
    if not all(map(_is_text, client.processJobsForUsers or ())):
        raise InvalidRequest("The id of a user has printable characters alone.")
    for what, listed in (
        ("services", client.serviceNames),
        ("users", client.processJobsForUsers or ()),
        ("compute slots", client.computeSlots),
    ):
        if len(listed) > MAX_LISTED:
            raise InvalidRequest(f"A compute client has at most {MAX_LISTED} {what}.")
    for slot in client.computeSlots:
        numbers = msgspec.structs.astuple(slot)
        if not all(0 <= number < _TOO_MUCH for number in numbers) or slot.multiplicity < 1:
            raise InvalidRequest(
                "The numbers of a compute slot are 0 or more, and its multiplicity is 1 or more."
            )
