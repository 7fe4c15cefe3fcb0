"""The objects of NWB that processors add to a file: tables of units, and time series.

They are written as they are, without pynwb: that would raise the NWB version of an older file,
needs the whole file to be one that it understands, and takes longer than most processors.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lindi_output import LindiArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lindi_output import AttributeValue
    from nwb_copy import NwbCopy


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        data: one row a unit.
        description: for people.
        attributes: more of them.
    """

    data: NDArray[Any]
    description: str
    attributes: Mapping[str, AttributeValue] = {}


def check_free(copy: NwbCopy, path: str) -> None:
    """Refuse a place where something is already.

    Raises:
        ValueError: there is a group or array at the path.
    """
    if copy.has(path):
        raise ValueError(f"The file has an object {path!r} already: choose another name.")


def add_processing_module(copy: NwbCopy, name: str, description: str) -> str:
    """The path of a processing module, which is added if the file has none of this name."""
    if not copy.has("processing"):
        copy.add_group("processing", {})
    path = f"processing/{name}"
    if not copy.has(path):
        copy.add_group(path, _object("ProcessingModule", description=description))
    return path


def add_units(
    copy: NwbCopy,
    path: str,
    *,
    spike_trains_sec: Sequence[NDArray[np.float64]],
    description: str,
    resolution_sec: float,
) -> None:
    """Add a table of units, with ids from 1 on.

    Args:
        copy: what it is added to.
        path: where to; nothing may be there.
        spike_trains_sec: for each unit its spike times, ascending, in seconds.
        description: of the table.
        resolution_sec: the smallest difference of two spike times.

    Raises:
        ValueError: there is something at the path.
    """
    check_free(copy, path)
    copy.add_group(path, _object("Units", description=description, colnames=["spike_times"]))
    num_units = len(spike_trains_sec)
    copy.add_array(
        f"{path}/id",
        LindiArray(
            np.arange(1, num_units + 1, dtype=np.int64),
            _object("ElementIdentifiers", namespace="hdmf-common"),
        ),
    )
    times = np.concatenate([np.empty(0), *spike_trains_sec])
    copy.add_array(
        f"{path}/spike_times",
        LindiArray(
            times,
            _object(
                "VectorData",
                namespace="hdmf-common",
                description="the spike times of each unit, in seconds",
                resolution=resolution_sec,
            ),
        ),
    )
    ends = np.cumsum([len(train) for train in spike_trains_sec], dtype=np.int64)
    copy.add_array(
        f"{path}/spike_times_index",
        LindiArray(
            ends.astype(np.uint64),
            _object(
                "VectorIndex",
                namespace="hdmf-common",
                description="Index for VectorData 'spike_times'",
                target=copy.reference_to(f"{path}/spike_times"),
            ),
        ),
    )


def add_columns(copy: NwbCopy, path: str, columns: Mapping[str, Column]) -> None:
    """Add columns to a table, in the place of those that have the same names."""
    attributes = copy.attributes(path)
    names = [name for name in attributes["colnames"] if name not in columns]
    if replaced := [name for name in attributes["colnames"] if name in columns]:
        print(f"Columns that are replaced: {', '.join(replaced)}")
    for name, column in columns.items():
        index = f"{name}_index"
        while copy.has(f"{path}/{index}"):  # of a column of lists, or of lists of lists
            copy.remove(f"{path}/{index}")
            index += "_index"
        copy.add_array(
            f"{path}/{name}",
            LindiArray(
                column.data,
                _object(
                    "VectorData",
                    namespace="hdmf-common",
                    description=column.description,
                    **column.attributes,
                ),
            ),
        )
    copy.add_group(path, {**attributes, "colnames": [*names, *columns]})


def add_time_series(
    copy: NwbCopy,
    path: str,
    *,
    data: NDArray[Any],
    description: str,
    unit: str,
    start_time_sec: float,
    rate_hz: float,
) -> None:
    """Add a TimeSeries with samples at a constant rate.

    Raises:
        ValueError: there is something at the path.
    """
    add_series_group(copy, path, "TimeSeries", description, start_time_sec, rate_hz)
    copy.add_array(f"{path}/data", LindiArray(data, data_attributes(unit=unit)))


def add_series_group(
    copy: NwbCopy, path: str, kind: str, description: str, start_time_sec: float, rate_hz: float
) -> None:
    """Add a time series of some kind, all but its data.

    Raises:
        ValueError: there is something at the path.
    """
    check_free(copy, path)
    copy.add_group(path, _object(kind, description=description, comments="no comments"))
    copy.add_array(
        f"{path}/starting_time",
        LindiArray(
            np.array([start_time_sec]),
            {"_SCALAR": True, "rate": float(rate_hz), "unit": "seconds"},
        ),
    )


def data_attributes(
    *, unit: str, conversion: float = 1.0, offset: float = 0.0
) -> dict[str, AttributeValue]:
    """The attributes of a time series' data: value * conversion + offset is in this unit."""
    return {"conversion": conversion, "offset": offset, "resolution": -1.0, "unit": unit}


def add_electrodes(
    copy: NwbCopy, series_path: str, rows: NDArray[np.int64], description: str
) -> None:
    """Say which rows of the table of electrodes the channels of a series are."""
    copy.add_array(
        f"{series_path}/electrodes",
        LindiArray(
            rows.astype(np.int64),
            _object(
                "DynamicTableRegion",
                namespace="hdmf-common",
                description=description,
                table=copy.reference_to("general/extracellular_ephys/electrodes"),
            ),
        ),
    )


def _object(
    kind: str, *, namespace: str = "core", **attributes: AttributeValue
) -> dict[str, AttributeValue]:
    return {
        "namespace": namespace,
        "neurodata_type": kind,
        "object_id": str(uuid.uuid4()),
        **attributes,
    }
