"""Registering apps on services, and keeping a folder's registration true to the folder."""

import contextlib
import sys
from pathlib import Path

from dendro_local.app_python import app_python
from dendro_local.app_source import (
    BUNDLED_APPS,
    AppFolder,
    bundled_app_folder,
    decode_specification,
    imported_sdk,
    load_specification,
    specification_of_folder,
)
from dendro_local.errors import AppNotFound, EnvironmentFailed, InvalidApp
from dendro_local.local_hub.app_faults import note_app_fault
from dendro_local.local_hub.app_registration import check_service_name, registered_app
from dendro_local.local_hub.parts import Part
from dendro_local.model import Service
from dendro_local.reasons import reason_of
from dendro_local.store import RegisteredApp

__all__ = ["Apps"]

BUNDLED_SERVICE = "hello_world_service"


class Apps(Part):
    """Services and apps."""

    def service(self, name: str) -> Service:
        """The service of this name.

        Raises:
            ServiceNotFound: there is none.
        """
        with self.store.reading():
            found = self.store.services.get(name)
        if found is None:
            raise self.missing_service(name)
        return found

    def services(self) -> list[Service]:
        """Every service, by name."""
        with self.store.reading():
            return self.store.services.all()

    def apps(self, *, service: str | None = None, name: str | None = None) -> list[RegisteredApp]:
        """Apps by service and name; all of them by default."""
        with self.store.reading():
            return self.store.services.apps(service=service, name=name)

    def app(self, service: str, name: str) -> RegisteredApp:
        """An app of a service; one from a folder as the folder gives it now.

        Raises:
            NotFound: there is no such service or app.
            InvalidApp: its folder is gone, or cannot be used as it is now.
        """
        found = self.store.services.app(service, name)
        if found is None:
            raise self.missing_app(service, name)
        source = found.source
        if source is not None and not self.is_up_to_date(source, found.folder_digest):
            return self.register_again(service, name, source)
        return found

    def app_code(self, service: str, name: str) -> AppFolder:
        """The folder with the code of an app, as it is now.

        Raises:
            NotFound: there is no such service or app, or its code is not on this machine.
            InvalidApp: its folder is gone, or cannot be used as it is now.
        """
        source = self.app(service, name).source
        if source is None:
            raise AppNotFound(
                f"App {name!r} of service {service} was registered by its spec alone, so its code "
                "is not here."
            )
        return self.folder_state(self.app_folder(source))

    def add_app(self, source: str, service: str) -> RegisteredApp:
        """Register an app on a service, which is made if there is none of the name.

        Args:
            source: a folder with ``main.py``, a spec's file, or the URL of one.
            service: the service's name.

        Raises:
            InvalidApp: the folder or spec cannot be used; nothing was registered.
            InvalidRequest: the service cannot have this name.
        """
        check_service_name(service)
        try:
            path = Path(source).expanduser()
            is_folder = "://" not in source and (path.is_dir() or not path.exists())
        except (OSError, RuntimeError) as error:  # too long, or of a user whom nobody knows
            raise InvalidApp(
                f"{source[:100]!r} is no folder or spec: {reason_of(error)}."
            ) from error
        if is_folder:
            app = self._from_state(AppFolder(path.absolute()), service)
        else:
            app = registered_app(load_specification(source), service, uri=source)
        with self.store.transaction():
            if self.store.services.get(service) is None:
                self.store.services.put(Service(serviceName=service, userId=self.user_id, users=[]))
            self.store.services.put_app(app)
        return app

    def remove_app(self, service: str, name: str) -> None:
        """Take an app off a service. Its jobs stay.

        Raises:
            AppNotFound: the service has no such app.
        """
        with self.store.transaction():
            removed = self.store.services.remove_app(service, name)
        if not removed:
            raise self.missing_app(service, name)

    def register_bundled_apps(self) -> None:
        """Register the apps that come with the package, in a fresh store or after an upgrade.

        One that a user has removed stays away.
        """
        found: dict[str, bytes] = {}
        for name in BUNDLED_APPS:
            try:
                found[name] = (bundled_app_folder(name) / "spec.json").read_bytes()
            except (InvalidApp, FileNotFoundError):
                continue  # a job of the app will say so
        state = "\n".join(spec.decode() for spec in found.values())
        if self.store.get_meta("bundled_apps") == state:
            return
        known = (self.store.get_meta("known_bundled_apps") or "").split()
        with self.store.transaction():
            if self.store.services.get(BUNDLED_SERVICE) is None:
                self.store.services.put(
                    Service(serviceName=BUNDLED_SERVICE, userId=self.user_id, users=[])
                )
            for name, raw in found.items():
                self._register_bundled(name, raw, was_known=name in known)
            self.store.set_meta("bundled_apps", state)
            self.store.set_meta("known_bundled_apps", " ".join({**dict.fromkeys(known), **found}))

    def _register_bundled(self, name: str, raw: bytes, *, was_known: bool) -> None:
        source = f"bundled:{name}"
        registered = self.store.services.app(BUNDLED_SERVICE, name)
        if registered is None and was_known:
            return  # the user has removed it
        if registered is not None and registered.source != source:
            return  # the user has put an app of their own in its place
        specification = decode_specification(raw, f"The spec of {name}")
        self.store.services.put_app(
            registered_app(
                specification, BUNDLED_SERVICE, uri=source, source=source, sdk="dendro_local"
            )
        )

    def is_up_to_date(self, source: str, folder_digest: str | None) -> bool:
        """Whether an app's folder is in the state that was registered.

        Raises:
            InvalidApp: the folder is gone, or no app's any more.
        """
        if source.startswith("bundled:"):
            return True  # it changes only with the package
        # Asked at every submit: by the text of the source, since a path is slow to make and hash.
        state = self._app_states.get(source)
        if state is None or not state.is_current():
            state = self._app_states[source] = self.folder_state(self.app_folder(source))
        return state.digest == folder_digest

    def folder_state(self, folder: Path) -> AppFolder:
        """The state in which an app's folder is now.

        Raises:
            InvalidApp: the folder is gone, or no app's any more.
        """
        state = self._app_folders.get(folder)
        if state is None or not state.is_current():
            _check_is_there(folder)
            state = self._app_folders[folder] = AppFolder(folder)
        return state

    def register_again(self, service: str, name: str, source: str) -> RegisteredApp:
        """Register an app anew from its folder, which has changed.

        Raises:
            InvalidApp: the app cannot be used as it is now.
            EnvironmentFailed: what it declares to need cannot be installed.
        """
        folder = self.app_folder(source)
        _check_is_there(folder)
        state = AppFolder(folder)
        try:
            app = self._from_state(state, service)
            if app.record.appName != name:
                raise InvalidApp(
                    f"The app in {folder} is now called {app.record.appName!r}, not {name!r}. "
                    f"Register it again with `dendro-local apps add {folder}`."
                )
        except (InvalidApp, EnvironmentFailed) as error:
            note_app_fault(self.store, service, name, state, str(error))
            raise
        with self.store.transaction():
            self.store.services.put_app(app)
        return app

    def _from_state(self, state: AppFolder, service: str) -> RegisteredApp:
        folder = state.root
        python = app_python(folder, self.store.folder.environments, _tell)
        assert python is not None  # noqa: S101 - nobody stops it
        specification = specification_of_folder(folder, self.store.folder.sdk, python)
        self._app_folders[folder] = state
        return registered_app(
            specification,
            service,
            uri=folder.as_uri(),
            source=f"folder:{folder}",
            folder_digest=state.digest,
            sdk=imported_sdk(state),
        )


def _check_is_there(folder: Path) -> None:
    """Refuse the folder of a registered app if it is gone; where it cannot be seen, reading tells.

    Raises:
        InvalidApp: it is.
    """
    with contextlib.suppress(OSError):
        if not folder.is_dir():
            raise InvalidApp(
                f"There is no folder {folder}. If the app has moved, register it where it is now "
                "with `dendro-local apps add FOLDER`."
            )


def _tell(line: str) -> None:
    """Show a person who waits for it what goes on."""
    sys.stderr.write(f"{line}\n")
