"""A bucket in one file: a zip archive with its objects, for export and import.

Nothing in it is compressed by the archive, as segments of the feed are already: unpacked into a
folder it is a bucket, and no small archive becomes large. It is written beside its place and gets
its name when it is whole. It is read as it lies there.
"""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from dendro_local.signed_records import SigningKey
from dendro_sync.remotes.bucket.remote import BucketRemote
from dendro_sync.remotes.bucket.zip_reader import ZipReader
from dendro_sync.remotes.bucket.zip_writer import ZipWriter

__all__ = ["new_archive", "open_archive"]


def open_archive(file: Path) -> BucketRemote:
    """The bucket in an archive, which can only be read. To be closed.

    Raises:
        InvalidRequest: it is no archive of a bucket, or a malicious one.
        InputUnavailable: it cannot be read.
    """
    return BucketRemote(ZipReader(file))


@contextlib.contextmanager
def new_archive(file: Path, *, key: SigningKey | None = None) -> Generator[BucketRemote]:
    """A block that fills a new archive, which is there when the block has ended well.

    A file of that name is replaced.

    Args:
        file: the archive.
        key: signs the batches in it.

    Raises:
        StoreError: it cannot be written.
    """
    near = file.with_name(f".{file.name}.{os.getpid()}.{os.urandom(4).hex()}.new")
    try:
        objects = ZipWriter(near, url=file.absolute().as_uri())
        remote = BucketRemote(objects, key=key)
        try:
            yield remote
            remote.store_id_or_new()
            objects.finish()
        finally:
            remote.close()
        near.replace(file)
        _sync_folder(file.parent)
    finally:
        near.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
