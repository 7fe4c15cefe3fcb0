"""Remotes, where jobs came from and who signed them, and blobs that lie elsewhere."""

from dendro_local.store.steps.bytes_of_files import BYTES_OF

__all__ = ["REMOTES"]

REMOTES = (
    # How many bytes the files of a job have: adding them up in the triggers took longer than all
    # the rest of putting a job in.
    "alter table jobs add column file_bytes integer",
    "drop trigger job_files_inserted",
    "drop trigger job_files_changed",
    "drop trigger job_files_deleted",
    f"update jobs set file_bytes = {BYTES_OF.format(files='files')} where files is not null",  # noqa: S608
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
