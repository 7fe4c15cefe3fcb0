"""``key``: the store's key, and whom it trusts."""

import click

from dendro_local.cli.options import json_option
from dendro_local.cli.output import print_json, print_table, say, show_time
from dendro_local.cli.store_hub import store_hub
from dendro_sync.trust.keys import own_key, trust_key, trusted_keys, untrust_key

__all__ = ["key"]

_KEY = "{name, keyId, publicKey, addedSec}"


@click.group()
def key() -> None:
    """Show the store's key, and say whom to trust.

    A store signs what it ran. What comes from elsewhere is taken if a key that is trusted here
    signed it.
    """


@key.command(epilog="--json prints {keyId, publicKey}.")
@json_option
def show(as_json: bool) -> None:
    """Print the public key of this store, for others to trust."""
    own = own_key(store_hub())
    if as_json:
        print_json(own)
        return
    click.echo(own.publicKey)
    say(f"Its id is {own.keyId}. Who trusts it: `dendro-local key trust NAME {own.publicKey}`.")


@key.command(epilog=f"--json prints {_KEY}.")
@click.argument("name")
@click.argument("publickey")
@json_option
def trust(name: str, publickey: str, as_json: bool) -> None:
    """Trust what the holder of a key signs.

    NAME is what the key is called here. PUBLICKEY is what `key show` prints where it is from; be
    sure that it is.
    """
    hub = store_hub()
    names = {each.keyId: each.name for each in trusted_keys(hub)}
    trusted = trust_key(hub, name, publickey)
    before = names.get(trusted.keyId, name)
    if as_json:
        print_json(trusted)
    elif before != name:
        click.echo(f"{before} is called {name} from now on, key {trusted.keyId}.")
    else:
        click.echo(f"Trusting {trusted.name}, key {trusted.keyId}.")


@key.command()
@click.argument("name")
def untrust(name: str) -> None:
    """Trust a key no more, by its name or id.

    What it signed and is here already stays.
    """
    gone = untrust_key(store_hub(), name)
    click.echo(f"Trusting {gone.name}, key {gone.keyId}, no more.")


@key.command("list", epilog=f"--json prints an array of {_KEY}.")
@json_option
def list_(as_json: bool) -> None:
    """List the keys that are trusted beside the store's own."""
    found = trusted_keys(store_hub())
    if as_json:
        print_json(found)
    elif found:
        print_table(
            ("NAME", "KEY", "PUBLIC KEY", "SINCE"),
            [(each.name, each.keyId, each.publicKey, show_time(each.addedSec)) for each in found],
            may_cut=("NAME", "PUBLIC KEY"),
        )
    else:
        say("No keys are trusted but the store's own. `dendro-local key trust` adds one.")
