"""Where an input file is read: on this machine, or on the web by ranges of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dendro_local.sdk import InputFile
    from remote_file import RemoteFile


def place_of(input: InputFile) -> str | RemoteFile:
    """The path of an input that is on this machine; or the file on the web, opened.

    It is downloaded if its server gives it as a whole only.

    Raises:
        OSError: it cannot be read.
    """
    url = input.get_url() or ""
    if not input.is_local() and url.startswith(("http://", "https://")):
        from remote_file import NoRanges, RemoteFile

        try:
            return RemoteFile(url)
        except NoRanges as error:
            print(f"{error} Downloading it.")
    return input.download()
