"""The apps that come with the package: there at first, and then as their user wants them."""

from contextlib import closing
from pathlib import Path

import pytest

from dendro_local.app_source import BUNDLED_APPS
from dendro_local.errors import AppNotFound
from dendro_local.local_hub import LocalHub
from tests.conftest import AppMaker

SERVICE = "hello_world_service"


def names_in(hub: LocalHub) -> set[str]:
    return {app.record.appName for app in hub.apps(service=SERVICE)}


def after_an_upgrade(store_folder: Path) -> LocalHub:
    """The hub over the store, opened by a package whose apps differ from those before."""
    with closing(LocalHub(store_folder)) as hub, hub.store.transaction():
        hub.store.set_meta("bundled_apps", "the specs of an earlier version")
    return LocalHub(store_folder)


def test_a_fresh_store_has_all_of_them(store_folder: Path) -> None:
    with closing(LocalHub(store_folder)) as hub:
        assert names_in(hub) == set(BUNDLED_APPS)


def test_one_that_was_removed_stays_away_after_an_upgrade_too(store_folder: Path) -> None:
    with closing(LocalHub(store_folder)) as hub:
        hub.remove_app(SERVICE, "hello_cebra")

    with closing(after_an_upgrade(store_folder)) as hub:
        assert names_in(hub) == set(BUNDLED_APPS) - {"hello_cebra"}
        with pytest.raises(AppNotFound):
            hub.app(SERVICE, "hello_cebra")


def test_one_that_came_with_an_upgrade_is_there_after_it(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("dendro_local.local_hub.apps.BUNDLED_APPS", ("hello_world",))
        with closing(LocalHub(store_folder)) as hub:
            assert names_in(hub) == {"hello_world"}

    with closing(LocalHub(store_folder)) as hub:
        assert names_in(hub) == set(BUNDLED_APPS)


def test_a_users_own_app_keeps_its_place_after_an_upgrade(
    store_folder: Path, make_app: AppMaker
) -> None:
    folder = make_app("hello_cebra", "@app.processor\ndef work() -> None: pass")
    with closing(LocalHub(store_folder)) as hub:
        hub.add_app(str(folder), SERVICE)

    with closing(after_an_upgrade(store_folder)) as hub:
        assert hub.app(SERVICE, "hello_cebra").source == f"folder:{folder}"
