"""A copy of the input NWB file, as a LINDI tar, with objects added to it.

What lies on the web stays there: the copy names the bytes by the URL that identifies the input.
What lies on this machine is copied into the tar, since nobody else could read it from here. Only
an array of more than 1 GB is not: the copy then has its shape, and names it by the input's URL.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lindi_output import FilePart, add_array, write_tar
from remote_file import RemoteFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lindi_output import Attributes, LindiArray, Members, Reference
    from nwb_input import NwbInput

MAX_COPIED_BYTES = 1_000_000_000
MAX_NAME_LENGTH = 100
HDF5_URL = "hdf5:"
"""Stands for the input in the references that lindi makes."""


class NwbCopy:
    """The copy, which is in memory until `write`.

    Args:
        nwb: the input. It must stay open until the copy is written.

    Raises:
        ValueError: the file has what a LINDI file cannot have.
    """

    def __init__(self, nwb: NwbInput) -> None:
        self._nwb = nwb
        self._refs: dict[str, Any] = {}
        self._members: Members = {}
        if nwb.lindi is None:
            self._take_hdf5()
        else:
            self._take_lindi(nwb.lindi.refs, nwb.lindi.templates, nwb.lindi.members)

    def groups_in(self, path: str) -> list[str]:
        """The paths of the groups in a group."""
        depth = path.count("/") + 1
        keys = [key for key in self._refs if key.startswith(f"{path}/")]
        return sorted(
            key.removesuffix("/.zgroup")
            for key in keys
            if key.endswith("/.zgroup") and key.count("/") == depth + 1
        )

    def has(self, path: str) -> bool:
        """Whether there is a group or array at a path."""
        return any(f"{path}/{name}" in self._refs for name in (".zgroup", ".zarray"))

    def attributes(self, path: str) -> dict[str, Any]:
        """The attributes of a group or array; of the file for an empty path."""
        value = self._refs.get(_key(path, ".zattrs"), {})
        return dict(json.loads(value) if isinstance(value, str) else value)

    def add_group(self, path: str, attributes: Attributes) -> None:
        """Add a group, or replace the attributes of the one that is there."""
        self._refs[_key(path, ".zgroup")] = {"zarr_format": 2}
        self._refs[_key(path, ".zattrs")] = dict(attributes)

    def add_array(self, path: str, array: LindiArray) -> None:
        """Add an array, in the place of one that is there."""
        self.remove(path)
        add_array(path, array, self._refs, self._members)

    def add_packed_array(
        self,
        path: str,
        described: Mapping[str, Any],
        attributes: Attributes,
        chunks: Mapping[str, FilePart],
    ) -> None:
        """Add an array whose chunks are packed already.

        Args:
            path: where to.
            described: its ``.zarray``.
            attributes: by name.
            chunks: by their place, such as ``12.0``.
        """
        self.remove(path)
        self._refs[f"{path}/.zarray"] = dict(described)
        self._refs[f"{path}/.zattrs"] = dict(attributes)
        for place, part in chunks.items():
            self._add_member(f"{path}/{place}", part)

    def remove(self, path: str) -> None:
        """Remove an array or group with all that is in it, if there is one."""
        for key in [key for key in self._refs if key.startswith(f"{path}/")]:
            reference = self._refs.pop(key)
            if isinstance(reference, list):
                self._members.pop(reference[0].removeprefix("./"), None)

    def empty(self, path: str) -> None:
        """Remove all that is in a group."""
        attributes = self.attributes(path)
        self.remove(path)
        self.add_group(path, attributes)

    def reference_to(self, path: str) -> Reference:
        """What an attribute holds that refers to an object of the file."""
        return {
            "_REFERENCE": {
                "object_id": self.attributes(path).get("object_id"),
                "path": f"/{path}",
                "source": ".",
                "source_object_id": self.attributes("").get("object_id"),
            }
        }

    def write(self, path: str) -> None:
        """Write it as a LINDI tar."""
        lindi_json = json.dumps({"refs": self._refs, "version": 1}, allow_nan=False).encode()
        write_tar(path, {"lindi.json": lindi_json, **self._members})

    def _take_hdf5(self) -> None:
        from lindi.LindiH5ZarrStore.LindiH5ZarrStore import LindiH5ZarrStore
        from lindi.LindiH5ZarrStore.LindiH5ZarrStoreOpts import LindiH5ZarrStoreOpts

        source = self._nwb.source
        is_remote = isinstance(source, RemoteFile)
        file = source if is_remote else open(self._nwb.file.filename, "rb")  # noqa: SIM115
        # A remote array of very many chunks is named as a whole: listing them takes long.
        options = LindiH5ZarrStoreOpts(num_dataset_chunks_threshold=1000 if is_remote else None)
        store = LindiH5ZarrStore(
            _file=file,
            _url=self._nwb.url if is_remote else HDF5_URL,
            _opts=options,
            _entities_to_close=[] if is_remote else [file],
        )
        try:
            made = store.to_reference_file_system()
        finally:
            store.close()
        templates = made.get("templates", {})
        self._take_lindi(
            made["refs"], {"{{" + name + "}}": templates[name] for name in templates}, {}
        )

    def _take_lindi(
        self,
        refs: Mapping[str, Any],
        templates: Mapping[str, str],
        members: Mapping[str, tuple[int, int]],
    ) -> None:
        arrays: dict[str, dict[str, FilePart]] = {}
        for key, value in refs.items():
            if not isinstance(value, list):
                self._refs[key] = value
                continue
            url, offset, size = templates.get(value[0], value[0]), *value[1:]
            if url.startswith("./"):
                offset += members[url[2:]][0]
            elif url != HDF5_URL:
                self._refs[key] = [url, offset, size]
                continue
            if isinstance(self._nwb.source, RemoteFile):
                self._refs[key] = [self._nwb.url, offset, size]
            else:
                part = FilePart(self._nwb.source, offset, size)
                arrays.setdefault(key.rpartition("/")[0], {})[key] = part
        for path, parts in arrays.items():
            self._copy_array(path, parts)

    def _copy_array(self, path: str, parts: Mapping[str, FilePart]) -> None:
        size = sum(part.size for part in parts.values())
        if size <= MAX_COPIED_BYTES:
            for key, part in parts.items():
                self._add_member(key, part)
            return
        print(f"{path} ({size / 1e9:.1f} GB) is not copied, but named by {self._nwb.url}")
        for key, part in parts.items():
            self._refs[key] = [self._nwb.url, part.offset, part.size]

    def _add_member(self, key: str, part: FilePart) -> None:
        name = f"blobs/{key}"
        if len(name) > MAX_NAME_LENGTH:  # longer ones do not fit into a tar
            name = f"blobs/{len(self._members)}"
        self._members[name] = part
        self._refs[key] = [f"./{name}", 0, part.size]


def _key(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
