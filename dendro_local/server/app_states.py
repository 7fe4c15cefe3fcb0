"""In which state an app is: where its code is from, whether that can be used, its environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from dendro_local.environments import EnvironmentInfo, Environments, requirements_of
from dendro_local.errors import DendroError
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.app_faults import app_fault
from dendro_local.reasons import reason_of
from dendro_local.server.words import text_for_others
from dendro_local.store import RegisteredApp

__all__ = ["AppState", "app_state", "environments_by_key", "for_others", "source_in_words"]

WEB = ("https://", "http://")

EnvironmentNeed = Literal["none", "not known", "not built", "ready", "building", "failed"]


class AppState(msgspec.Struct, frozen=True, kw_only=True):
    """What can be told of an app without running any of it."""

    environment: EnvironmentNeed
    """``not known``: its code is not here, or cannot be read."""
    info: EnvironmentInfo | None = None
    """The environment; None if there is none."""
    fault: str | None = None
    """Why the app cannot be used as it is; of a folder, with its path."""
    has_changed: bool = False
    """Whether its folder is in another state than was registered."""


def environments_by_key(hub: LocalHub) -> Mapping[str, EnvironmentInfo]:
    """Every environment of the store, by its key."""
    return {each.key: each for each in Environments(hub.store.folder.environments).all()}


def app_state(
    hub: LocalHub, app: RegisteredApp, environments: Mapping[str, EnvironmentInfo]
) -> AppState:
    """The state of an app; nothing is run or built for it."""
    if app.source is None:
        return AppState(environment="not known")
    try:
        folder = hub.app_folder(app.source)
        has_changed = not hub.is_up_to_date(app.source, app.folder_digest)
        fault = _known_fault(hub, app, folder) if has_changed else None
        requirements = requirements_of(folder / "main.py")
        if requirements is None:
            return AppState(environment="none", has_changed=has_changed, fault=fault)
        info = environments.get(Environments(hub.store.folder.environments).key(requirements))
    except (DendroError, OSError) as error:
        return AppState(environment="not known", fault=reason_of(error))
    return AppState(
        environment="not built" if info is None or info.state == "unfinished" else info.state,
        info=info,
        has_changed=has_changed,
        fault=fault,
    )


def for_others(state: AppState, hub: LocalHub) -> AppState:
    """The state without paths of the hub's machine, and without what its tools printed."""
    fault = None if state.fault is None else text_for_others(state.fault, hub)
    info = None if state.info is None else msgspec.structs.replace(state.info, error=None)
    return msgspec.structs.replace(state, fault=fault, info=info)


def source_in_words(app: RegisteredApp, *, shows_paths: bool) -> str:
    """Where an app is from. A path of the hub's machine is for the hub's own user alone."""
    if app.source is None:
        uri = app.record.appSpecificationUri
        return uri if uri.startswith(WEB) else "a spec alone"
    kind, _, name = app.source.partition(":")
    if kind == "bundled":
        return "comes with dendro-local"
    return str(Path(name)) if shows_paths else "a folder of the hub's machine"


def _known_fault(hub: LocalHub, app: RegisteredApp, folder: Path) -> str | None:
    """Why the folder could not be registered in its present state, if somebody tried."""
    record = app.record
    return app_fault(hub.store, record.serviceName, record.appName, hub.folder_state(folder))
