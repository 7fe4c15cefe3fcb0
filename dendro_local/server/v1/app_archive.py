"""The folder of an app as one tar file, made while it is sent."""

import tarfile
from collections.abc import AsyncGenerator
from pathlib import Path

from dendro_local.app_source import AppFolder
from dendro_local.server.site import Site

__all__ = ["AppArchive"]

BLOCK_BYTES = tarfile.BLOCKSIZE
PIECE_BYTES = 1 << 20

END = bytes(2 * BLOCK_BYTES)


class AppArchive:
    """The files over which a folder's digest is, as a tar file.

    The same files give the same archive, whatever their times and owners.

    Attributes:
        size: of the archive in bytes.
    """

    def __init__(self, folder: AppFolder) -> None:
        self._members: list[tuple[bytes, Path, int]] = []
        self.size = len(END)
        for path in folder.files():
            status = path.stat()
            member = tarfile.TarInfo(path.relative_to(folder.root).as_posix())
            member.size = status.st_size
            member.mode = 0o755 if status.st_mode & 0o100 else 0o644
            head = member.tobuf(tarfile.PAX_FORMAT)
            self._members.append((head, path, member.size))
            self.size += len(head) + member.size + _padding(member.size)

    async def pieces(self, site: Site) -> AsyncGenerator[bytes]:
        """The archive, piece by piece; it breaks off if a file has another size by now."""
        for head, path, size in self._members:
            yield head
            offset = 0
            while offset < size:
                piece = await site.in_thread(_read, path, offset, min(PIECE_BYTES, size - offset))
                yield piece
                offset += len(piece)
            if _padding(size):
                yield bytes(_padding(size))
        yield END


def _padding(size: int) -> int:
    return -size % BLOCK_BYTES


def _read(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as stream:
        stream.seek(offset)
        read = stream.read(length)
    if len(read) < length:
        raise OSError(f"{path.name} became shorter while it was sent")
    return read
