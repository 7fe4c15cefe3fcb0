"""The errors of jobs that failed since what they depend on will not be completed."""

from dendro_local.model import Job

__all__ = ["dependency_ended", "dependency_failed"]

_BEGINNING = "Its dependency "


def dependency_failed(parent: Job, error: str) -> str:
    """The error of what waits for a job that failed: which job was the first to fail, and why.

    Args:
        parent: the job that failed.
        error: its error, of which the first line is taken; the job itself keeps all of it.
    """
    line = error.strip().partition("\n")[0]
    if parent.timestampStartingSec is None and line.startswith(_BEGINNING):
        return line  # it never ran: that job is further up
    return dependency_ended(parent, f"failed: {line}")


def dependency_ended(parent: Job, end: str) -> str:
    """The error of what waits for a job that will not be completed.

    Args:
        parent: the job.
        end: what became of it, such as ``was deleted.``
    """
    definition = parent.jobDefinition
    name = f"{parent.jobId} ({definition.appName}/{definition.processorName})"
    return f"{_BEGINNING}{name} {end}"
