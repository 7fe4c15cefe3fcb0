"""The command reference in the docs, from the commands themselves."""

from collections.abc import Iterator, Sequence

import click

from dendro_local import errors
from dendro_local.cli import main
from dendro_local.cli.group import INTERRUPTED, READER_GONE
from dendro_local.config import SETTINGS

__all__ = ["command_reference", "commands", "exit_code_table", "setting_table"]

WIDTH = 88


def commands() -> Iterator[tuple[Sequence[str], str]]:
    """Every command, as the words that call it, with its help."""
    context = click.Context(
        main,
        info_name="dendro-local",
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **main.context_settings,
    )
    yield from _commands_of(main, context, ["dendro-local"])


def command_reference() -> str:
    """The help of every command in Markdown, each under a heading."""
    return "\n".join(
        f"### {' '.join(words)}\n\n```text\n{help_text.rstrip()}\n```\n"
        for words, help_text in commands()
    )


def exit_code_table() -> str:
    """The exit codes in Markdown."""
    rows = [
        ("0", "", "It worked."),
        ("2", "", "Wrong usage: see what the command says."),
        *(
            (str(error.exit_code), f"`{error.code}`", _first_line(error))
            for error in (getattr(errors, name) for name in errors.__all__)
        ),
        (str(INTERRUPTED), "", "Interrupted with Ctrl-C."),
        (str(READER_GONE), "", "Whoever read the output is gone, such as `head`."),
    ]
    return _table(("exit code", "error", "meaning"), sorted(rows, key=lambda row: int(row[0])))


def setting_table() -> str:
    """The settings in Markdown."""
    return _table(
        ("key in `config.toml`", "variable", "default", "meaning"),
        [
            (f"`{each.key}`", f"`{each.variable}`", each.default or "not set", each.help)
            for each in SETTINGS
        ],
    )


def _commands_of(
    command: click.Command, context: click.Context, words: Sequence[str]
) -> Iterator[tuple[Sequence[str], str]]:
    yield words, command.get_help(context)
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        if below is not None:
            yield from _commands_of(
                below, click.Context(below, info_name=name, parent=context), [*words, name]
            )


def _first_line(error: type[errors.DendroError]) -> str:
    return (error.__doc__ or "").splitlines()[0]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [header, ["---"] * len(header), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells
    )
