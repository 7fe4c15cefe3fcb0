"""The tables, as numbered steps that a store goes through once each.

A released step is never edited; a change is a new step, and `SCHEMA_VERSION` counts them. Tables
keep scalar columns for what is asked and JSON for what is only shown. Times are seconds since the
Unix epoch, UTC.
"""

import sqlite3

from sqlite_utils import Database, Migrations

from dendro_local.store.version import APPLICATION_ID, SCHEMA_VERSION

__all__ = ["migrate"]

migrations = Migrations("dendro-local")


@migrations()
def m001_first_tables(db: Database) -> None:
    """Jobs, services and their apps, blobs, digests of local files, compute clients."""
    for statement in _FIRST_TABLES:
        db.execute(statement)


@migrations()
def m002_pins_and_given_up_blobs(db: Database) -> None:
    """Jobs that are never pruned, and blobs that a record names but the store gave up."""
    for statement in _PINS_AND_GIVEN_UP_BLOBS:
        db.execute(statement)


@migrations()
def m003_sdk_of_apps(db: Database) -> None:
    """Which SDK an app is written with, where its code is known."""
    for statement in _SDK_OF_APPS:
        db.execute(statement)


@migrations()
def m004_hub(db: Database) -> None:
    """Users and their keys, compute clients of other machines, secrets of jobs, usage of users."""
    for statement in _HUB:
        db.execute(statement)


@migrations()
def m005_remotes(db: Database) -> None:
    """Remotes, where jobs came from and who signed them, and blobs that lie elsewhere."""
    for statement in _REMOTES:
        db.execute(statement)


