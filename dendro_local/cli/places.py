"""Where an input is, as a command line names it: a file, a URL, or an output of a job."""

from pathlib import Path

import click

from dendro_local.client import DendroJobOutput, get_job
from dendro_local.client.default_hub import default_hub
from dendro_local.client.progress import file_progress
from dendro_local.file_urls import parse_blob_url, parse_file_url

__all__ = ["Place", "read_place", "url_of_place"]

Place = Path | str | DendroJobOutput


def read_place(text: str, option: str) -> Place:
    """What the text of an option names: a file of this machine, a URL, or an output of a job.

    Raises:
        click.BadParameter: it names nothing.
        NotFound: there is no such job or output.
    """
    is_stable_url = parse_file_url(text) is not None or parse_blob_url(text) is not None
    if is_stable_url or "://" in text:
        return text
    if text.startswith("dendro:"):
        job_id, _, output = text.removeprefix("dendro:").partition("/")
        if not job_id or not output:
            raise click.BadParameter(
                f"{text!r} names no file: an output of a job is dendro:JOBID/OUTPUT.",
                param_hint=option,
            )
        return get_job(job_id).get_output(output)
    if not text:
        raise click.BadParameter("the path is empty.", param_hint=option)
    return Path(text).expanduser().absolute()


def url_of_place(text: str, option: str) -> str:
    """The URL by which records name what the text names.

    Raises:
        click.BadParameter: it names nothing.
        DendroError: there is no such job, output or file.
    """
    place = read_place(text, option)
    if isinstance(place, Path):
        return default_hub().file_url(place, file_progress())
    return place if isinstance(place, str) else place.url
