# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#     "lindi==0.4.6",
#     "nwbinspector==0.7.2",
#     "pynwb==4.2.0",
#     "qfc==0.3.6",
# ]
# ///
"""Reads an NWB file in LINDI form with the field's own tools, and prints what they find, as JSON.

    check_nwb.py [--validate] FILE [PATH ...]

``arrays`` has the arrays and groups at the paths. With ``--validate``, ``errors`` are those of
pynwb's validator, and ``remarks`` what nwbinspector has to say that is more than a suggestion.
"""

import atexit
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import h5py
import lindi
import numpy as np
from qfc.codecs.QFCCodec import QFCCodec

QFCCodec.register_codec()

MAX_VALUES = 100_000
"""Of larger arrays, the smallest value and the means along the first axis stand for all."""


def validate(file: Any) -> dict[str, Any]:
    from nwbinspector import Importance, inspect_nwbfile_object
    from pynwb import NWBHDF5IO
    from pynwb import validate as errors_of

    with NWBHDF5IO(file=file, mode="r") as io:
        nwb = io.read()
        remarks = [
            f"{remark.importance.name} {remark.check_function_name} {remark.location}"
            for remark in inspect_nwbfile_object(nwb)
            # An ERROR is one of nwbinspector itself: it does not expect a LINDI file.
            if remark.importance not in (Importance.BEST_PRACTICE_SUGGESTION, Importance.ERROR)
        ]
        return {"errors": [str(error) for error in errors_of(io=io)], "remarks": remarks}


def describe(found: Any) -> dict[str, Any]:
    attributes = {
        name: str(value.tolist() if isinstance(value, np.ndarray) else value)
        for name, value in found.attrs.items()
    }
    if isinstance(found, h5py.Group):
        return {"attributes": attributes}
    values = np.asarray(found[()])
    described = {"shape": values.shape, "dtype": str(values.dtype), "attributes": attributes}
    if values.dtype.kind in "iufS":
        described["sha256"] = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
    if values.size > MAX_VALUES:
        return described | {"min": float(values.min()), "means": values.mean(axis=0).tolist()}
    return described | {
        "values": (values.astype(str) if values.dtype.kind == "S" else values).tolist()
    }


def contents(file: Any) -> list[str]:
    places = ("acquisition", "analysis", "intervals", "processing", "stimulus/presentation")
    found = [f"{place}/{name}" for place in places if place in file for name in file[place]]
    return sorted([*found, *(name for name in ("units", "scratch") if name in file)])


def open_nwb(path: str) -> Any:
    if path.endswith(".nwb"):
        return h5py.File(path, "r")
    # A copy: lindi opens a tar for writing even to read it, and outputs are read-only.
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    copy = Path(folder) / "copy.nwb.lindi.tar"
    shutil.copyfile(path, copy)
    return lindi.LindiH5pyFile.from_lindi_file(str(copy))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    wants_validation = arguments[0] == "--validate"
    path, *array_paths = arguments[wants_validation:]
    opened = open_nwb(path)
    found: dict[str, Any] = {
        "nwb_version": str(opened.attrs.get("nwb_version")),
        "contents": contents(opened),
        "arrays": {name: describe(opened[name]) for name in array_paths},
    }
    if wants_validation:
        found |= validate(opened)
    print(json.dumps(found, default=str), flush=True)  # references are shown as text