_FIRST_TABLES = (
    """
    create table meta (
        key text primary key not null,
        value text not null
    ) strict, without rowid
    """,
    """
    create table services (
        service_name text primary key not null,
        user_id text not null,
        users text not null
    ) strict, without rowid
    """,
    # source says where the code is: folder:PATH, bundled:NAME, or null for a spec alone.
    # version is the app version that a cached result must come from; null when not known.
    # folder_digest names the state of a folder that was registered.
    """
    create table service_apps (
        service_name text not null references services on delete cascade,
        app_name text not null,
        specification_uri text not null,
        specification_commit text not null,
        specification text not null,
        source text,
        version text,
        folder_digest text,
        primary key (service_name, app_name)
    ) strict, without rowid
    """,
    # files holds what the job left: outputs, other files, console and usage log, each with
    # digest and size. number is for joins and ties only; it says nothing to a user.
    """
    create table jobs (
        number integer primary key,
        job_id text not null unique,
        service_name text not null,
        app_name text not null,
        processor_name text not null,
        user_id text not null,
        batch_id text not null,
        definition text not null,
        definition_hash text not null,
        content_key blob,
        app_version text,
        dependencies text,
        num_cpus integer not null,
        num_gpus integer not null,
        memory_gb real not null,
        time_sec real not null,
        targets text,
        tags text,
        files text,
        status text not null,
        is_runnable integer not null,
        canceled integer not null,
        error text,
        note text,
        created_at real not null,
        starting_at real,
        started_at real,
        finished_at real,
        updated_at real not null,
        compute_client_id text,
        compute_client_name text,
        compute_client_user_id text,
        image_uri text,
        claim_token text,
        lease_until real,
        attempts integer not null,
        feed_number integer not null
    ) strict
    """,
    # The cache rule asks for the newest job of a service and hash.
    "create index jobs_hash on jobs (definition_hash, service_name, created_at)",
    """
    create index jobs_content on jobs (content_key) where status = 'completed'
    """,
    "create unique index jobs_feed on jobs (feed_number)",
    # Each list has an index that ends in the order in which it is shown, so that a page of it
    # costs the same among a million jobs; without, SQLite would gather and sort all that match.
    "create index jobs_by_update on jobs (updated_at)",
    "create index jobs_by_status on jobs (status, updated_at)",
    "create index jobs_by_service on jobs (service_name, updated_at)",
    "create index jobs_by_status_service on jobs (status, service_name, updated_at)",
    "create index jobs_by_app on jobs (app_name, updated_at)",
    "create index jobs_by_processor on jobs (processor_name, updated_at)",
    "create index jobs_by_user on jobs (user_id, updated_at)",
    "create index jobs_by_client on jobs (compute_client_id, updated_at)",
    # Small for ever: only what waits or runs is in them.
    """
    create index jobs_runnable on jobs (created_at, number)
        where status = 'pending' and is_runnable = 1
    """,
    "create index jobs_active on jobs (lease_until) where status in ('starting', 'running')",
    "create index jobs_batch on jobs (batch_id, updated_at) where batch_id != ''",
    # updated_at is the job's, kept here too for the order of lists.
    """
    create table job_tags (
        tag text not null,
        updated_at real not null,
        number integer not null references jobs on delete cascade,
        primary key (tag, updated_at, number)
    ) strict, without rowid
    """,
    "create index job_tags_number on job_tags (number)",
    # local_path is where an input was found when the job was submitted, if on this machine.
    """
    create table job_inputs (
        url text not null,
        updated_at real not null,
        number integer not null references jobs on delete cascade,
        local_path text,
        primary key (url, updated_at, number)
    ) strict, without rowid
    """,
    "create index job_inputs_number on job_inputs (number)",
    # Only output URLs that the app set at run time: all others name their job themselves.
    """
    create table job_set_urls (
        url text not null,
        number integer not null references jobs on delete cascade,
        primary key (url, number)
    ) strict, without rowid
    """,
    "create index job_set_urls_number on job_set_urls (number)",
    # Both directions are asked: the children of a job, and the parents of one.
    """
    create table job_dependencies (
        parent_job_id text not null,
        number integer not null references jobs on delete cascade,
        primary key (parent_job_id, number)
    ) strict, without rowid
    """,
    "create index job_dependencies_number on job_dependencies (number)",
    # Which jobs keep a blob from being removed.
    """
    create table job_blobs (
        digest blob not null,
        number integer not null references jobs on delete cascade,
        primary key (digest, number)
    ) strict, without rowid
    """,
    "create index job_blobs_number on job_blobs (number)",
    # A job that is gone leaves its feed number, so that others learn of it.
    """
    create table tombstones (
        feed_number integer primary key,
        job_id text not null,
        deleted_at real not null
    ) strict
    """,
    # The digest of a file of this machine, valid while size, mtime and inode are the same.
    """
    create table local_files (
        path text primary key not null,
        size integer not null,
        mtime_ns integer not null,
        inode integer not null,
        digest text not null
    ) strict, without rowid
    """,
    "create index local_files_digest on local_files (digest)",
    # One row for each compute client that this machine ever ran; lock_file tells who is alive.
    """
    create table compute_clients (
        compute_client_id text primary key not null,
        name text not null,
        user_id text not null,
        slots text not null,
        created_at real not null
    ) strict, without rowid
    """,
    "insert into meta (key, value) values ('store_id', lower(hex(randomblob(16))))",
    "insert into meta (key, value) values ('feed_number', '0')",
)

_PINS_AND_GIVEN_UP_BLOBS = (
    """
    create table pins (
        number integer primary key references jobs on delete cascade,
        pinned_at real not null
    ) strict
    """,
    # A blob of a job is in job_blobs or here: here if its bytes were dropped, because the job
    # can run again, or were found to be lost.
    """
    create table given_up_blobs (
        number integer not null references jobs on delete cascade,
        digest blob not null,
        primary key (number, digest)
    ) strict, without rowid
    """,
)

_SDK_OF_APPS = (
    # dendro_local or dendro; null for a spec alone.
    "alter table service_apps add column sdk text",
    "update service_apps set sdk = 'dendro_local' where source is not null",
)

_USAGE_SO_FAR = """
insert into user_usage
select {user}, '{kind}', count(*),
    sum(num_cpus * (finished_at - started_at)) / 3600.0,
    sum(num_gpus * (finished_at - started_at)) / 3600.0,
    sum(memory_gb * (finished_at - started_at)) / 3600.0,
    sum(finished_at - started_at) / 3600.0
from jobs
where status in ('completed', 'failed') and finished_at >= started_at and {user} is not null
group by {user}
"""

# A `JobFiles` as JSON has no whole numbers but sizes.
_BYTES_OF = (
    "(select coalesce(sum(value), 0) from json_tree(coalesce({files}, '{{}}')) "
    "where type = 'integer')"
)

