"""The code of a hub's apps, fetched once for each state of it."""

import os
import shutil
import tarfile
from pathlib import Path
from urllib.parse import quote

from dendro_local.app_source import AppFolder
from dendro_local.errors import InvalidApp
from dendro_local.file_urls import is_path_part
from dendro_local.model import Digest
from dendro_local.random_ids import random_token
from dendro_local.remote_hub.transport import Transport

__all__ = ["CodeChanged", "fetch_app"]

PIECE_BYTES = 1 << 20


class CodeChanged(Exception):
    """The code of an app was edited on the hub while it was fetched."""


def fetch_app(transport: Transport, service: str, app: str, digest: Digest, apps: Path) -> Path:
    """The folder of an app in a state, checked.

    Args:
        transport: asks the hub as a compute client.
        service: the app's.
        app: its name.
        digest: of the state, see `AppFolder`.
        apps: where the folders of apps are.

    Raises:
        CodeChanged: the app has another state by now.
        InvalidApp: what the hub gives is no app.
        DendroError: as the hub has it.
    """
    folder = apps / digest / "app"
    if folder.is_dir():  # then it is whole
        return folder
    near = apps / f".{digest}.{random_token(6)}.new"
    near.mkdir(parents=True)
    try:
        archive, unpacked = near / "code.tar", near / "app"
        unpacked.mkdir()
        path = f"/v1/services/{quote(service, safe='')}/apps/{quote(app, safe='')}/code"
        transport.patiently(lambda _: _download(transport, path, archive))
        _unpack(archive, unpacked)
        if AppFolder(unpacked).digest != digest:
            raise CodeChanged
        folder.parent.mkdir(exist_ok=True)
        try:
            unpacked.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise
    finally:
        shutil.rmtree(near, ignore_errors=True)
    return folder


def _download(transport: Transport, path: str, archive: Path) -> None:
    with transport.stream(path) as reply, archive.open("wb") as file:
        for piece in reply.iter_raw(PIECE_BYTES):
            file.write(piece)


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive of plain files, none of which leads out of the folder.

    Raises:
        InvalidApp: it is something else.
    """
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                source = tar.extractfile(member) if member.isreg() else None
                if source is None or not all(map(is_path_part, member.name.split("/"))):
                    raise InvalidApp(f"The code that the hub gives has {member.name!r} in it.")
                file = folder / member.name
                file.parent.mkdir(parents=True, exist_ok=True)
                with source, file.open("wb") as target:
                    shutil.copyfileobj(source, target)
                    os.fchmod(target.fileno(), 0o755 if member.mode & 0o100 else 0o644)
    except tarfile.TarError as error:
        raise InvalidApp(f"The code that the hub gives cannot be unpacked: {error}") from error
