"""``remote``: places to exchange jobs with."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Any, get_args

import click

from dendro_local.cli.options import json_option
from dendro_local.cli.output import (
    Refused,
    print_fields,
    print_json,
    print_table,
    say,
    show_count,
    show_duration,
)
from dendro_local.cli.remote_facts import known_facts, remote_row, tested_facts
from dendro_local.cli.store_hub import store_hub
from dendro_sync.options import Outputs
from dendro_sync.saved_remotes import (
    add_remote,
    list_remotes,
    remove_remote,
    show_remote,
    test_remote,
)
from dendro_sync.setting_remotes import set_remote
from dendro_sync.tidying import compact_remote

__all__ = ["remote"]

_REMOTE = (
    "{name, url, kind, keyFile, hasKey, readOnly, cache, allowUnsigned, require, outputs, "
    "addedSec, lastPullSec, lastPushSec, refused, awaitingTrust[{key_id, public_key, jobs}], "
    "awaitedFiles, isNew, pausedUntilSec, pausedFor}"
)


@click.group()
def remote() -> None:
    """Manage places to exchange jobs with.

    A remote is a hub of dendro-local, an original Dendro hub, a folder, or a bucket.
    """


@remote.command(epilog=f"--json prints {_REMOTE}.")
@click.argument("name")
@click.argument("url")
@click.option(
    "--key-file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the key by which one is known there: for a hub, an API key.",
)
@click.option("--read-only", is_flag=True, help="Push nothing there.")
@click.option(
    "--cache",
    "is_cache",
    is_flag=True,
    help="Ask it for jobs that are not here when they are submitted.",
)
@click.option(
    "--allow-unsigned", is_flag=True, help="Take what nobody signed whose key is trusted."
)
@click.option(
    "--require",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="Only take jobs on whose outputs so many trusted producers agree.",
)
@click.option(
    "--outputs",
    type=click.Choice(get_args(Outputs)),
    default="eager",
    show_default=True,
    help="What a pull does about files, unless it is told: leave them, fetch each when it is "
    "first read, or all at once.",
)
@click.option("--trust", metavar="PUBLICKEY", help="Trust this key, under the remote's name.")
@json_option
def add(
    name: str,
    url: str,
    key_file: Path | None,
    read_only: bool,
    is_cache: bool,
    allow_unsigned: bool,
    require: int,
    outputs: Outputs,
    trust: str | None,
    as_json: bool,
) -> None:
    """Add a place to exchange jobs with.

    URL is that of a hub (http, https), a folder or file://, s3://, gs:// or az://; a bucket may
    also be read at http or https. What is there is asked.
    """
    hub = store_hub()
    _warn_of_open_key(key_file)
    added = add_remote(
        hub,
        name,
        url,
        key_file=key_file,
        read_only=read_only,
        is_cache=is_cache,
        allow_unsigned=allow_unsigned,
        require=require,
        outputs=outputs,
        trust=trust,
    )
    if as_json:
        print_json(added)
    else:
        what = "a new bucket, which the first push makes," if added.isNew else f"a {added.kind}"
        click.echo(f"Added remote {name}: {what} at {added.url}.")


@remote.command("set", epilog=f"--json prints {_REMOTE}.")
@click.argument("name")
@click.option("--url", help="Where it is by now. It must be a remote of the same kind.")
@click.option(
    "--key-file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the key by which one is known there, in place of any other.",
)
@click.option("--no-key", "forget_key", is_flag=True, default=None, help="Go there as a guest.")
@click.option("--read-only/--no-read-only", default=None, help="Push nothing there, or do.")
@click.option(
    "--cache/--no-cache",
    "is_cache",
    default=None,
    help="Ask it for jobs that are not here when they are submitted, or do not.",
)
@click.option(
    "--allow-unsigned/--no-allow-unsigned",
    default=None,
    help="Take what nobody signed whose key is trusted, or do not.",
)
@click.option(
    "--require",
    metavar="N",
    type=click.IntRange(min=1),
    help="Only take jobs on whose outputs so many trusted producers agree.",
)
@click.option(
    "--outputs",
    type=click.Choice(get_args(Outputs)),
    help="What a pull does about files, unless it is told; see `remote add`.",
)
@click.option("--trust", metavar="PUBLICKEY", help="Trust this key, under the remote's name.")
@json_option
def set_(name: str, as_json: bool, **changed: Any) -> None:
    """Change how a remote is used.

    What is not given stays as it is. What came from the remote stays, and the next exchange goes
    on where the last one was.
    """
    given = {field: value for field, value in changed.items() if value is not None}
    if not given:
        raise click.UsageError(
            "Say what to change: --url, --key-file, --no-key, --read-only, --cache, "
            "--allow-unsigned, --require, --outputs or --trust."
        )
    _warn_of_open_key(given.get("key_file"))
    found = set_remote(store_hub(), name, **given)
    if as_json:
        print_json(found)
    else:
        click.echo(f"Changed remote {name}.")
        print_fields(known_facts(found), indent=2)


@remote.command("list", epilog=f"--json prints an array of {_REMOTE}.")
@json_option
def list_(as_json: bool) -> None:
    """List remotes."""
    found = list_remotes(store_hub())
    if as_json:
        print_json(found)
    elif found:
        print_table(
            ("NAME", "KIND", "USE", "URL", "PULLED", "PUSHED"),
            [remote_row(each) for each in found],
            may_cut=("URL",),
        )
    else:
        say("No remotes yet. `dendro-local remote add NAME URL` adds one.")


@remote.command(epilog=f"--json prints {_REMOTE}.")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show what is known of a remote, without asking it."""
    found = show_remote(store_hub(), name)
    if as_json:
        print_json(found)
    else:
        click.echo(f"Remote {name}")
        print_fields(known_facts(found), indent=2)


