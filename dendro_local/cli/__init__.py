"""The command line, ``dendro-local``.

A command reads its options, calls one function, and prints the answer. Answers go to stdout, all
else to stderr. Exit codes are those of `dendro_local.errors`, and 2 for wrong usage.
"""

import os

import click

from dendro_local import __version__
from dendro_local.cli.group import LazyGroup
from dendro_local.config import SETTINGS

__all__ = ["main"]

_STORE = next(setting for setting in SETTINGS if setting.key == "store")


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Ids of jobs may be given by their unique beginning. `dendro-local COMMAND --help` "
    "explains a command.",
)
@click.option(
    "--store",
    metavar="PATH",
    envvar=_STORE.variable,
    show_envvar=True,
    show_default=_STORE.default,
    help=_STORE.help,
)
@click.option("--debug", is_flag=True, help="Show tracebacks of errors, and what is logged.")
@click.version_option(__version__, prog_name="dendro-local", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, store: str | None, debug: bool) -> None:
    """Run jobs on this machine, each of them once, and keep what they give."""
    if store is not None:
        _use_store(ctx, store)
    if debug:
        from dendro_local.cli.log_lines import show_log  # logging costs what --help need not pay

        show_log(ctx, "DEBUG")


def _use_store(ctx: click.Context, store: str) -> None:
    """Make a folder the default store of this call, and of the apps that it starts."""
    if not store:
        raise click.BadParameter("the path is empty.", param_hint="--store")
    before = os.environ.get(_STORE.variable)
    os.environ[_STORE.variable] = store

    def restore() -> None:
        if before is None:
            os.environ.pop(_STORE.variable, None)
        else:
            os.environ[_STORE.variable] = before

    ctx.call_on_close(restore)
