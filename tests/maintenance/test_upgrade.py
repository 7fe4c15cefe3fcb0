"""A store that knows nothing of pins is upgraded when it is opened."""

import contextlib
import sqlite3

from dendro_local.local_hub import LocalHub
from dendro_local.store import SCHEMA_VERSION
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
