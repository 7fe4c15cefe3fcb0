"""The tables, as numbered steps that a store goes through once each.

A released step is never edited; a change is a new step, and `SCHEMA_VERSION` counts them. Tables
keep scalar columns for what is asked and JSON for what is only shown. Times are seconds since the
Unix epoch, UTC.
"""

import sqlite3

from sqlite_utils import Database, Migrations

from dendro_local.store.steps.app_sdk import SDK_OF_APPS
from dendro_local.store.steps.first_tables import FIRST_TABLES
from dendro_local.store.steps.hub import HUB
from dendro_local.store.steps.less_to_write import LESS_TO_WRITE
from dendro_local.store.steps.pins import PINS_AND_GIVEN_UP_BLOBS
from dendro_local.store.steps.remotes import REMOTES
from dendro_local.store.version import APPLICATION_ID, SCHEMA_VERSION

__all__ = ["migrate"]

migrations = Migrations("dendro-local")


@migrations()
def m001_first_tables(db: Database) -> None:
    """Jobs, services and their apps, blobs, digests of local files, compute clients."""
    for statement in FIRST_TABLES:
        db.execute(statement)


@migrations()
def m002_pins_and_given_up_blobs(db: Database) -> None:
    """Jobs that are never pruned, and blobs that a record names but the store gave up."""
    for statement in PINS_AND_GIVEN_UP_BLOBS:
        db.execute(statement)


@migrations()
def m003_sdk_of_apps(db: Database) -> None:
    """Which SDK an app is written with, where its code is known."""
    for statement in SDK_OF_APPS:
        db.execute(statement)


@migrations()
def m004_hub(db: Database) -> None:
    """Users and their keys, compute clients of other machines, secrets of jobs, usage of users."""
    for statement in HUB:
        db.execute(statement)


@migrations()
def m005_remotes(db: Database) -> None:
    """Remotes, where jobs came from and who signed them, and blobs that lie elsewhere."""
    for statement in REMOTES:
        db.execute(statement)


@migrations()
def m006_less_to_write(db: Database) -> None:
    """A trigger and an index that cost less where a job is recorded or ends."""
    for statement in LESS_TO_WRITE:
        db.execute(statement)


def migrate(connection: sqlite3.Connection) -> None:
    """Take the store through the steps that it has not been through, all or none.

    The caller holds the store's opening lock: two processes must not migrate at once.
    """
    # The file is marked as ours first: of a creation that was cut off, what is left must
    # be taken for an unfinished store, not for somebody else's database.
    connection.execute(f"pragma application_id = {APPLICATION_ID}")
    # One transaction round those of the steps: an earlier version, which goes by user_version
    # alone, must not find half of them done.
    connection.execute("begin immediate")
    try:
        migrations.apply(Database(connection))
        connection.execute(f"pragma user_version = {SCHEMA_VERSION}")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise
