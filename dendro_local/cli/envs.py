"""``envs``: the Python environments of the apps."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import click

from dendro_local.cli.options import json_option, yes_option
from dendro_local.cli.output import (
    Refused,
    print_fields,
    print_json,
    print_table,
    say,
    show_count,
    show_size,
    show_time,
)
from dendro_local.config import store_folder
from dendro_local.environments import EnvironmentInfo, Environments

__all__ = ["envs"]

SHORT_KEY = 12

_FIELDS = (
    "{key, state, created_at, last_used_at, size_bytes, dependencies, requires_python, torch, "
    "python_version, packages, built_for, built_by, error, folder, log}. The state is ready, "
    "building, failed or unfinished; last_used_at is when a job was last started in it."
)

_UNITS_SEC = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def _age(ctx: click.Context, parameter: click.Parameter, given: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([mhdw])", given.strip())
    if found is None:
        raise click.BadParameter(f"{given!r} is no length of time. Give one like 12h, 30d or 8w.")
    return timedelta(seconds=int(found[1]) * _UNITS_SEC[found[2]])


@click.group(
    invoke_without_command=True,
    epilog=f"Without a command, lists them. --json prints an array of {_FIELDS}",
)
@json_option
@click.pass_context
def envs(ctx: click.Context, as_json: bool) -> None:
    """List and remove the apps' Python environments."""
    if ctx.invoked_subcommand is None:
        _list(as_json=as_json)
    elif as_json:
        raise click.UsageError("--json goes after the command.")


@envs.command("list", epilog=f"--json prints an array of {_FIELDS}")
@json_option
def list_envs(as_json: bool) -> None:
    """List environments, the one that was used last first."""
    _list(as_json=as_json)


@envs.command(epilog=f"--json prints {_FIELDS}")
@click.argument("key")
@json_option
def show(key: str, as_json: bool) -> None:
    """Show an environment: what is in it, and where its log is.

    KEY may be given by its unique beginning.
    """
    found = _environments().find(key)
    if as_json:
        print_json(found)
    else:
        _show(found)


@envs.command()
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@yes_option
def remove(keys: Sequence[str], yes: bool) -> None:
    """Remove environments.

    One that a process uses is not removed. One that an app needs again is built again.
    """
    environments = _environments()
    found = {each.key: each for each in map(environments.find, keys)}
    _remove(environments, list(found.values()), yes=yes)


@envs.command()
@click.option(
    "--unused-for",
    metavar="AGE",
    callback=_age,
    default="30d",
    show_default=True,
    help="How long no job was started in it: a number, and m, h, d or w.",
)
@yes_option
def prune(unused_for: timedelta, yes: bool) -> None:
    """Remove environments that no job was started in for a while.

    What is left of builds that failed or were killed is removed too.
    """
    environments = _environments()
    found = environments.unused_for(unused_for)
    if found:
        _remove(environments, found, yes=yes)
    else:
        say("No environment has been unused for so long.")


def _environments() -> Environments:
    return Environments(store_folder() / "envs")


def _list(*, as_json: bool) -> None:
    found = _environments().all()
    if as_json:
        print_json(found)
    elif found:
        _print(found)
        say(f"{show_size(sum(each.size_bytes for each in found))} in all")
    else:
        say("No environments yet. An app that declares what it needs has one built.")


def _remove(environments: Environments, found: Sequence[EnvironmentInfo], *, yes: bool) -> None:
    _print(found)
    size = show_size(sum(each.size_bytes for each in found))
    shown = f"{show_count(len(found), 'environment')} of {size}"
    if not yes:
        raise Refused(f"Nothing was removed: {shown}. Add --yes to remove.")
    environments.remove([each.key for each in found])
    say(f"Removed {shown}.")


def _print(environments: Sequence[EnvironmentInfo]) -> None:
    print_table(
        ("KEY", "STATE", "SIZE", "PYTHON", "LAST USED", "DEPENDENCIES"),
        [
            (
                each.key[:SHORT_KEY],
                each.state,
                show_size(each.size_bytes),
                each.python_version or each.requires_python or "",
                _time(each.last_used_at, otherwise=""),
                ", ".join(each.dependencies),
            )
            for each in environments
        ],
        may_cut=("DEPENDENCIES",),
    )


def _show(environment: EnvironmentInfo) -> None:
    fields = [
        ("Environment", environment.key),
        ("State", environment.state),
        ("Dependencies", "\n".join(environment.dependencies) or "none"),
        ("Python", environment.python_version or environment.requires_python or "any"),
        ("Torch build", environment.torch or "not known"),
        ("Packages", "\n".join(environment.packages) or "none"),
        ("Size", show_size(environment.size_bytes)),
        ("Built for", environment.built_for or "not known"),
        ("Built by", environment.built_by or "not known"),
        ("Built", _time(environment.created_at, otherwise="not yet")),
        ("Last used", _time(environment.last_used_at, otherwise="never")),
        ("Folder", str(environment.folder)),
        ("Log", "not kept" if environment.log is None else str(environment.log)),
    ]
    if environment.error is not None:
        fields.append(("Error", environment.error))
    print_fields(fields)


def _time(moment: datetime | None, *, otherwise: str) -> str:
    return otherwise if moment is None else show_time(moment.timestamp())
