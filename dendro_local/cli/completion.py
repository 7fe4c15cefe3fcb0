"""``completion``: for shells."""

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

PROGRAM = "dendro-local"
VARIABLE = "_DENDRO_LOCAL_COMPLETE"
"""Asks the program for completions; click derives the name from the program's."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands in a shell.

    For bash, add this line to ~/.bashrc, and likewise to ~/.zshrc for zsh:

        eval "$(dendro-local completion bash)"

    For fish, write the script to ~/.config/fish/completions/dendro-local.fish.
    """
    kind = get_completion_class(shell)
    if kind is None:  # a click that lacks this shell
        raise click.UsageError(f"This version of click has no completion for {shell}.")
    click.echo(kind(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
