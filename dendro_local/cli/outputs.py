"""``output``: the bytes of an output."""

import codecs
import shutil
import sys
from pathlib import Path

import click

from dendro_local.cli.options import job_argument
from dendro_local.cli.output import Refused, say, show_size
from dendro_local.cli.whole_file import write_whole
from dendro_local.client.default_hub import default_hub

__all__ = ["output"]

LOOKED_AT_BYTES = 8192
CHUNK_BYTES = 1 << 20


@click.command()
@job_argument
@click.argument("name", required=False)
@click.option(
    "-o",
    "--output",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Copy to this file, or into this folder, instead of printing.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def output(job_id: str, name: str | None, target: Path | None, force: bool) -> None:
    """Print an output of a job, or copy it.

    NAME is the output's name in the processor, and may be left out if the job has one output
    only; or that of another file which the app added, such as a figure. The bytes go to stdout;
    binary ones not to a terminal.
    """
    hub = default_hub()
    found = hub.job_id(job_id)
    if name is None:
        names = [each.name for each in hub.get_job(found).jobDefinition.outputFiles]
        if len(names) != 1:
            raise click.UsageError(f"Job {found} has {_listed(names)}. Name one.")
        name = names[0]
    file = hub.output_file(found, name)
    if target is None:
        _print(file)
        return
    if target.is_dir():
        target = target / file.name
    if target.exists() and not force:
        raise Refused(f"{target} exists. --force replaces it.")
    write_whole(target, lambda near: shutil.copyfile(file, near))
    say(f"Wrote {show_size(target.stat().st_size)} to {target}.")


def _print(file: Path) -> None:
    with file.open("rb") as stream:
        beginning = stream.read(LOOKED_AT_BYTES)
        if sys.stdout.isatty() and _is_binary(beginning):
            raise Refused(
                f"This output is binary, {show_size(file.stat().st_size)}. `-o FILE` copies it "
                "to a file."
            )
        click.echo(beginning, nl=False)
        while chunk := stream.read(CHUNK_BYTES):
            click.echo(chunk, nl=False)


def _is_binary(beginning: bytes) -> bool:
    try:
        # Incrementally: a character that is cut at the end is none that is wrong.
        text = codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return True
    return "\0" in text


def _listed(names: list[str]) -> str:
    return f"outputs {', '.join(names)}" if names else "no outputs"
