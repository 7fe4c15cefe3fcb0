"""Services and apps of a hub, and the hub itself."""

from pathlib import Path
from urllib.parse import quote

from dendro_local.app_source import load_specification
from dendro_local.errors import AppNotFound, NotSupported
from dendro_local.hub import RegisteredApp, StoreFacts
from dendro_local.model import Service, ServiceApp
from dendro_local.remote_hub.part import RemotePart
from dendro_local.store import LiveRun
from dendro_local.v1 import AppEntry, AppList, ComputeClientList, ServiceEntry, ServiceList, Stats

__all__ = ["RemoteApps"]


class RemoteApps(RemotePart):
    """What is asked about services, apps and the hub itself."""

    @property
    def place(self) -> str:
        """Where it is: its URL."""
        return self.transport.base_url

    def service(self, name: str) -> Service:
        """The service of this name.

        Raises:
            ServiceNotFound: there is none.
        """
        return _service(self.transport.get(f"/v1/services/{_quoted(name)}", ServiceEntry))

    def services(self) -> list[Service]:
        """Every service, by name. Who may do what on them is only told to whoever has a key."""
        found = self.transport.get("/v1/services", ServiceList).services
        return [_service(each) for each in found]

    def apps(self, *, service: str | None = None, name: str | None = None) -> list[RegisteredApp]:
        """Apps by service and name; all of them by default."""
        names = [each.serviceName for each in self.services()] if service is None else [service]
        found: list[RegisteredApp] = []
        for each in names:
            path = f"/v1/services/{_quoted(each)}/apps"
            found += [_app(entry) for entry in self.transport.get(path, AppList).apps]
        return [app for app in found if name is None or app.record.appName == name]

    def app(self, service: str, name: str) -> RegisteredApp:
        """An app of a service, as its folder on the hub's machine gives it now.

        Raises:
            NotFound: there is no such service or app.
        """
        path = f"/v1/services/{_quoted(service)}/apps/{_quoted(name)}"
        return _app(self.transport.get(path, AppEntry))

    def add_app(self, source: str, service: str) -> RegisteredApp:
        """Register an app by its spec alone; its code is in the image that the spec names.

        Raises:
            InvalidApp: the spec cannot be used.
            NotSupported: it is a folder, which the hub cannot see.
            DendroError: as the hub has it.
        """
        path = Path(source).expanduser()
        if "://" not in source and (path.is_dir() or not path.exists()):
            raise NotSupported(
                f"{source} is not the file of a spec. Jobs of the hub at {self.place} run where it "
                "can see their code: run `dendro-local apps add FOLDER` on the hub's own machine, "
                "or give the file or URL of a spec that names images."
            )
        specification = load_specification(source)
        record = ServiceApp(
            serviceName=service,
            appName=specification.name,
            appSpecificationUri=source if "://" in source else "",
            appSpecificationCommit="",
            appSpecification=specification,
        )
        self.transport.call("addServiceApp", {"serviceApp": record})
        return self.app(service, specification.name)

    def remove_app(self, service: str, name: str) -> None:
        """Take an app off a service. Its jobs stay.

        Raises:
            AppNotFound: the service has no such app.
            DendroError: as the hub has it.
        """
        if not self.apps(service=service, name=name):
            raise AppNotFound(f"Service {service} has no app {name!r}.")
        self.transport.call("deleteServiceApp", {"serviceName": service, "appName": name})

    def facts(self) -> StoreFacts:
        """What the hub is, and how much it holds."""
        stats = self.transport.get("/v1/stats", Stats)
        clients = self.transport.get("/v1/compute-clients", ComputeClientList).compute_clients
        return StoreFacts(
            url=self.place,
            version=stats.version,
            jobs_by_status={str(status): number for status, number in stats.jobs.items() if number},
            database_bytes=stats.database_bytes,
            blob_bytes=stats.blob_bytes,
            compute_clients=[
                LiveRun(
                    run_id="",  # which is for the compute client alone
                    compute_client_id=each.compute_client_id,
                    name=each.compute_client_name,
                    serves_all=each.serves_all,
                    slots=each.compute_slots,
                    runtime=each.runtime,
                    unable=each.unable,
                )
                for each in clients
            ],
        )


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _service(entry: ServiceEntry) -> Service:
    users = entry.users if isinstance(entry.users, list) else []
    return Service(serviceName=entry.service_name, userId=entry.user_id, users=users)


def _app(entry: AppEntry) -> RegisteredApp:
    return RegisteredApp(
        record=ServiceApp(
            serviceName=entry.service_name,
            appName=entry.app_name,
            appSpecificationUri=entry.app_specification_uri,
            appSpecificationCommit=entry.app_specification_commit,
            appSpecification=entry.app_specification,
        ),
        # Which folder of the hub's machine it is, is of no use here; that it is there is.
        source=None if entry.source == "spec" else f"hub:{entry.source}",
        version=entry.version,
        folder_digest=entry.code_digest,
        sdk=entry.sdk,
    )
