"""Users and their keys, compute clients of other machines, secrets of jobs, usage of users."""

from dendro_local.store.steps.bytes_of_files import BYTES_OF

__all__ = ["HUB"]

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

HUB = (
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
    select user_id, sum({BYTES_OF.format(files="files")}) from jobs
    where files is not null group by user_id
    """,  # noqa: S608 - of constants, as those that follow
    f"""
    create trigger job_files_inserted after insert on jobs when new.files is not null begin
        insert into user_bytes values (new.user_id, {BYTES_OF.format(files="new.files")})
        on conflict (user_id) do update set bytes = bytes + excluded.bytes;
    end
    """,  # noqa: S608
    f"""
    create trigger job_files_changed after update of files on jobs
    when new.files is not old.files begin
        insert into user_bytes values (
            new.user_id,
            {BYTES_OF.format(files="new.files")} - {BYTES_OF.format(files="old.files")}
        )
        on conflict (user_id) do update set bytes = bytes + excluded.bytes;
    end
    """,  # noqa: S608
    f"""
    create trigger job_files_deleted after delete on jobs when old.files is not null begin
        update user_bytes set bytes = bytes - {BYTES_OF.format(files="old.files")}
        where user_id = old.user_id;
    end
    """,  # noqa: S608
)
