"""Opening a store: new, known, later, somebody else's."""

import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from dendro_local.errors import StoreDamaged, StoreError, StoreTooNew
from dendro_local.store import Store
from dendro_local.store.schema import migrations
from dendro_local.store.version import APPLICATION_ID


def made_store(folder: Path) -> Path:
    Store(folder).close()
    return folder / "store.db"


def test_a_fresh_store_has_an_id_of_its_own(tmp_path: Path) -> None:
    ids = []
    for name in ("one", "two"):
        store = Store(tmp_path / name)
        ids.append(store.get_meta("store_id"))
        store.close()

    assert None not in ids
    assert ids[0] != ids[1]


def test_its_database_is_in_wal_mode_and_strict(tmp_path: Path) -> None:
    connection = sqlite3.connect(made_store(tmp_path / "store"))

    tables = connection.execute(
        "select name, strict from pragma_table_list "
        "where schema = 'main' and type = 'table' and name not like '%sqlite%'"
    ).fetchall()
    mode = connection.execute("pragma journal_mode").fetchone()[0]
    connection.close()

    assert mode == "wal"
    assert len(tables) > 8
    assert all(strict for _, strict in tables)


def test_a_store_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    database = made_store(tmp_path / "store")
    connection = sqlite3.connect(database)
    connection.execute("pragma user_version = 999")
    connection.close()

    with pytest.raises(StoreTooNew, match="Upgrade dendro-local"):
        Store(tmp_path / "store")


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("create table cats (name text)")
    connection.close()

    with pytest.raises(StoreDamaged, match="another program"):
        Store(tmp_path)

    connection = sqlite3.connect(tmp_path / "store.db")
    assert connection.execute("select name from sqlite_schema").fetchall() == [("cats",)]
    connection.close()


def test_a_creation_that_was_cut_off_is_taken_up_again(tmp_path: Path) -> None:
    # As far as a process comes that is killed after its first statement.
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute(f"pragma application_id = {0x44454E44}")
    connection.close()

    store = Store(tmp_path)

    assert store.jobs.count_by_status() == {}
    store.close()


def test_an_upgrade_that_fails_half_way_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as older:
        migrations.apply(Database(older), stop_before="m005_remotes")
        older.execute(f"pragma application_id = {APPLICATION_ID}")
        older.execute("pragma user_version = 4")
        older.execute("drop index jobs_by_client")  # the last step wants it

        with pytest.raises(StoreError, match="jobs_by_client"):
            Store(tmp_path)

        columns = {row[1] for row in older.execute("pragma table_info(jobs)")}
        assert "file_bytes" not in columns
        assert older.execute("pragma user_version").fetchone() == (4,)


def _open(folder: Path) -> str | None:
    store = Store(folder)
    found = store.get_meta("store_id")
    store.close()
    return found


@pytest.mark.process
def test_many_processes_open_a_fresh_store_at_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(6) as processes:
        ids = set(processes.map(_open, [tmp_path / "store"] * 12))

    assert len(ids) == 1
    assert None not in ids


def test_nothing_that_has_to_last_is_a_part_of_what_need_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")

    with (
        pytest.raises(RuntimeError, match="durable"),
        store.transaction(is_durable=False),
        store.transaction(),
    ):
        pass

    store.close()
