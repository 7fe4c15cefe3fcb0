"""``-i``, ``-o`` and ``-p``: what a job is made of, read by the spec of its processor."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from dendro_local.model import (
    AppSpecification,
    ParameterValue,
    ProcessorOutput,
    ProcessorSpecification,
)
from dendro_local.parameter_texts import parameter_value

__all__ = [
    "definition_options",
    "input_places",
    "output_names",
    "parameter_values",
    "processor_named",
]

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

Pair = tuple[str, str]

_IN_WORDS: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a finite number",
    "bool": "true or false",
}


def definition_options(command: _Decorated) -> _Decorated:
    """``-i name=...``, ``-o name=...`` and ``-p name=...``, as lists of pairs."""
    for option in (
        click.option(
            "-p",
            "--parameter",
            "parameters",
            metavar="NAME=VALUE",
            multiple=True,
            callback=_pairs,
            help="A parameter, read as the type that the processor declares: a number, true or "
            "false, text; a list as JSON or separated by commas; null where it is optional.",
        ),
        click.option(
            "-o",
            "--output",
            "outputs",
            metavar="NAME[=FILENAME]",
            multiple=True,
            callback=_pairs_or_names,
            show_default="the output's name",
            help="File name of an output.",
        ),
        click.option(
            "-i",
            "--input",
            "inputs",
            metavar="NAME=PLACE",
            multiple=True,
            callback=_pairs,
            help="An input: a file of this machine, an http(s) URL, or dendro:JOBID/OUTPUT, the "
            "output of another job. For an input that is a list, once for each of its files.",
        ),
    ):
        command = option(command)
    return command


def processor_named(app: AppSpecification, name: str) -> ProcessorSpecification | None:
    """The spec of a processor; None if the app has none of the name."""
    return next((each for each in app.processors if each.name == name), None)


def input_places(
    processor: ProcessorSpecification | None, given: Sequence[Pair]
) -> Mapping[str, str]:
    """Where each input is, by the name that a definition gives it: a list's are numbered.

    Raises:
        click.BadParameter: an input that is no list is given twice.
    """
    lists = {each.name for each in (processor.inputs if processor else ()) if each.list is True}
    places: dict[str, str] = {}
    counts = dict.fromkeys(lists, 0)
    for name, place in given:
        numbered = name
        if name in lists:
            numbered = f"{name}[{counts[name]}]"
            counts[name] += 1
        if numbered in places:
            raise click.BadParameter(f"input {numbered!r} is given twice.", param_hint="-i")
        places[numbered] = place
    return places


def output_names(
    processor: ProcessorSpecification | None, given: Sequence[Pair]
) -> Sequence[tuple[ProcessorOutput, str]]:
    """The outputs of a job with their file names: those of the spec, and what else is given.

    Raises:
        click.BadParameter: an output is given twice.
    """
    names = _once(given, "output", "-o")
    declared = {each.name: each for each in (processor.outputs if processor else ())}
    # One that the spec lacks is passed on: the hub says best what is wrong with it.
    unknown = [ProcessorOutput(name=name, description="") for name in names if name not in declared]
    return [(each, names.get(each.name) or each.name) for each in (*declared.values(), *unknown)]


def parameter_values(
    processor: ProcessorSpecification | None, given: Sequence[Pair]
) -> Mapping[str, ParameterValue]:
    """The parameters by name, each of the type that the spec declares.

    Raises:
        click.BadParameter: a value cannot be read as its type, or is given twice.
    """
    types = {each.name: each.type for each in (processor.parameters if processor else ())}
    values: dict[str, ParameterValue] = {}
    for name, text in _once(given, "parameter", "-p").items():
        try:
            values[name] = parameter_value(types.get(name), text)
        except ValueError as error:
            words = _IN_WORDS.get(types[name])
            takes = f"{types[name]}: {error}" if words is None else f"{words}, not {text!r}"
            raise click.BadParameter(
                f"parameter {name!r} takes {takes}.", param_hint="-p"
            ) from error
    return values


def _once(given: Sequence[Pair], kind: str, option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in given:
        if name in found:
            raise click.BadParameter(f"{kind} {name!r} is given twice.", param_hint=option)
        found[name] = value
    return found


def _pairs(ctx: click.Context, parameter: click.Parameter, given: Sequence[str]) -> Sequence[Pair]:
    pairs: list[Pair] = []
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{text!r} is not of the form {parameter.metavar}.")
        pairs.append((name, value))
    return pairs


def _pairs_or_names(
    ctx: click.Context, parameter: click.Parameter, given: Sequence[str]
) -> Sequence[Pair]:
    return _pairs(ctx, parameter, [text if "=" in text else f"{text}={text}" for text in given])
