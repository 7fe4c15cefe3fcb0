"""``apps spec`` and ``apps test``: an app that is being written, without recording anything."""

import itertools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import msgspec

from dendro_local.app_python import app_python
from dendro_local.app_source import AppFolder, specification_of_folder
from dendro_local.cli.definition_options import (
    Pair,
    definition_options,
    input_places,
    output_names,
    parameter_values,
    processor_named,
)
from dendro_local.cli.options import json_option
from dendro_local.cli.output import print_fields, print_json, say, show_size
from dendro_local.cli.places import Place, read_place
from dendro_local.cli.whole_file import write_whole
from dendro_local.client import DendroJobOutput
from dendro_local.client.default_hub import default_hub
from dendro_local.client.definitions import base_name_like
from dendro_local.compute.trial import try_processor
from dendro_local.config import store_folder
from dendro_local.errors import JobFailed
from dendro_local.file_urls import parse_file_url
from dendro_local.hub import FetchedInput
from dendro_local.model import (
    AppSpecification,
    JobDefinition,
    JobId,
    JobInputFile,
    JobOutputFile,
    JobParameter,
)

__all__ = ["spec", "try_app"]

_FOLDER = click.Path(path_type=Path)

_TRACEBACK = "Traceback (most recent call last):"


@click.command(epilog="The answer is {name, description, processors[...]}, as the contract has it.")
@click.argument("folder", metavar="PATH", type=_FOLDER)
@click.option(
    "-o", "--output", "target", metavar="FILE", type=_FOLDER, help="Write to this file instead."
)
def spec(folder: Path, target: Path | None) -> None:
    """Print the spec that an app gives of itself.

    PATH is the app's folder, whose main.py is run. A FILE that exists is replaced.
    """
    raw = msgspec.json.encode(_specification(folder.absolute()))
    text = msgspec.json.format(raw, indent=4) + b"\n"
    if target is None:
        click.echo(text, nl=False)
        return
    write_whole(target, lambda near: near.write_bytes(text))
    say(f"Wrote the spec to {target}.")


@click.command(
    "test",
    epilog="--json prints {error, console, outputs}; error is null if there was none, and an "
    "output is a file, the URL that the app set, or null if its file was not kept.",
)
@click.argument("folder", metavar="PATH", type=_FOLDER)
@click.argument("processor")
@definition_options
@click.option(
    "--output-folder",
    metavar="FOLDER",
    type=_FOLDER,
    show_default="the current folder",
    help="Put all outputs here, those too that -o does not name.",
)
@json_option
def try_app(
    folder: Path,
    processor: str,
    inputs: Sequence[Pair],
    outputs: Sequence[Pair],
    parameters: Sequence[Pair],
    output_folder: Path | None,
    as_json: bool,
) -> None:
    """Run a processor of an app once, recording nothing.

    PATH is the app's folder. Shows what the app printed and where its outputs are. An output that
    -o names is written to FILENAME in the current folder, where it replaces what is there; others
    are made and not kept. An app that fails leaves no outputs, and ends this command with the exit
    code of a failed job.
    """
    folder = folder.absolute()
    definition, fetched = _trial(_specification(folder), processor, inputs, outputs, parameters)
    place = (output_folder or Path()).absolute()
    kept = None if output_folder else [name for name, _ in outputs]
    trial = try_processor(folder, definition, fetched, place, kept)
    if as_json:
        print_json(trial)
    else:
        click.echo(trial.console, nl=False)
        _show_outputs(trial.outputs)
    if trial.error is not None:
        raise JobFailed(f"The app failed: {_headline(trial.error)}")


def _headline(error: str) -> str:
    """An error without the traceback after it, which stands in what was printed."""
    lines = itertools.takewhile(lambda line: _TRACEBACK not in line, error.splitlines())
    return "\n".join(lines) or error


def _specification(folder: Path) -> AppSpecification:
    AppFolder(folder)  # says what is wrong with a folder that is no app's
    python = app_python(folder, store_folder() / "envs", say)
    assert python is not None  # noqa: S101 - nobody stops it
    with tempfile.TemporaryDirectory(prefix="dendro-sdk-") as sdk_folder:
        return specification_of_folder(folder, Path(sdk_folder), python)


def _trial(
    app: AppSpecification,
    processor_name: str,
    inputs: Sequence[Pair],
    outputs: Sequence[Pair],
    parameters: Sequence[Pair],
) -> tuple[JobDefinition, dict[str, FetchedInput]]:
    """What to run, and where its inputs are."""
    processor = processor_named(app, processor_name)
    files: list[JobInputFile] = []
    fetched: dict[str, FetchedInput] = {}
    for name, text in input_places(processor, inputs).items():
        place = read_place(text, "-i")
        fetched[name] = _fetched(name, place)
        files.append(JobInputFile(name=name, fileBaseName=_base_name(name, place), url=text))
    definition = JobDefinition(
        appName=app.name,
        processorName=processor_name,
        inputFiles=files,
        outputFiles=[
            JobOutputFile(
                name=output.name,
                fileBaseName=file_name,
                urlDeterminedAtRuntime=output.urlDeterminedAtRuntime,
            )
            for output, file_name in output_names(processor, outputs)
        ],
        parameters=[
            JobParameter(name=name, value=value)
            for name, value in parameter_values(processor, parameters).items()
        ],
    )
    return definition, fetched


def _fetched(name: str, place: Place) -> FetchedInput:
    """How the app reads an input.

    Raises:
        click.BadParameter: it cannot be read.
    """
    if isinstance(place, DendroJobOutput):
        place = place.path()
    elif isinstance(place, str):
        own = parse_file_url(place)
        if own is None:
            if not place.startswith(("http://", "https://")):
                raise click.BadParameter(
                    f"input {name!r}: {place!r} is no file and no http(s) URL.", param_hint="-i"
                )
            return FetchedInput(path=None, url=place)
        place = default_hub().output_file(JobId(own.job_id), own.output_name)
    if not place.is_file():
        raise click.BadParameter(f"input {name!r}: there is no file {place}.", param_hint="-i")
    return FetchedInput(path=place, url=place.as_uri())


def _base_name(name: str, place: Place) -> str:
    """The file name that a submitted job would give the app."""
    if isinstance(place, Path):
        return base_name_like(name, place.name)
    if isinstance(place, str):
        return unquote(urlsplit(place).path).rpartition("/")[2] or name
    return place.fileBaseName


def _show_outputs(outputs: Mapping[str, Path | str | None]) -> None:
    if outputs:
        click.echo("Outputs")
        print_fields([(name, _place_in_words(name, at)) for name, at in outputs.items()], indent=2)


def _place_in_words(name: str, at: Path | str | None) -> str:
    if at is None:
        return f"made, and not kept; `-o {name}=FILENAME` keeps it"
    return at if isinstance(at, str) else f"{at} ({show_size(at.stat().st_size)})"
