"""What the parts of a remote hub share: how it is asked, and where its files lie here."""

import functools
from pathlib import Path
from urllib.parse import urlsplit

from dendro_local.errors import InputUnavailable
from dendro_local.file_urls import is_path_part
from dendro_local.remote_hub.downloads import Downloads
from dendro_local.remote_hub.transport import Transport
from dendro_local.store import Store
from dendro_local.store.folder import StoreFolder
from dendro_local.store.output_names import name_output

__all__ = ["RemotePart"]


class RemotePart:
    """The base of each part."""

    transport: Transport
    """Asks as the user, or as a guest."""
    local_folder: Path
    """The store of this machine."""
    folder: StoreFolder
    """Where what belongs to the hub lies on this machine: fetched files, outputs, job folders."""
    downloads: Downloads

    @functools.cached_property
    def local_store(self) -> Store:
        """The store of this machine, which remembers the digests of its files."""
        return Store(self.local_folder)

    def path_of(self, url: str) -> str:
        """The path at which the hub serves a file of its own, by whatever name it calls itself.

        Raises:
            InputUnavailable: it is no file of the hub.
        """
        _, found, rest = urlsplit(url).path.partition("/f/")
        if not found:
            raise InputUnavailable(f"{url} is no file of the hub at {self.transport.base_url}.")
        return f"/f/{rest}"

    def named(self, file: Path, *names: str) -> Path:
        """A second name for a fetched file, by ending of which readers know what is in it.

        Raises:
            InputUnavailable: the hub gives names that no file can have.
        """
        if not all(map(is_path_part, names)):
            raise InputUnavailable(f"No file can be called {'/'.join(names)!r}.")
        named = self.folder.outputs.joinpath(*names)
        name_output(named, file)
        return named