_HUB = (
    # info is what the user told of themselves, as JSON.
    """
    create table users (
        user_id text primary key not null,
        info text not null,
        created_at real not null
    ) strict, without rowid
    """,
    # A key itself is nowhere: only SHA-256 of it, by which it is found.
    """
    create table api_keys (
        key_id text primary key not null,
        key_hash blob not null unique,
        user_id text not null references users on delete cascade,
        label text not null,
        created_at real not null,
        last_used_at real,
        revoked_at real
    ) strict, without rowid
    """,
    "create index api_keys_user on api_keys (user_id)",
    # Browsers that are logged in.
    """
    create table sessions (
        token_hash blob primary key not null,
        user_id text not null references users on delete cascade,
        created_at real not null,
        expires_at real not null
    ) strict, without rowid
    """,
    "create index sessions_user on sessions (user_id)",
    # What logs a browser in once, soon after it was given out.
    """
    create table login_tokens (
        token_hash blob primary key not null,
        user_id text not null references users on delete cascade,
        expires_at real not null
    ) strict, without rowid
    """,
    # Whose account elsewhere a user is: names of accounts change hands, their ids do not.
    """
    create table user_accounts (
        user_id text primary key not null references users on delete cascade,
        account_id text not null
    ) strict, without rowid
    """,
    # key_hash is null for the compute client of this machine, which needs no key.
    # services is a list of names, as JSON; process_for one of user ids, null for everybody.
    "alter table compute_clients add column key_hash blob",
    "alter table compute_clients add column description text not null default ''",
    "alter table compute_clients add column services text not null default '[]'",
    "alter table compute_clients add column process_for text",
    "alter table compute_clients add column last_seen_at real",
    # Runs of compute clients on other machines, which no lock tells of. run is a LiveRun.
    """
    create table remote_runs (
        run_id text primary key not null,
        compute_client_id text not null references compute_clients on delete cascade,
        run text not null,
        expires_at real not null
    ) strict, without rowid
    """,
    # names is a JSON list. sealed is so with the key of the store, and null once the job has ended.
    """
    create table job_secrets (
        number integer primary key references jobs on delete cascade,
        names text not null,
        sealed blob
    ) strict
    """,
    # What the finished jobs of a user have used, summed up as each ends. kind is consumed or
    # provided, of all jobs there ever were, and with _deleted after it of those that are gone.
    """
    create table user_usage (
        user_id text not null,
        kind text not null,
        num_jobs integer not null,
        cpu_hours real not null,
        gpu_hours real not null,
        gb_hours real not null,
        job_hours real not null,
        primary key (user_id, kind)
    ) strict, without rowid
    """,
    _USAGE_SO_FAR.format(user="user_id", kind="consumed"),
    _USAGE_SO_FAR.format(user="compute_client_user_id", kind="provided"),
    # Small for ever: how many jobs of a user wait.
    "create index jobs_pending_of_user on jobs (user_id) where status = 'pending'",
    # How much the files of a user's jobs have, kept up by the triggers.
    """
    create table user_bytes (
        user_id text primary key not null,
        bytes integer not null
    ) strict, without rowid
    """,
    f"""
    insert into user_bytes
    select user_id, sum({_BYTES_OF.format(files="files")}) from jobs
    where files is not null group by user_id
    """,  # noqa: S608 - of constants, as those that follow
    f"""
    create trigger job_files_inserted after insert on jobs when new.files is not null begin
        insert into user_bytes values (new.user_id, {_BYTES_OF.format(files="new.files")})
        on conflict (user_id) do update set bytes = bytes + excluded.bytes;
    end
    """,  # noqa: S608
    f"""
    create trigger job_files_changed after update of files on jobs
    when new.files is not old.files begin
        insert into user_bytes values (
            new.user_id,
            {_BYTES_OF.format(files="new.files")} - {_BYTES_OF.format(files="old.files")}
        )
        on conflict (user_id) do update set bytes = bytes + excluded.bytes;
    end
    """,  # noqa: S608
    f"""
    create trigger job_files_deleted after delete on jobs when old.files is not null begin
        update user_bytes set bytes = bytes - {_BYTES_OF.format(files="old.files")}
        where user_id = old.user_id;
    end
    """,  # noqa: S608
)

_REMOTES = (
    # How many bytes the files of a job have: adding them up in the triggers took longer than all
    # the rest of putting a job in.
    "alter table jobs add column file_bytes integer",
    "drop trigger job_files_inserted",
    "drop trigger job_files_changed",
    "drop trigger job_files_deleted",
    f"update jobs set file_bytes = {_BYTES_OF.format(files='files')} where files is not null",  # noqa: S608
    # In two steps: for one that inserts or updates, SQLite writes all pages that an insert changes
    # to a file beforehand, even where it is never to be taken back alone (see `store.arrivals`).
    """
    create trigger job_bytes_inserted after insert on jobs when new.file_bytes is not null begin
        insert into user_bytes values (new.user_id, 0) on conflict (user_id) do nothing;
        update user_bytes set bytes = bytes + new.file_bytes where user_id = new.user_id;
    end
    """,
    """
    create trigger job_bytes_changed after update of file_bytes on jobs
    when new.file_bytes is not old.file_bytes begin
        insert into user_bytes values (
            new.user_id, coalesce(new.file_bytes, 0) - coalesce(old.file_bytes, 0)
        )
        on conflict (user_id) do update set bytes = bytes + excluded.bytes;
    end
    """,
    """
    create trigger job_bytes_deleted after delete on jobs when old.file_bytes is not null begin
        update user_bytes set bytes = bytes - old.file_bytes where user_id = old.user_id;
    end
    """,
    # settings is a `RemoteSettings` as JSON.
    """
    create table remotes (
        name text primary key not null,
        url text not null,
        kind text not null,
        settings text not null,
        added_at real not null
    ) strict, without rowid
    """,
    # How far the exchange with a remote has come. subject says of what: the direction and the
    # selection of jobs.
    """
    create table remote_cursors (
        remote text not null references remotes on delete cascade,
        subject text not null,
        cursor text not null,
        updated_at real not null,
        primary key (remote, subject)
    ) strict, without rowid
    """,
    # Jobs that were refused on their way in or out, and are tried again at the next exchange.
    # direction is pull or push.
    """
    create table refused_jobs (
        remote text not null references remotes on delete cascade,
        direction text not null,
        job_id text not null,
        definition_hash text not null,
        primary key (remote, direction, job_id)
    ) strict, without rowid
    """,
    # Whose signatures are believed.
    """
    create table trusted_keys (
        key_id text primary key not null,
        name text not null unique,
        public_key blob not null,
        added_at real not null
    ) strict, without rowid
    """,
    # Jobs that did not run here. origin is the name of a remote, or user: and the id of who
    # pushed it. is_verified says whether a signature by a key that is trusted was verified.
    """
    create table job_origins (
        number integer primary key references jobs on delete cascade,
        origin text not null,
        arrived_at real not null,
        key_id text,
        is_verified integer not null
    ) strict
    """,
    # Of own jobs too, once they have been asked for: signing takes longer than reading.
    """
    create table job_signatures (
        number integer not null references jobs on delete cascade,
        key_id text not null,
        signature blob not null,
        primary key (number, key_id)
    ) strict, without rowid
    """,
    # Blobs that jobs hold and whose bytes lie on a remote until somebody reads them.
    """
    create table awaited_blobs (
        digest blob not null,
        remote text not null references remotes on delete cascade,
        size integer not null,
        primary key (digest, remote)
    ) strict, without rowid
    """,
    # What is needed to tell others of a deletion; null where the job was deleted before.
    "alter table tombstones add column service_name text",
    "alter table tombstones add column origin text",
    "create index tombstones_of_jobs on tombstones (job_id)",
)


def migrate(connection: sqlite3.Connection) -> None:
    """Take the store through the steps that it has not been through, all or none.

    The caller holds the store's opening lock: two processes must not migrate at once.
    """
    # The file is marked as ours first: of a creation that was cut off, what is left must
    # be taken for an unfinished store, not for somebody else's database.
    connection.execute(f"pragma application_id = {APPLICATION_ID}")
    migrations.apply(Database(connection))
    connection.execute(f"pragma user_version = {SCHEMA_VERSION}")
