"""Stores of earlier versions are upgraded when they are opened."""

import contextlib
import sqlite3
from pathlib import Path

from sqlite_utils import Database

from dendro_local.local_hub import LocalHub
from dendro_local.store import SCHEMA_VERSION, JobQuery
from dendro_local.store.schema import migrations
from dendro_local.store.version import APPLICATION_ID
from tests.maintenance.conftest import JobMaker, findings


def test_a_store_of_before_pins_has_its_jobs_and_may_pin_them(
    hub: LocalHub, completed: JobMaker
) -> None:
    job = completed("a")
    folder = hub.store.folder.root
    hub.close()
    with contextlib.closing(sqlite3.connect(folder / "store.db")) as connection, connection:
        connection.execute("drop table pins")
        connection.execute("drop table given_up_blobs")
        connection.execute("delete from _sqlite_migrations where name like 'm002%'")
        connection.execute("pragma user_version = 1")

    upgraded = LocalHub(folder)

    upgraded.pin([job.jobId])
    assert upgraded.pinned_jobs() == [job]
    assert upgraded.facts().schema_version == SCHEMA_VERSION
    assert findings(upgraded) == []
    upgraded.close()


def test_a_store_of_before_less_was_written_counts_and_finds_as_before(
    hub: LocalHub, completed: JobMaker, tmp_path: Path
) -> None:
    job = completed("a")
    (tmp_path / "older").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "older" / "store.db")) as older:
        migrations.apply(Database(older), stop_before="m006_less_to_write")
        columns = ", ".join(row[1] for row in older.execute("pragma table_info(jobs)"))
        older.execute("attach ? as newer", (str(hub.store.folder.database),))
        older.execute(f"insert into jobs ({columns}) select {columns} from newer.jobs")
        older.commit()
        older.execute(f"pragma application_id = {APPLICATION_ID}")
        older.execute("pragma user_version = 5")

    upgraded = LocalHub(tmp_path / "older")
    stored = upgraded.stored(job.jobId)
    assert stored.files.size() > 0
    assert upgraded.store.holdings.stored_bytes(job.userId) == stored.files.size()
    assert upgraded.find_jobs(JobQuery(compute_client=job.computeClientId)) == [stored.record]
    with upgraded.store.transaction():
        upgraded.store.jobs.update(stored.number, files=type(stored.files)())
    assert upgraded.store.holdings.stored_bytes(job.userId) == 0
    upgraded.close()