@remote.command()
@click.argument("name")
@click.option(
    "--yes",
    is_flag=True,
    help="Remove it even if there are files of jobs here that can only be fetched from there.",
)
def remove(name: str, yes: bool) -> None:
    """Remove a remote. Jobs that came from it stay."""
    hub = store_hub()
    awaited = show_remote(hub, name).awaitedFiles
    if awaited and not yes:
        raise Refused(
            f"Nothing was removed: {show_count(awaited, 'file')} of jobs here can only be fetched "
            f"from there. `dendro-local pull {name} --outputs eager --full` fetches them; --yes "
            "removes the remote all the same."
        )
    remove_remote(hub, name)
    click.echo(f"Removed remote {name}.")


@remote.command(
    epilog="--json prints {name, kind, url, seconds, version, jobs, userId, canWrite, publicKey, "
    "isTrusted, isNew}; null is what it does not tell."
)
@click.argument("name")
@json_option
def test(name: str, as_json: bool) -> None:
    """Ask a remote what it is, and what one may do there.

    A cache that was left alone, since it did not answer, is asked again once it does.
    """
    found = test_remote(store_hub(), name)
    if as_json:
        print_json(found)
    else:
        if found.isNew:
            click.echo(f"There is nothing at remote {name} yet: the first push makes a bucket.")
        else:
            click.echo(f"Remote {name} answers, after {show_duration(found.seconds)}.")
        print_fields(tested_facts(found), indent=2)


@remote.command("compact", epilog="--json prints {segments, merged, dropped, removed}.")
@click.argument("name", required=False)
@json_option
def compact_(name: str | None, as_json: bool) -> None:
    """Merge the feed of a bucket, so that a first pull takes few requests.

    Others may read and write it meanwhile. Small segments become large ones, of each job that
    changed often the entries between go, and what was merged before and not read for a day is
    removed.
    """
    found = compact_remote(store_hub(), name)
    if as_json:
        print_json(found)
    elif found.segments or found.removed:
        click.echo(
            f"Merged {show_count(found.segments, 'segment')} into {found.merged}; "
            f"{show_count(found.dropped, 'older line')} went, and "
            f"{show_count(found.removed, 'object')} that nothing needs."
        )
    else:
        say("There is nothing to merge.")


def _warn_of_open_key(file: Path | None) -> None:
    """Tell if others can read a key: whoever has it is taken for its user."""
    if file is None or os.name == "nt":
        return
    with contextlib.suppress(OSError):  # what is wrong with it is told when it is read
        if file.expanduser().stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            say(f"Others on this machine may read {file}: `chmod 600 {file}` keeps the key yours.")
