"""``apps``: what is registered, and what is not yet (see `dendro_local.cli.app_trial`)."""

import json
from collections.abc import Sequence

import click
import msgspec

from dendro_local.cli.app_trial import spec, try_app
from dendro_local.cli.options import (
    any_service_option,
    json_option,
    one_service_option,
    yes_option,
)
from dendro_local.cli.output import Refused, print_fields, print_json, print_table, say
from dendro_local.client.default_hub import default_hub
from dendro_local.config import setting, store_folder
from dendro_local.hub import RegisteredApp
from dendro_local.model import ProcessorParameter, ProcessorSpecification

__all__ = ["apps"]

_JSON = (
    "{record{serviceName, appName, appSpecificationUri, appSpecificationCommit, appSpecification}, "
    "source, version, folder_digest, sdk}. The source is folder:PATH, bundled:NAME, or null where "
    "only the spec is known; a cached result must come from the same version; sdk is the package "
    "whose SDK it is written with, dendro_local or dendro."
)


@click.group()
def apps() -> None:
    """Manage, show and test apps."""


@apps.command(epilog=f"--json prints {_JSON}")
@click.argument("source", metavar="PATH_OR_URI")
@one_service_option
@json_option
def add(source: str, service: str, as_json: bool) -> None:
    """Register an app on a service.

    PATH_OR_URI is the folder of an app, with its main.py, or the file or URL of a spec alone. A
    service that is not there is made. An app of the same name is replaced; its jobs stay.
    """
    hub = default_hub()
    is_new = all(each.serviceName != service for each in hub.services())
    app = hub.add_app(source, service)
    if is_new:
        say(f"Made the service {service}.")
    if as_json:
        print_json(app)
    else:
        names = ", ".join(each.name for each in app.record.appSpecification.processors)
        click.echo(f"Registered app {app.record.appName} on service {service}: {names}.")
    if app.source is None:
        say(
            "Only its spec is known, so its jobs cannot run here. Give the folder with its "
            "main.py to run them."
        )


@apps.command("list", epilog=f"--json prints an array of {_JSON}")
@any_service_option
@json_option
def list_apps(service: str | None, as_json: bool) -> None:
    """List registered apps."""
    found = default_hub().apps(service=service)
    if as_json:
        print_json(found)
    elif found:
        print_table(
            ("APP", "SERVICE", "PROCESSORS", "VERSION", "SOURCE"),
            [_row(app) for app in found],
            may_cut=("APP", "SERVICE", "SOURCE"),
        )
    else:
        where = "" if service is None else f" on service {service}"
        say(f"No apps{where} yet. `dendro-local apps add FOLDER` registers one.")


@apps.command(epilog=f"--json prints {_JSON}")
@click.argument("name")
@one_service_option
@json_option
def show(name: str, service: str, as_json: bool) -> None:
    """Show an app: its processors, and what each takes and gives."""
    app = default_hub().app(service, name)
    if as_json:
        print_json(app)
        return
    specification = app.record.appSpecification
    click.echo(f"App {name}: {specification.description}")
    print_fields(
        [
            ("Service", app.record.serviceName),
            ("Version", app.version or "not known"),
            ("Source", app.source or f"the spec {app.record.appSpecificationUri} alone"),
            ("SDK", "not known" if app.sdk is None else f"{app.sdk}.sdk"),
        ],
        indent=2,
    )
    for processor in specification.processors:
        _show_processor(name, processor, service)


@apps.command()
@click.argument("name")
@one_service_option
@yes_option
def remove(name: str, service: str, yes: bool) -> None:
    """Take an app off a service. Its jobs stay."""
    hub = default_hub()
    found = hub.apps(service=service, name=name)
    if found and not yes:
        raise Refused(
            f"Nothing was removed: app {name} ({_source(found[0])}) is on service {service}. Add "
            "--yes to remove it."
        )
    hub.remove_app(service, name)
    click.echo(f"Removed app {name} from service {service}.")


apps.add_command(spec)
apps.add_command(try_app)


def _row(app: RegisteredApp) -> Sequence[str]:
    return (
        app.record.appName,
        app.record.serviceName,
        str(len(app.record.appSpecification.processors)),
        (app.version or "")[:19],
        _source(app),
    )


def _source(app: RegisteredApp) -> str:
    return app.source or app.record.appSpecificationUri


def _show_processor(app: str, processor: ProcessorSpecification, service: str) -> None:
    click.echo(f"\n{processor.name}: {processor.description}")
    inputs = [
        (each.name, each.description + (" (any number of files)" if each.list is True else ""))
        for each in processor.inputs
    ]
    outputs = [(each.name, each.description) for each in processor.outputs]
    parameters = [(each.name, _parameter(each)) for each in processor.parameters]
    for title, fields in (("Inputs", inputs), ("Outputs", outputs), ("Parameters", parameters)):
        if fields:
            click.echo(f"  {title}")
            print_fields(fields, indent=4)
    needed = [] if service == setting("service", store_folder()) else [f"--service {service}"]
    needed += [f"-i {each.name}=..." for each in processor.inputs]
    # Not needed to submit, but a result is found by the same names of its outputs alone.
    needed += [f"-o {each.name}=..." for each in processor.outputs]
    needed += [
        f"-p {each.name}=..."
        for each in processor.parameters
        if each.defaultValue is msgspec.UNSET and not each.type.startswith("Optional")
    ]
    click.echo(" ".join(["  dendro-local submit", app, processor.name, *needed, "--wait"]))


def _parameter(parameter: ProcessorParameter) -> str:
    facts = [parameter.type]
    if parameter.options:
        facts.append("one of " + ", ".join(json.dumps(each) for each in parameter.options))
    if parameter.defaultValue is not msgspec.UNSET:
        facts.append(f"default {json.dumps(parameter.defaultValue, ensure_ascii=False)}")
    return f"{parameter.description} [{'; '.join(facts)}]"
