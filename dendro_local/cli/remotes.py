"""``remote``: places to exchange jobs with."""

from pathlib import Path
from typing import get_args

import click

from dendro_local.cli.options import json_option, yes_option
from dendro_local.cli.output import (
    Refused,
    print_fields,
    print_json,
    print_table,
    say,
    show_count,
    show_duration,
    show_time,
)
from dendro_local.cli.store_hub import store_hub
from dendro_sync.options import Outputs
from dendro_sync.saved_remotes import (
    RemoteInfo,
    RemoteTest,
    add_remote,
    list_remotes,
    remove_remote,
    show_remote,
    test_remote,
)
from dendro_sync.tidying import compact_remote

__all__ = ["remote"]

_REMOTE = (
    "{name, url, kind, keyFile, readOnly, cache, allowUnsigned, require, outputs, addedSec, "
    "lastPullSec, lastPushSec, refused, awaitedFiles}"
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
        click.echo(f"Added remote {name}: a {added.kind} at {added.url}.")


@remote.command("list", epilog=f"--json prints an array of {_REMOTE}.")
@json_option
def list_(as_json: bool) -> None:
    """List remotes."""
    found = list_remotes(store_hub())
    if as_json:
        print_json(found)
    elif found:
        print_table(
            ("NAME", "KIND", "URL", "PULLED", "PUSHED"),
            [
                (each.name, each.kind, each.url, _when(each.lastPullSec), _when(each.lastPushSec))
                for each in found
            ],
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
        print_fields(_facts(found), indent=2)


@remote.command()
@click.argument("name")
@yes_option
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
    "isTrusted}; null is what it does not tell."
)
@click.argument("name")
@json_option
def test(name: str, as_json: bool) -> None:
    """Ask a remote what it is, and what one may do there."""
    found = test_remote(store_hub(), name)
    if as_json:
        print_json(found)
    else:
        click.echo(f"Remote {name} answers, after {show_duration(found.seconds)}.")
        print_fields(_tested(found), indent=2)


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


def _when(moment_sec: float | None) -> str:
    return "never" if moment_sec is None else show_time(moment_sec)


def _facts(found: RemoteInfo) -> list[tuple[str, str]]:
    uses = [
        text
        for text, is_so in (
            ("read only", found.readOnly),
            ("cache", found.cache),
            ("unsigned jobs are taken", found.allowUnsigned),
            (f"{found.require} producers must agree", found.require > 1),
        )
        if is_so
    ]
    facts = (
        ("Kind", found.kind),
        ("URL", found.url),
        ("Key file", found.keyFile or ""),
        ("Use", ", ".join(uses)),
        ("Outputs", found.outputs),
        ("Added", show_time(found.addedSec)),
        ("Pulled", _when(found.lastPullSec)),
        ("Pushed", _when(found.lastPushSec)),
        ("Refused", show_count(found.refused, "job") if found.refused else ""),
        ("To come", show_count(found.awaitedFiles, "file") if found.awaitedFiles else ""),
    )
    return [(name, value) for name, value in facts if value]


def _tested(found: RemoteTest) -> list[tuple[str, str]]:
    key = found.publicKey or ""
    if key:
        key += " (trusted)" if found.isTrusted else " (not trusted: `dendro-local key trust`)"
    facts = (
        ("Kind", found.kind),
        ("URL", found.url),
        ("Version", found.version or ""),
        ("Jobs", "" if found.jobs is None else str(found.jobs)),
        ("You are", found.userId or ("a guest" if found.kind == "hub" else "")),
        ("May push", "yes" if found.canWrite else "no"),
        ("Signs with", key),
    )
    return [(name, value) for name, value in facts if value]
