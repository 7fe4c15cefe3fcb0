"""``users``: who may ask the hub, and their API keys."""

import contextlib
import os
import shlex
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import click
import msgspec

from dendro_local.cli.options import json_option, yes_option
from dendro_local.cli.output import Refused, print_json, print_table, say, show_count, show_time
from dendro_local.cli.store_hub import store_hub
from dendro_local.local_hub import LocalHub
from dendro_local.store import ApiKey, User

__all__ = ["users"]

_USER = "{user_id, info{name, email}, created_at}"
_KEY = "{key_id, user_id, label, created_at, last_used_at, revoked_at}"


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """What ``users key --json`` prints."""

    apiKey: str


def _given_user(ctx: click.Context, parameter: click.Parameter, given: str | None) -> str:
    return store_hub().user_id if given is None else given


_user_option = click.option(
    "--user",
    "user_id",
    metavar="USER_ID",
    callback=_given_user,
    show_default="the user whose store it is",
    help="Whose.",
)


@click.group()
def users() -> None:
    """Manage users and their API keys.

    The user whose store it is needs no step to be there.
    """


@users.command(
    "list",
    epilog=f"--json prints an array of {_USER}; created_at is null for the user whose store it "
    "is, while they have no key.",
)
@json_option
def list_users(as_json: bool) -> None:
    """List users."""
    hub = store_hub()
    found = hub.users()
    if as_json:
        print_json(found)
        return
    print_table(
        ("USER", "NAME", "KEYS IN USE", "SINCE"),
        [_row(user, hub.api_keys(user.user_id)) for user in found],
        may_cut=("USER", "NAME"),
    )


@users.command(epilog=f"--json prints {_USER}")
@click.argument("user_id")
@click.option("--name", metavar="TEXT", help="What they are called.")
@click.option("--email", metavar="ADDRESS", help="Where they are reached.")
@json_option
def add(user_id: str, name: str | None, email: str | None, as_json: bool) -> None:
    """Add a user.

    USER_ID is such as 'local|ada', or 'github|ada' for one who logs in by GitHub. `users key`
    makes a key for them.
    """
    info = {"name": name, "email": email}
    user = store_hub().add_user(user_id, {key: value for key, value in info.items() if value})
    if as_json:
        print_json(user)
    else:
        click.echo(f"Added user {user_id}.")


@users.command(epilog="--json prints {apiKey}.")
@_user_option
@click.option("--label", metavar="TEXT", default="", help="What the key is for.")
@click.option(
    "--to",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to this new file, which only you may read, instead of printing it.",
)
@json_option
def key(user_id: str, label: str, target: Path | None, as_json: bool) -> None:
    """Make an API key, and print it.

    It is shown this once: only its digest is kept. Keys that were made before stay in use.
    """
    if as_json and target is not None:
        raise click.UsageError("Give --to or --json, not both.")
    hub = store_hub()
    if target is None:
        made, text = hub.add_api_key(user_id, label)
    else:
        with _new_secret_file(target) as stream:
            made, text = hub.add_api_key(user_id, label)
            stream.write(f"{text}\n")
    if as_json:
        print_json(NewKey(apiKey=text))
        return
    click.echo(text if target is None else f"Wrote a key of {user_id} to {target}.")
    once = "; it is not shown again" if target is None else ""
    revoke_it = f"users revoke {made.key_id}{_option_of(user_id, hub)}"
    say(
        f"This is key {made.key_id} of {user_id}{once}. `dendro-local {revoke_it}` takes it out "
        "of use."
    )


@users.command(epilog=f"--json prints an array of {_KEY}")
@_user_option
@json_option
def keys(user_id: str, as_json: bool) -> None:
    """List what is known of a user's keys: not the keys themselves."""
    hub = store_hub()
    found = hub.api_keys(user_id)
    if as_json:
        print_json(found)
    elif found:
        print_table(
            ("KEY", "LABEL", "MADE", "LAST USED", "STATE"),
            [_key_row(each) for each in found],
            may_cut=("LABEL",),
        )
    else:
        make_one = f"users key{_option_of(user_id, hub)}"
        say(f"User {user_id} has no keys. `dendro-local {make_one}` makes one.")


@users.command()
@click.argument("key_ids", metavar="KEY_ID...", nargs=-1, required=True)
@_user_option
def revoke(key_ids: Sequence[str], user_id: str) -> None:
    """Take API keys out of use."""
    hub = store_hub()
    for key_id in key_ids:
        hub.revoke_api_key(user_id, key_id)
        click.echo(f"Revoked key {key_id} of {user_id}.")


@users.command()
@click.argument("user_id")
@yes_option
def remove(user_id: str, yes: bool) -> None:
    """Remove a user with their keys and compute clients. Their jobs stay."""
    hub = store_hub()
    found = [each for each in hub.api_keys(user_id) if each.revoked_at is None]
    if not yes:
        raise Refused(
            f"Nothing was removed: user {user_id} has {show_count(len(found), 'key')} in use. Add "
            "--yes to remove them."
        )
    hub.remove_user(user_id)
    click.echo(f"Removed user {user_id}.")


@contextlib.contextmanager
def _new_secret_file(file: Path) -> Generator[TextIO]:
    """A new file that only its user may read, to be written; gone again if that fails.

    Raises:
        Refused: there is one of this name, or no folder for it.
        click.FileError: it cannot be made or written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refused(
            f"There is a file {file} already, and no key was made. Give --to another name, or "
            "remove that file first if it is not needed."
        ) from None
    except FileNotFoundError:
        raise Refused(
            f"There is no folder {file.parent}, and no key was made. Make the folder first, or "
            "give --to a file in another."
        ) from None
    except OSError as error:
        raise click.FileError(str(file), error.strerror) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            yield stream
    except BaseException as error:
        file.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise click.FileError(str(file), error.strerror) from error
        raise


def _option_of(user_id: str, hub: LocalHub) -> str:
    """What names a user to a command, after a space; nothing for whom it takes by itself."""
    return "" if user_id == hub.user_id else f" --user {shlex.quote(user_id)}"


def _row(user: User, keys: Sequence[ApiKey]) -> Sequence[str]:
    info: Mapping[str, str] = user.info
    return (
        user.user_id,
        info.get("name", ""),
        str(sum(each.revoked_at is None for each in keys)),
        "" if user.created_at is None else show_time(user.created_at),
    )


def _key_row(key: ApiKey) -> Sequence[str]:
    return (
        key.key_id,
        key.label,
        show_time(key.created_at),
        "never" if key.last_used_at is None else show_time(key.last_used_at),
        "in use" if key.revoked_at is None else f"revoked {show_time(key.revoked_at)}",
    )
