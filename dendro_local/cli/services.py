"""``services``: what there is, and who may use it."""

from collections.abc import Sequence

import click

from dendro_local.cli.options import json_option, yes_option
from dendro_local.cli.output import Refused, print_json, print_table, say, show_count
from dendro_local.cli.store_hub import store_hub
from dendro_local.client.default_hub import default_hub
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.permissions import ANYBODY
from dendro_local.model import ServiceUser

__all__ = ["services"]

RIGHTS = ("admin", "createJobs", "processJobs")

_FIELDS = (
    "{serviceName, userId, users[{userId, admin, createJobs, processJobs}]}; userId is the owner."
)


@click.group(
    invoke_without_command=True,
    epilog=f"Without a command, lists them. --json prints an array of {_FIELDS}",
)
@json_option
@click.pass_context
def services(ctx: click.Context, as_json: bool) -> None:
    """List services, and say who may use them.

    A service is a named set of apps, compute clients and users.
    """
    if ctx.invoked_subcommand is None:
        _list(as_json=as_json)
    elif as_json:
        raise click.UsageError("--json goes after the command.")


@services.command("list", epilog=f"--json prints an array of {_FIELDS}")
@json_option
def list_services(as_json: bool) -> None:
    """List services, with their apps."""
    _list(as_json=as_json)


@services.command(epilog=f"--json prints {_FIELDS}")
@click.argument("name")
@click.option(
    "--owner",
    metavar="USER_ID",
    show_default="the user whose store it is",
    help="Who may do everything with it.",
)
@json_option
def add(name: str, owner: str | None, as_json: bool) -> None:
    """Add a service.

    `dendro-local apps add --service NAME` makes one as well.
    """
    hub = store_hub()
    service = hub.add_service(name, owner or hub.user_id)
    if as_json:
        print_json(service)
    else:
        click.echo(f"Added service {name} of {service.userId}.")
    _tell_who_is_not_there(hub, [service.userId])


@services.command()
@click.argument("name")
@yes_option
def remove(name: str, yes: bool) -> None:
    """Remove a service with its apps. Its jobs stay."""
    hub = store_hub()
    hub.service(name)
    if not yes:
        apps = show_count(len(hub.apps(service=name)), "app")
        raise Refused(f"Nothing was removed: service {name} has {apps}. Add --yes to remove it.")
    hub.remove_service(name)
    click.echo(f"Removed service {name}.")


@services.command(epilog="--json prints an array of {userId, admin, createJobs, processJobs}.")
@click.argument("name")
@click.option(
    "--set",
    "rights",
    metavar="USER_ID RIGHTS",
    nargs=2,
    multiple=True,
    help=f"Give a user these rights alone: {', '.join(RIGHTS)}, separated by commas.",
)
@click.option("--drop", metavar="USER_ID", multiple=True, help="Give a user no rights.")
@json_option
def users(name: str, rights: Sequence[tuple[str, str]], drop: Sequence[str], as_json: bool) -> None:
    """Show or change who may do what on a service.

    Who may create jobs may also delete those of others; who processes jobs sees their secrets;
    an admin may say who may do what. The user '*' is everybody who has a key; they can only be
    let create jobs.
    """
    hub = store_hub()
    if rights or drop:
        service = hub.change_service_users(
            name, [_service_user(user_id, text) for user_id, text in rights], drop
        )
    else:
        service = hub.service(name)
    if as_json:
        print_json(service.users)
    elif service.users:
        print_table(
            ("USER", "RIGHTS"),
            [(user.userId, ", ".join(_rights_of(user)) or "none") for user in service.users],
            may_cut=("USER",),
        )
    else:
        say(f"Only its owner, {service.userId}, may use service {name}.")
    _tell_who_is_not_there(hub, [user_id for user_id, _ in rights])


def _tell_who_is_not_there(hub: LocalHub, user_ids: Sequence[str]) -> None:
    """Name the users who are given something and are not there: they may come, or be misspelt."""
    known = {ANYBODY, *(user.user_id for user in hub.users())}
    for user_id in dict.fromkeys(user_ids):
        if user_id not in known:
            say(f"There is no user {user_id} yet: `dendro-local users add {user_id}` adds them.")


def _list(*, as_json: bool) -> None:
    hub = default_hub()
    found = hub.services()
    if as_json:
        print_json(found)
        return
    apps: dict[str, list[str]] = {}
    for app in hub.apps():
        apps.setdefault(app.record.serviceName, []).append(app.record.appName)
    print_table(
        ("SERVICE", "OWNER", "APPS"),
        [
            (each.serviceName, each.userId, ", ".join(apps.get(each.serviceName, ())))
            for each in found
        ],
        may_cut=("OWNER", "APPS"),
    )


def _service_user(user_id: str, text: str) -> ServiceUser:
    rights = {each.strip() for each in text.split(",") if each.strip()}
    unknown = sorted(rights - set(RIGHTS))
    if unknown or not rights:
        raise click.BadParameter(
            f"{(unknown[0] if unknown else text)!r} is no right; rights are {', '.join(RIGHTS)}, "
            "separated by commas.",
            param_hint="--set",
        )
    return ServiceUser(
        userId=user_id,
        admin="admin" in rights,
        createJobs="createJobs" in rights,
        processJobs="processJobs" in rights,
    )


def _rights_of(user: ServiceUser) -> Sequence[str]:
    return [right for right in RIGHTS if getattr(user, right)]
