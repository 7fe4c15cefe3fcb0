"""``services``."""

import click

from dendro_local.cli.options import json_option
from dendro_local.cli.output import print_json, print_table
from dendro_local.client.default_hub import default_hub

__all__ = ["services"]


@click.command(
    epilog="--json prints an array of {serviceName, userId, users[{userId, admin, createJobs, "
    "processJobs}]}; userId is the owner."
)
@json_option
def services(as_json: bool) -> None:
    """List services.

    A service is a named set of apps. `dendro-local apps add --service NAME` makes one.
    """
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
