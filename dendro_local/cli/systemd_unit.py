"""A unit by which systemd runs a hub, for a user's own systemd (``systemctl --user``).

See systemd.service(5), systemd.exec(5) and systemd.kill(5) for what each line means.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from dendro_local.config import store_folder

__all__ = ["print_unit", "unit_file"]

OF_THIS_CALL = ("opens_browser", "as_json", "only_prints_unit")
"""Parameters that say nothing about the hub, and are no part of a unit."""

STOP_SEC = 10
"""A hub ends within 5 seconds; after this it is ended."""

_HEAD = """\
# {name}: a hub of dendro-local. To install it:
#   mkdir -p ~/.config/systemd/user
#   dendro-local {arguments} --systemd > ~/.config/systemd/user/{name}
#   systemctl --user enable --now {name}
#   loginctl enable-linger    # so that it runs while you are not logged in
[Unit]
Description=dendro-local hub of {store}

[Service]
Type=exec
ExecStart={command}
Environment={environment}
Restart=on-failure
RestartSec=5
# Wrong usage, and settings that cannot be used: another try would not help.
RestartPreventExitStatus=2 3
KillSignal=SIGTERM
TimeoutStopSec={stop_sec}
"""

_FOR_JOBS = """\
# Jobs go on while the hub restarts, and it goes on with them.
KillMode=process
# A job that needs more memory than there is is ended alone.
OOMPolicy=continue
"""

_WITHOUT_JOBS = """\
KillMode=mixed
UMask=0077
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
"""

# Engines that need no root get their rights by programs that may take more than they are given.
_NO_MORE_RIGHTS = "NoNewPrivileges=yes\n"

_TAIL = """
[Install]
WantedBy=default.target
"""

UNIT_NAME = "dendro-local.service"


def print_unit(ctx: click.Context, *, runs_jobs: bool, uses_containers: bool) -> None:
    """Print the unit that runs a command with the options that were given to it.

    Args:
        ctx: of the command, ``up`` or ``serve``.
        runs_jobs: see `unit_file`.
        uses_containers: see `unit_file`.
    """
    here = Path(sys.executable).with_name("dendro-local")
    command = [str(here)] if here.exists() else [sys.executable, "-m", "dendro_local.cli"]
    text = unit_file(
        command,
        [ctx.command.name or "", *_given_arguments(ctx)],
        store=store_folder(),
        runs_jobs=runs_jobs,
        uses_containers=uses_containers,
    )
    click.echo(text, nl=False)


def unit_file(
    command: Sequence[str],
    arguments: Sequence[str],
    *,
    store: Path,
    runs_jobs: bool,
    uses_containers: bool,
) -> str:
    """The text of the unit.

    Args:
        command: what runs ``dendro-local``, with whole paths.
        arguments: that follow, beginning with ``up`` or ``serve``.
        store: the folder of the store.
        runs_jobs: whether jobs are processes that it starts.
        uses_containers: whether these are in containers.
    """
    parts = [
        _HEAD.format(
            name=UNIT_NAME,
            arguments=shlex.join(arguments),
            store=str(store).replace("%", "%%"),
            command=" ".join(_quoted(each) for each in (*command, *arguments)),
            environment=_quoted(f"DENDRO_LOCAL_DIR={store}", is_command=False),
            stop_sec=STOP_SEC,
        ),
        _FOR_JOBS if runs_jobs else _WITHOUT_JOBS,
        "" if uses_containers else _NO_MORE_RIGHTS,
        _TAIL,
    ]
    return "".join(parts)


def _given_arguments(ctx: click.Context) -> list[str]:
    """The options of the command line, as they would be given again from any folder."""
    found: list[str] = []
    for parameter in ctx.command.params:
        name = parameter.name or ""
        is_given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not is_given or name in OF_THIS_CALL:
            continue
        value = ctx.params[name]
        if value is True:
            found.append(parameter.opts[0])
            continue
        for each in value if parameter.multiple else (value,):
            found += [parameter.opts[0], str(each.absolute() if isinstance(each, Path) else each)]
    return found


def _quoted(text: str, *, is_command: bool = True) -> str:
    """A word as a unit has it: ``%`` names something there, and in commands ``$`` a variable."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if is_command:
        escaped = escaped.replace("$", "$$")
    return f'"{escaped}"'
