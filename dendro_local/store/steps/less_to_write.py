"""What a job that is recorded or ends does without."""

__all__ = ["LESS_TO_WRITE"]

LESS_TO_WRITE = (
    "drop trigger job_bytes_changed",
    # In two steps, as where a job is inserted: the record of a job that has ended is four times
    # as fast so (see `JobTable.update`).
    """
    create trigger job_bytes_changed after update of file_bytes on jobs
    when new.file_bytes is not old.file_bytes begin
        insert into user_bytes values (new.user_id, 0) on conflict (user_id) do nothing;
        update user_bytes
        set bytes = bytes + coalesce(new.file_bytes, 0) - coalesce(old.file_bytes, 0)
        where user_id = new.user_id;
    end
    """,
    # Only what a compute client has taken is found by it.
    "drop index jobs_by_client",
    """
    create index jobs_by_client on jobs (compute_client_id, updated_at)
        where compute_client_id is not null
    """,
)
