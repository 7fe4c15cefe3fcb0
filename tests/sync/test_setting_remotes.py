"""Changing how a remote is used."""

from pathlib import Path

import pytest

from dendro_local.errors import InvalidRequest, NotAuthenticated
from dendro_local.local_hub import LocalHub
from dendro_sync import add_remote, own_key, pull, set_remote, show_remote, trusted_keys
from dendro_sync.remotes.pauses import Pauses
from dendro_sync.trust.keys import trust_policy
from tests.live_hub import LiveHub, served
from tests.sync.conftest import Stores, greeting


@pytest.fixture
def here(stores: Stores) -> LocalHub:
    """A store without remotes."""
    return stores.open("here")


@pytest.fixture
def far(stores: Stores) -> LocalHub:
    """The store of a hub, with a job."""
    hub = stores.open("far")
    stores.add("far", hub)
    stores.complete("far", greeting("x"))
    return hub


def key_at(hub: LocalHub) -> str:
    return hub.add_api_key(hub.user_id, "test")[1]


def test_a_key_that_the_store_keeps_is_shown_to_be_there_and_can_be_forgotten(
    here: LocalHub, far: LocalHub
) -> None:
    with served(far) as live:
        added = add_remote(here, "lab", live.url, key=key_at(far))
        assert (added.hasKey, added.keyFile) == (True, None)

        assert set_remote(here, "lab", read_only=True).hasKey
        assert not set_remote(here, "lab", forget_key=True).hasKey


def test_one_key_takes_the_place_of_another(here: LocalHub, far: LocalHub, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(key_at(far))
    with served(far) as live:
        add_remote(here, "lab", live.url, key=key_at(far))

        assert set_remote(here, "lab", key_file=file).keyFile == str(file)
        changed = set_remote(here, "lab", key=key_at(far))

        assert (changed.hasKey, changed.keyFile) == (True, None)
        with pytest.raises(InvalidRequest, match="one key, or none"):
            set_remote(here, "lab", key_file=file, forget_key=True)
        with pytest.raises(NotAuthenticated, match="remote set lab"):
            set_remote(here, "lab", key="wrong")
        assert show_remote(here, "lab") == changed


def test_a_key_for_a_remote_that_is_away_is_kept(
    here: LocalHub, far: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dendro_sync import opening

    monkeypatch.setattr(opening, "PATIENCE_SEC", 0.1)
    with served(far) as live:
        add_remote(here, "lab", live.url)

    assert set_remote(here, "lab", key=key_at(far)).hasKey


def test_a_kept_key_goes_to_no_other_address(here: LocalHub, far: LocalHub) -> None:
    with served(far) as live:
        add_remote(here, "lab", live.url, key=key_at(far))
    other = LiveHub(far)
    try:
        with pytest.raises(InvalidRequest, match=f"goes to {live.url} alone"):
            set_remote(here, "lab", url=other.url)
        assert set_remote(here, "lab", url=other.url, key=key_at(far)).url == other.url
    finally:
        other.stop()


def test_what_is_trusted_and_required_is_changed(here: LocalHub, far: LocalHub) -> None:
    with served(far) as live:
        add_remote(here, "lab", live.url)
        assert pull(here, "lab").refused_count == 1

        set_remote(here, "lab", trust=own_key(far).publicKey, require=1, allow_unsigned=False)

        assert [each.name for each in trusted_keys(here)] == ["lab"]
        assert pull(here, "lab").new == 1
    saved = here.store.sharing.remotes.all()[0]
    assert trust_policy(here, saved.settings).require == 1
    with pytest.raises(InvalidRequest, match="At least one producer"):
        set_remote(here, "lab", require=0)


def test_a_cache_that_was_left_alone_is_asked_again_once_it_was_changed(
    here: LocalHub, far: LocalHub
) -> None:
    with served(far) as live:
        add_remote(here, "lab", live.url, is_cache=True, trust=own_key(far).publicKey)
        Pauses(here.store).begin("lab", "It did not answer.")
        [miss] = here.submit([greeting("x")])
        assert miss.status == "pending"
        here.delete([miss.jobId])

        set_remote(here, "lab", is_cache=True)

        assert here.submit([greeting("x")])[0].status == "completed"
