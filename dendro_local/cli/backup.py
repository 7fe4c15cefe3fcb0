"""``backup``: a copy of the store."""

from pathlib import Path

import click

from dendro_local.cli.options import json_option
from dendro_local.cli.output import print_json, say, show_count, show_size
from dendro_local.cli.store_hub import store_hub

__all__ = ["backup"]


@click.command(
    epilog="--json prints {folder, jobs, blobs, blob_bytes, linked_blobs, missing_blobs}; the "
    "last are digests of files that the store lacks too."
)
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@json_option
def backup(folder: Path, as_json: bool) -> None:
    """Copy the store to a folder, while it is in use.

    FOLDER is made. It holds the records as they are at one moment, the files that they name, the
    settings and the key of the secrets among the records, and is a store itself: to restore it,
    copy it to where the store was. On the disk of the store, files are linked instead of copied.
    """
    made = store_hub().back_up(folder.absolute())
    if as_json:
        print_json(made)
    else:
        click.echo(str(made.folder))
    say(
        f"Copied {show_count(made.jobs, 'job')} and {show_count(made.blobs, 'file')} "
        f"({show_size(made.blob_bytes)})."
    )
    if made.linked_blobs:
        say(
            f"{show_count(made.linked_blobs, 'file')} could be linked and take no room. To be safe "
            "from faults of this disk, copy the folder to another one."
        )
    if made.missing_blobs:
        say(
            f"Missing, in the store too: {show_count(len(made.missing_blobs), 'file')}. "
            "`dendro-local doctor` says of which jobs."
        )
