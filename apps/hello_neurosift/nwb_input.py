"""Opening the NWB file that is a job's input, whatever form it has and wherever it lies.

HDF5 (``.nwb``) and LINDI (``.nwb.lindi.json``, ``.nwb.lindi.tar``) are told apart by their first
bytes. A file on this machine is read where it is. Of one on the web, only what is needed is
fetched, by requests for ranges of bytes; it is downloaded whole only if its server knows no ranges.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import h5py
import numpy as np

from input_place import place_of

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from dendro_local.sdk import InputFile
    from lindi_input import ByteSource, LindiInput
    from remote_file import RemoteFile

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
CHUNK_CACHE_BYTES = 64 * 1024 * 1024
"""What HDF5 keeps of each array, so that chunks that two reads share are unpacked once."""

CHUNK_CACHE_SLOTS = 10_007
MAX_DEPTH = 8
"""Below it, nothing is looked for: a link may lead back up."""


class NwbInput:
    """An NWB file, opened for reading. Made by `open_nwb`.

    Attributes:
        file: the whole file. What it gives for a LINDI file is as in h5py, too.
        source: its bytes.
        lindi: what it is made of, if it is a LINDI file.
        url: what identifies the input, wherever its bytes are now: to be named in outputs.
    """

    file: h5py.File
    source: ByteSource

    def __init__(self, input: InputFile) -> None:
        self.url = input.url or ""
        self._label = input.file_base_name or input.name
        self._remote: dict[str, RemoteFile] = {}
        self._linked: dict[str, h5py.File] = {}
        self._local: LocalFile | None = None
        self.lindi: LindiInput | None = None
        try:
            self._open(input)
        except BaseException:
            self._close_sources()
            raise

    def dataset(self, path: str) -> h5py.Dataset:
        """The array at a path, such as ``acquisition/ElectricalSeries/data``.

        Raises:
            ValueError: there is none.
        """
        link = None if self.lindi is None else self.lindi.link(path)
        if link is not None:
            url, name = link
            if url not in self._linked:
                self._linked[url] = _open_hdf5(self._open_url(url))
            return self._linked[url][name]
        found = self._find(path)
        if not isinstance(found, h5py.Dataset):
            raise ValueError(f"{path!r} in {self._label} is a group, not an array.")
        return found

    def group(self, path: str, *, kind: str | None = None) -> h5py.Group:
        """The group at a path, such as ``acquisition/ElectricalSeries``.

        Args:
            path: within the file; a slash at its start makes no difference.
            kind: its neurodata type, such as ``ElectricalSeries``, if it must be of one. The
                message of the error then names what there is of this kind.

        Raises:
            ValueError: there is none, or it is of another type.
        """
        try:
            found = self._find(path)
        except ValueError as error:
            if kind is None:
                raise
            raise ValueError(f"{error} {self._names_of(kind)}") from None
        if not isinstance(found, h5py.Group):
            raise ValueError(f"{path!r} in {self._label} is an array, not a group.")
        if kind is not None and _type_of(found) != kind:
            raise ValueError(
                f"{path!r} in {self._label} is of type {_type_of(found) or 'unknown'}, not {kind}. "
                f"{self._names_of(kind)}"
            )
        return found

    def spike_trains_sec(self, units_path: str) -> list[NDArray[np.float64]]:
        """The spike times of each unit of a table, ascending, in seconds, without NaN.

        Raises:
            ValueError: there is no such table, or it has no spike times.
        """
        table = self.group(units_path, kind="Units")
        path = units_path.rstrip("/")
        if "spike_times" not in table or "spike_times_index" not in table:
            raise ValueError(f"The units at {units_path!r} in {self._label} have no spike times.")
        ends = self.dataset(f"{path}/spike_times_index")[()].astype(np.int64)
        times = self.dataset(f"{path}/spike_times")[()].astype(np.float64)
        starts = np.concatenate(([0], ends[:-1])) if len(ends) > 0 else ends
        trains = [times[start:end] for start, end in zip(starts, ends, strict=True)]
        return [np.sort(train[~np.isnan(train)]) for train in trains]

    def unit_ids(self, units_path: str) -> list[str]:
        """The ids of the units of a table.

        Raises:
            ValueError: there is no such table.
        """
        self.group(units_path, kind="Units")
        return [str(unit_id) for unit_id in self.dataset(f"{units_path.rstrip('/')}/id")[()]]

    def close(self) -> None:
        """Close it, and say how much was fetched if it is on the web."""
        for file in (*self._linked.values(), self.file):
            file.close()
        for url, remote in self._remote.items():
            shown = url.partition("?")[0]
            print(
                f"Fetched {remote.bytes_fetched / 1e6:.1f} of {remote.size / 1e6:.1f} MB of {shown}"
            )
        self._close_sources()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, input: InputFile) -> None:
        self.source = self._open_source(input)
        if self.source.read_range(0, len(HDF5_SIGNATURE)) == HDF5_SIGNATURE:
            self.file = _open_hdf5(self.source)
            return
        from lindi_input import LindiInput

        try:
            self.lindi = LindiInput(self.source, self._open_url)
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"{self._label} is neither an HDF5 file nor a LINDI file: {error}"
            ) from error
        self.file = self.lindi.file

    def _open_source(self, input: InputFile) -> ByteSource:
        place = place_of(input)
        if isinstance(place, str):
            self._local = LocalFile(place)
            return self._local
        self._remote[place.url] = place
        return place

    def _open_url(self, url: str) -> RemoteFile:
        if url not in self._remote:
            from remote_file import RemoteFile

            self._remote[url] = RemoteFile(url)
        return self._remote[url]

    def _close_sources(self) -> None:
        for remote in self._remote.values():
            remote.close()
        if self._local is not None:
            self._local.close()

    def _find(self, path: str) -> h5py.Group | h5py.Dataset:
        found: h5py.Group | h5py.Dataset | None = self.file
        for part in filter(None, path.split("/")):
            found = found.get(part) if isinstance(found, h5py.Group) else None
        if found is None:
            raise ValueError(f"There is nothing at {path!r} in {self._label}.")
        return found

    def _names_of(self, kind: str) -> str:
        names = sorted(_paths_of_type(self.file, kind))
        return f"Of this type it has: {', '.join(names) or 'none'}."


def open_nwb(input: InputFile) -> NwbInput:
    """The NWB file that is the input of a job; to be used in a ``with`` statement.

    Raises:
        ValueError: it is neither HDF5 nor LINDI.
        OSError: it cannot be read.
    """
    return NwbInput(input)


class LocalFile:
    """A file of this machine, of which any part can be read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._descriptor).st_size

    def read_range(self, start: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, start)

    def close(self) -> None:
        os.close(self._descriptor)


def _open_hdf5(source: ByteSource) -> h5py.File:
    return h5py.File(
        source.path if isinstance(source, LocalFile) else source,
        "r",
        rdcc_nbytes=CHUNK_CACHE_BYTES,
        rdcc_nslots=CHUNK_CACHE_SLOTS,
    )


def _type_of(group: h5py.Group) -> str:
    name = group.attrs.get("neurodata_type", "")
    return name.decode() if isinstance(name, bytes) else str(name)


def _paths_of_type(group: h5py.Group, kind: str, path: str = "") -> list[str]:
    found: list[str] = []
    for name in group:
        member = group.get(name)
        below = f"{path}{name}"
        if isinstance(member, h5py.Group) and below.count("/") < MAX_DEPTH:
            found += [below] if _type_of(member) == kind else []
            found += _paths_of_type(member, kind, f"{below}/")
    return found
