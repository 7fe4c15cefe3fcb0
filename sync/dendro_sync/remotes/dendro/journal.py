"""Records that are only ever added to a file, a line of JSON each."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from dendro_local.store.locks import exclusive

__all__ = ["Journal"]

R = TypeVar("R", bound=msgspec.Struct)


class Journal(Generic[R]):
    """A file of records. Safe for use by many processes; by one thread at a time.

    Args:
        file: where it is; there need not be one yet, nor its folder.
        kind: of its records.
    """

    def __init__(self, file: Path, kind: type[R]) -> None:
        self._file = file
        self._decode = msgspec.json.Decoder(kind).decode
        self._encode = msgspec.json.Encoder().encode
        self._read_bytes = 0

    def new_records(self) -> Iterator[R]:
        """What was added since this was asked before, by whichever process, oldest first.

        A line that was cut off by a crash is passed over.
        """
        try:
            if self._file.stat().st_size <= self._read_bytes:
                return
            with self._file.open("rb") as stream:
                stream.seek(self._read_bytes)
                lines = stream.read().split(b"\n")
        except FileNotFoundError:
            return
        # The end of the last one may be on its way.
        self._read_bytes += sum(len(line) + 1 for line in lines[:-1])
        for line in lines[:-1]:
            try:
                yield self._decode(line)
            except ValueError:
                continue

    def add(self, records: Sequence[R]) -> None:
        """Add records; they are on the disk then."""
        if not records:
            return
        text = b"".join(self._encode(record) + b"\n" for record in records)
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = exclusive(self._file.with_name(f".{self._file.name}.lock"))
        with lock, self._file.open("a+b") as stream:
            if (size := stream.seek(0, os.SEEK_END)) > 0:
                stream.seek(size - 1)
                if stream.read(1) != b"\n":
                    text = b"\n" + text  # after what a crash has cut off
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
