"""Answers that are remembered while nobody writes."""

from pathlib import Path

from dendro_local.model import Service, ServiceUser
from dendro_local.store import Store

SERVICE = Service(serviceName="lab", userId="ada", users=[])
OPEN = Service(
    serviceName="lab",
    userId="ada",
    users=[ServiceUser(userId="bob", admin=False, createJobs=True, processJobs=False)],
)


def put(store: Store, service: Service) -> None:
    with store.transaction():
        store.services.put(service)


def test_what_another_process_writes_is_seen_at_once(tmp_path: Path) -> None:
    store, other = Store(tmp_path), Store(tmp_path)
    assert store.services.get("lab") is None

    put(other, SERVICE)
    assert store.services.get("lab") == SERVICE
    put(other, OPEN)
    assert store.services.get("lab") == OPEN

    store.close()
    other.close()


def test_what_this_thread_writes_is_seen_before_and_after_the_commit(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, SERVICE)
    assert store.services.get("lab") == SERVICE

    with store.transaction():
        store.services.put(OPEN)
        assert store.services.get("lab") == OPEN
    assert store.services.get("lab") == OPEN

    store.close()


def test_what_is_rolled_back_is_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, SERVICE)
    try:
        with store.transaction():
            store.services.put(OPEN)
            assert store.services.get("lab") == OPEN
            raise ValueError
    except ValueError:
        pass
    assert store.services.get("lab") == SERVICE

    store.close()


def test_a_revoked_key_is_nobodys_from_then_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction():
        store.users.put("ada", {})
        added = store.users.add_key("ada", "k" * 32, "test")
    assert store.users.by_key("k" * 32) == store.users.by_key("k" * 32) == added

    with store.transaction():
        store.users.revoke_key("ada", added.key_id)
    assert store.users.by_key("k" * 32) is None

    store.close()


def test_what_this_connection_writes_outside_a_transaction_is_seen(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction():
        store.users.put("ada", {})
        added = store.users.add_key("ada", "k" * 32, "test")
    assert store.users.by_key("k" * 32) == added

    store.users.note_use(added)

    known = store.users.by_key("k" * 32)
    assert known is not None
    assert known.last_used_at is not None

    store.close()


def test_the_state_is_the_same_until_somebody_writes(tmp_path: Path) -> None:
    store, other = Store(tmp_path), Store(tmp_path)
    first = store.version()
    assert first is store.version()

    put(other, SERVICE)
    second = store.version()
    assert second is not first

    with store.transaction():
        store.services.put(OPEN)
        assert store.version() is None
    assert store.version() is not second

    store.close()
    other.close()
