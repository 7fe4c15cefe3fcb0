"""``clients``: compute clients, those of other machines above all."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from dendro_local.cli.compute_client_file import FILE_NAME, new_compute_client_file
from dendro_local.cli.options import any_service_option, json_option, yes_option
from dendro_local.cli.output import (
    Refused,
    print_fields,
    print_json,
    print_table,
    say,
    show_count,
    show_time,
)
from dendro_local.cli.store_hub import store_hub
from dendro_local.compute.slots import read_slots
from dendro_local.config import setting, store_folder
from dendro_local.local_hub.compute_clients import ComputeClientChanges
from dendro_local.model import ComputeClient

__all__ = ["clients"]

_FIELDS = (
    "{serviceNames, computeClientId, computeClientPrivateKey, computeClientName, userId, "
    "processJobsForUsers, description, computeSlots, timestampLastActiveSec}, as the Dendro "
    "contract has it; its key is null, processJobsForUsers is null for everybody, and the time is "
    "not there if it was never active."
)


class NewComputeClient(msgspec.Struct, frozen=True, kw_only=True):
    """What ``clients register --json`` prints."""

    computeClientId: str
    computeClientName: str
    computeClientPrivateKey: str | None
    file: Path | None


@click.group()
def clients() -> None:
    """Manage compute clients of other machines.

    The compute client of this machine needs no step to be there.
    """


@clients.command(
    epilog="--json prints {computeClientId, computeClientName, computeClientPrivateKey, file}; "
    "the key is null if it was written to a file, and the file if it was not."
)
@click.argument("name")
@click.option(
    "--service",
    "services",
    metavar="NAME",
    multiple=True,
    show_default="that of the settings",
    help="Whose jobs it runs; several in the order in which it prefers them.",
)
@click.option(
    "--user",
    "user_id",
    metavar="USER_ID",
    show_default="the user whose store it is",
    help="Whose it is.",
)
@click.option(
    "--to",
    "folder",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help=f"Write the key to {FILE_NAME} in this folder instead of printing it.",
)
@json_option
def register(
    name: str, services: Sequence[str], user_id: str | None, folder: Path | None, as_json: bool
) -> None:
    """Register a compute client of another machine, and print its key.

    The key is shown, or written, this once: only its digest is kept.
    """
    hub = store_hub()
    owner = hub.user_id if user_id is None else hub.user(user_id).user_id
    names = services or [setting("service", store_folder())]
    if folder is None:
        client, key = hub.register_compute_client(owner, name, names)
        _show_new(client, key, None, as_json=as_json)
        return
    with new_compute_client_file(folder) as file:
        client, key = hub.register_compute_client(owner, name, names)
        file.write(client, key)
    _show_new(client, None, file.path, as_json=as_json)


@clients.command("list", epilog=f"--json prints an array of {_FIELDS}")
@any_service_option
@json_option
def list_clients(service: str | None, as_json: bool) -> None:
    """List compute clients, those of this machine among them."""
    found = store_hub().compute_clients(service)
    if as_json:
        print_json(found)
    elif found:
        print_table(
            ("ID", "NAME", "OWNER", "SERVICES", "LAST ACTIVE"),
            [
                (
                    each.computeClientId,
                    each.computeClientName,
                    each.userId,
                    ", ".join(each.serviceNames),
                    _last_active(each),
                )
                for each in found
            ],
            may_cut=("NAME", "OWNER", "SERVICES"),
        )
    else:
        say("No compute clients yet. `dendro-local work` starts one.")


@clients.command(epilog=f"--json prints {_FIELDS}")
@click.argument("client_id", metavar="ID")
@json_option
def show(client_id: str, as_json: bool) -> None:
    """Show a compute client."""
    _show(store_hub().compute_client(client_id), as_json=as_json)


@clients.command("set", epilog=f"--json prints {_FIELDS}")
@click.argument("client_id", metavar="ID")
@click.option("--name", metavar="TEXT", help="What it is called.")
@click.option("--description", metavar="TEXT", help="What is told of it.")
@click.option(
    "--service", "services", metavar="NAME", multiple=True, help="Whose jobs it runs, these alone."
)
@click.option(
    "--for-user", "users", metavar="USER_ID", multiple=True, help="Whose jobs it runs, these alone."
)
@click.option("--for-everybody", is_flag=True, help="Run the jobs of every user.")
@click.option(
    "--slots",
    "slots_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What one job may have, and how many run at once: a JSON list of compute slots.",
)
@json_option
def set_client(
    client_id: str,
    name: str | None,
    description: str | None,
    services: Sequence[str],
    users: Sequence[str],
    for_everybody: bool,
    slots_file: Path | None,
    as_json: bool,
) -> None:
    """Change what a compute client is called, offers, and for whom it works."""
    if users and for_everybody:
        raise click.UsageError("Give --for-user or --for-everybody, not both.")
    changes = ComputeClientChanges(
        name=msgspec.UNSET if name is None else name,
        description=msgspec.UNSET if description is None else description,
        services=list(services) or msgspec.UNSET,
        process_for=None if for_everybody else list(users) or msgspec.UNSET,
        slots=msgspec.UNSET if slots_file is None else read_slots(slots_file),
    )
    if changes == ComputeClientChanges():
        raise click.UsageError("Say what to change, for example --name TEXT.")
    _show(store_hub().change_compute_client(client_id, changes), as_json=as_json)


@clients.command()
@click.argument("client_id", metavar="ID")
@yes_option
def remove(client_id: str, yes: bool) -> None:
    """Remove a compute client with its key. Its jobs stay."""
    hub = store_hub()
    client = hub.compute_client(client_id)
    if not yes:
        raise Refused(
            f"Nothing was removed: compute client {client_id} ({client.computeClientName}) of "
            f"{client.userId}. Add --yes to remove it."
        )
    hub.remove_compute_client(client_id)
    click.echo(f"Removed compute client {client_id}.")


def _show_new(client: ComputeClient, key: str | None, file: Path | None, *, as_json: bool) -> None:
    if as_json:
        print_json(
            NewComputeClient(
                computeClientId=client.computeClientId,
                computeClientName=client.computeClientName,
                computeClientPrivateKey=key,
                file=file,
            )
        )
        return
    fields = [("Compute client", client.computeClientId)]
    fields += [] if key is None else [("Key", key)]
    fields += [] if file is None else [("File", str(file))]
    print_fields(fields)
    if key is not None:
        say("The key is not shown again.")


def _show(client: ComputeClient, *, as_json: bool) -> None:
    if as_json:
        print_json(client)
        return
    users = client.processJobsForUsers
    print_fields(
        [
            ("Compute client", client.computeClientId),
            ("Name", client.computeClientName),
            ("Owner", client.userId),
            ("Description", client.description or "none"),
            ("Services", ", ".join(client.serviceNames) or "none"),
            ("Works for", "everybody" if users is None else ", ".join(users) or "nobody"),
            ("Slots", "\n".join(_slots(client)) or "none"),
            ("Last active", _last_active(client)),
        ]
    )


def _slots(client: ComputeClient) -> Sequence[str]:
    return [
        f"{show_count(slot.multiplicity, 'slot')} of {show_count(slot.numCpus, 'CPU')}, "
        f"{show_count(slot.numGpus, 'GPU')}, {slot.memoryGb:g} GB, {slot.timeSec:g} s"
        for slot in client.computeSlots
    ]


def _last_active(client: ComputeClient) -> str:
    last = client.timestampLastActiveSec
    return "never" if isinstance(last, msgspec.UnsetType) else show_time(last)
