"""Services and the apps that are registered on them."""

import functools
from collections.abc import Sequence
from typing import Any

import msgspec

from dendro_local.model import AppSdk, AppSpecification, Service, ServiceApp, ServiceUser
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import encoded
from dendro_local.store.unchanged import Unchanged

__all__ = ["RegisteredApp", "ServiceTable", "service_of"]

_COLUMNS = (
    "service_name, app_name, specification_uri, specification_commit, specification, source, "
    "version, folder_digest, sdk"
)

MOST_SPECIFICATIONS = 100
"""So many are kept decoded: each job that is made or run asks for that of its app."""

_specification = msgspec.json.Decoder(AppSpecification)
_users = msgspec.json.Decoder(list[ServiceUser])


class RegisteredApp(msgspec.Struct, frozen=True, kw_only=True):
    """An app on a service, with what this store knows about its code.

    ``source`` is ``folder:PATH``, ``bundled:NAME``, or None where only the spec is known.
    ``version`` is what a cached result must come from; None where it is not known.
    ``folder_digest`` names the state of the folder that was registered, where there is one.
    ``sdk`` is what its code is written with; None where only the spec is known.
    """

    record: ServiceApp
    source: str | None
    version: str | None
    folder_digest: str | None = None
    sdk: AppSdk | None = None


class ServiceTable:
    """The services of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._by_name = Unchanged(connections)

    def get(self, name: str) -> Service | None:
        """The service of this name."""
        return self._by_name.get(name, lambda: self._of_name(name))

    def _of_name(self, name: str) -> Service | None:
        row = (
            self._connections.get()
            .execute(
                "select service_name, user_id, users from services where service_name = ?", (name,)
            )
            .fetchone()
        )
        return None if row is None else service_of(row)

    def all(self) -> list[Service]:
        """Every service, by name."""
        rows = self._connections.get().execute(
            "select service_name, user_id, users from services order by service_name"
        )
        return [service_of(row) for row in rows]

    def put(self, service: Service) -> None:
        """Add a service, or replace its owner and users."""
        self._connections.get().execute(
            "insert into services (service_name, user_id, users) values (?, ?, ?) "
            "on conflict (service_name) do update set user_id = excluded.user_id, "
            "users = excluded.users",
            (service.serviceName, service.userId, encoded(service.users)),
        )

    def remove(self, name: str) -> bool:
        """Remove a service with its apps; whether it was there. Jobs stay."""
        cursor = self._connections.get().execute(
            "delete from services where service_name = ?", (name,)
        )
        return cursor.rowcount > 0

    def app(self, service: str, name: str) -> RegisteredApp | None:
        """The app of this name on a service."""
        row = (
            self._connections.get()
            .execute(
                f"select {_COLUMNS} from service_apps where service_name = ? and app_name = ?",  # noqa: S608 - a constant
                (service, name),
            )
            .fetchone()
        )
        return None if row is None else _registered_app(row)

    def apps(self, *, service: str | None = None, name: str | None = None) -> list[RegisteredApp]:
        """Apps by service and name; all of them by default."""
        rows = self._connections.get().execute(
            f"select {_COLUMNS} from service_apps "  # noqa: S608 - a constant
            "where (:service is null or service_name = :service) "
            "and (:name is null or app_name = :name) order by service_name, app_name",
            {"service": service, "name": name},
        )
        return [_registered_app(row) for row in rows]

    def put_app(self, app: RegisteredApp) -> None:
        """Register an app on its service, in place of an earlier one of the name."""
        record = app.record
        self._connections.get().execute(
            "insert or replace into service_apps (service_name, app_name, specification_uri, "
            "specification_commit, specification, source, version, folder_digest, sdk) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.serviceName,
                record.appName,
                record.appSpecificationUri,
                record.appSpecificationCommit,
                encoded(record.appSpecification),
                app.source,
                app.version,
                app.folder_digest,
                app.sdk,
            ),
        )

    def remove_app(self, service: str, name: str) -> bool:
        """Take an app off a service; whether it was there."""
        cursor = self._connections.get().execute(
            "delete from service_apps where service_name = ? and app_name = ?", (service, name)
        )
        return cursor.rowcount > 0


def service_of(row: Sequence[Any]) -> Service:
    """The service of a row with its name, owner and users."""
    return Service(serviceName=row[0], userId=row[1], users=_users.decode(row[2]))


def _registered_app(row: tuple[Any, ...]) -> RegisteredApp:
    service, name, uri, commit, specification, source, version, folder_digest, sdk = row
    return RegisteredApp(
        record=ServiceApp(
            serviceName=service,
            appName=name,
            appSpecificationUri=uri,
            appSpecificationCommit=commit,
            appSpecification=_decoded(specification),
        ),
        source=source,
        version=version,
        folder_digest=folder_digest,
        sdk=sdk,
    )


@functools.lru_cache(maxsize=MOST_SPECIFICATIONS)
def _decoded(specification: str) -> AppSpecification:
    return _specification.decode(specification)
