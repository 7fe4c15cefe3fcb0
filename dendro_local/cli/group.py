"""The commands by name, each imported when it is needed, and how their errors end a call."""

import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from dendro_local.errors import DendroError

__all__ = ["COMMANDS", "INTERRUPTED", "LazyCommand", "LazyGroup", "READER_GONE"]

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it."""

READER_GONE = 141
"""Exit code when whoever read the output is gone, such as ``head``: 128 and SIGPIPE."""


class LazyCommand(NamedTuple):
    """Where a command is, and its help in one line: what ``--help`` shows without importing it."""

    module: str
    attribute: str
    help: str


COMMANDS: Mapping[str, Mapping[str, LazyCommand]] = {
    "Jobs": {
        "submit": LazyCommand("submit", "submit", "Submit a job, or find the one that did it."),
        "work": LazyCommand("work", "work", "Run pending jobs until stopped."),
        "jobs": LazyCommand("jobs", "jobs", "List jobs, latest update first."),
        "job": LazyCommand("job", "job", "Show everything about a job."),
        "logs": LazyCommand("logs", "logs", "Print what a job has printed."),
        "output": LazyCommand("outputs", "output", "Print an output of a job, or copy it."),
        "why": LazyCommand("job", "why", "Say why a job is in the state that it is in."),
        "cancel": LazyCommand("ending", "cancel", "Cancel jobs that are not finished."),
        "rerun": LazyCommand("submit", "rerun", "Run a job again, whatever the cache has."),
        "delete": LazyCommand("ending", "delete", "Delete jobs and the files that only they keep."),
    },
    "Apps": {
        "apps": LazyCommand("apps", "apps", "Manage, show and test apps."),
        "services": LazyCommand("services", "services", "List services, and say who may use them."),
        "envs": LazyCommand("envs", "envs", "List and remove the apps' Python environments."),
    },
    "Hub": {
        "up": LazyCommand("serve", "up", "Serve this machine's store as a hub, and run its jobs."),
        "serve": LazyCommand("serve", "serve", "Serve the store as a hub for other machines."),
        "login-url": LazyCommand(
            "login_url", "login_url", "Print a link that logs a browser in at the hub."
        ),
        "users": LazyCommand("users", "users", "Manage users and their API keys."),
        "clients": LazyCommand("clients", "clients", "Manage compute clients of other machines."),
    },
    "Sharing": {
        "remote": LazyCommand("remotes", "remote", "Manage places to exchange jobs with."),
        "pull": LazyCommand("exchange", "pull", "Take in the jobs of a remote."),
        "push": LazyCommand("exchange", "push", "Have a remote take the jobs of the store."),
        "sync": LazyCommand("exchange", "sync", "Push and pull, so that both ends are the same."),
        "export": LazyCommand("archives", "export", "Write jobs with their outputs to one file."),
        "import": LazyCommand("archives", "import_", "Take in the jobs of such a file."),
        "verify": LazyCommand("verify", "verify", "Check a job and what it came of once more."),
        "key": LazyCommand("keys", "key", "Show the store's key, and say whom to trust."),
    },
    "Store": {
        "info": LazyCommand("info", "info", "Show the store, its settings and who runs jobs."),
        "prune": LazyCommand("prune", "prune", "Remove finished jobs, or their outputs, by rules."),
        "pin": LazyCommand("pins", "pin", "Keep jobs, and what they depend on, from being pruned."),
        "unpin": LazyCommand("pins", "unpin", "Let pinned jobs be pruned again."),
        "pins": LazyCommand("pins", "pins", "List pinned jobs."),
        "doctor": LazyCommand("doctor", "doctor", "Check the store, and repair it with --repair."),
        "backup": LazyCommand(
            "backup", "backup", "Copy the store to a folder, while it is in use."
        ),
        "completion": LazyCommand(
            "completion", "completion", "Print a script that completes commands in a shell."
        ),
    },
}


class LazyGroup(click.Group):
    """The group of `COMMANDS`; turns every error into a message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of the help."""
        return [name for name, _ in _entries()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        entry = dict(_entries()).get(cmd_name)
        if entry is None:
            return None
        module = import_module(f"dendro_local.cli.{entry.module}")
        command: click.Command = getattr(module, entry.attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; a name that is none is told with one like it."""
        name = args[0]
        names = self.list_commands(ctx)
        if not name.startswith("-") and name not in names:
            from difflib import get_close_matches

            close = get_close_matches(name, names, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else " `dendro-local --help` lists all."
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, without importing any."""
        width = max(len(name) for name, _ in _entries())
        for section, commands in COMMANDS.items():
            with formatter.section(section):
                rows = [(name.ljust(width), entry.help) for name, entry in commands.items()]
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # so that a reader who is gone is noticed here
        except DendroError as error:
            if ctx.params.get("debug"):
                traceback.print_exception(error)
            click.echo(f"Error: {error}", err=True)
            raise click.exceptions.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whatever is still buffered goes nowhere, or Python complains when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(READER_GONE) from None
        return result


def _entries() -> Iterator[tuple[str, LazyCommand]]:
    for commands in COMMANDS.values():
        yield from commands.items()
