"""Jobs, services and their apps, blobs, digests of local files, compute clients."""

__all__ = ["FIRST_TABLES"]

FIRST_TABLES = (
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
