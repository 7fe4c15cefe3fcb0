"""Where a hub has the files of a job. Pure."""

import msgspec

from dendro_local.file_urls import file_url
from dendro_local.model import Job

__all__ = ["file_urls", "stable_urls"]


def file_urls(job: Job) -> dict[tuple[str, str], str]:
    """The URLs of a job's files, by the last two parts of their stable URLs."""
    others = [] if job.otherFileOutputs is msgspec.UNSET else job.otherFileOutputs
    return {
        **{("other", each.name): each.url for each in others},
        ("console_output", "output.txt"): job.consoleOutputUrl,
        ("resource_utilization_log", "log.jsonl"): job.resourceUtilizationLogUrl,
        **{(each.name, each.fileBaseName): each.url for each in job.outputFileResults},
    }


def stable_urls(job: Job) -> dict[str, str]:
    """The stable URLs of a job's files, by those that the hub has for them."""
    definition = job.jobDefinition
    place = (job.serviceName, definition.appName, definition.processorName, job.jobId)
    return {url: file_url(*place, *names) for names, url in file_urls(job).items() if url}
