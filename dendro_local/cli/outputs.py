"""``output``: the bytes of an output."""

import os
import shutil
import sys
from pathlib import Path

import click

from dendro_local.cli.options import job_argument
from dendro_local.cli.output import say, show_size
from dendro_local.client.default_hub import default_hub

__all__ = ["output", "write_whole"]

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
    only. The bytes go to stdout; binary ones not to a terminal.
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
        raise click.UsageError(f"{target} exists. --force replaces it.")
    write_whole(file, target)
    say(f"Wrote {show_size(target.stat().st_size)} to {target}.")


def write_whole(source: Path, target: Path) -> None:
    """Copy a file so that ``target`` has all of it or is as it was.

    Raises:
        click.FileError: it cannot be written.
    """
    near = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        try:
            shutil.copyfile(source, near)
            with near.open("rb") as written:
                os.fsync(written.fileno())
            near.replace(target)
        finally:
            near.unlink(missing_ok=True)
    except OSError as error:
        raise click.FileError(str(target), error.strerror) from error


def _print(file: Path) -> None:
    with file.open("rb") as stream:
        beginning = stream.read(LOOKED_AT_BYTES)
        if sys.stdout.isatty() and _is_binary(beginning):
            raise click.UsageError(
                f"This output is binary, {show_size(file.stat().st_size)}. `-o FILE` copies it "
                "to a file."
            )
        click.echo(beginning, nl=False)
        while chunk := stream.read(CHUNK_BYTES):
            click.echo(chunk, nl=False)


def _is_binary(beginning: bytes) -> bool:
    try:
        text = beginning[: LOOKED_AT_BYTES - 4].decode()
    except UnicodeDecodeError:
        return True
    return "\0" in text or "\x1b" in text


def _listed(names: list[str]) -> str:
    return f"outputs {', '.join(names)}" if names else "no outputs"
