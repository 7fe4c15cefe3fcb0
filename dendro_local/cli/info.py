"""``info``: the store, its settings, and who runs jobs."""

import platform
from typing import get_args

import click
import msgspec
from click.core import ParameterSource

from dendro_local import __version__, config
from dendro_local.cli.options import json_option
from dendro_local.cli.output import print_fields, print_json, show_count, show_size
from dendro_local.client.default_hub import default_hub
from dendro_local.hub import LiveRun, StoreFacts
from dendro_local.model import JobStatus

__all__ = ["info"]


class SettingInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as it is for this call, and where it is from."""

    key: str
    value: str
    origin: str


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """What ``info --json`` prints."""

    store: StoreFacts
    settings: list[SettingInfo]
    versions: dict[str, str]


@click.command(
    epilog="--json prints {store{folder, schema_version, url, version, jobs_by_status, "
    "database_bytes, blob_bytes, compute_clients[{run_id, compute_client_id, name, serves_all, "
    "slots}]}, settings[{key, value, origin}], versions}; origin is an option, a variable, "
    "config.toml or default. Of a hub on another machine, folder, schema_version and run_id are "
    "not told; of a store of this one, url and version."
)
@json_option
@click.pass_context
def info(ctx: click.Context, as_json: bool) -> None:
    """Show the store, its settings and who runs jobs."""
    found = Info(
        store=default_hub().facts(),
        settings=_settings(ctx.find_root()),
        versions={
            "dendro-local": __version__,
            "python": platform.python_version(),
            "system": platform.platform(),
        },
    )
    if as_json:
        print_json(found)
    else:
        _show(found)


def _settings(root: click.Context) -> list[SettingInfo]:
    folder = config.store_folder()
    found: list[SettingInfo] = []
    for declared in config.SETTINGS:
        value, origin = config.setting_with_origin(declared.key, folder)
        if declared.key == "store":
            value = str(folder)
            is_option = root.get_parameter_source("store") is ParameterSource.COMMANDLINE
            origin = "--store" if is_option else origin
        elif declared.key == "user":
            value = config.default_user_id(folder)
        elif declared.is_secret and value:
            value = "(set)"
        found.append(SettingInfo(key=declared.key, value=value, origin=origin))
    return found


def _show(info: Info) -> None:
    store = info.store
    counts = [
        f"{count} {status}"
        for status in get_args(JobStatus)
        if (count := store.jobs_by_status.get(status))
    ]
    print_fields(
        [
            ("Hub", f"{store.url} (dendro-local {store.version})")
            if store.folder is None
            else ("Store", f"{store.folder} (schema {store.schema_version})"),
            ("Jobs", ", ".join(counts) or "none yet"),
            ("Database", show_size(store.database_bytes)),
            ("Blobs", show_size(store.blob_bytes)),
            (
                "Compute clients",
                "\n".join(map(_client, store.compute_clients))
                or "none alive; `dendro-local work` starts one",
            ),
        ]
    )
    click.echo("\nSettings")
    print_fields(
        [(each.key, f"{each.value or '(not set)'}  [{each.origin}]") for each in info.settings],
        indent=2,
    )
    click.echo("\nVersions")
    print_fields(list(info.versions.items()), indent=2)


def _client(run: LiveRun) -> str:
    slots = "; ".join(
        f"{show_count(slot.multiplicity, 'slot')} of {show_count(slot.numCpus, 'CPU')}, "
        f"{show_count(slot.numGpus, 'GPU')}, {slot.memoryGb:g} GB"
        for slot in run.slots
    )
    scope = "any job" if run.serves_all else "the jobs of one script"
    return f"{run.name} ({run.compute_client_id}): {scope}, {slots}"
