"""Makes the recording of 60 s of which ephys_tiny.nwb is the beginning: ``make_recording.py FILE``.

Run by the Python of the environment of hello_neurosift, which has SpikeInterface. The arrays are
the same each time; all else is that of the short file.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import probeinterface
import spikeinterface as si
from numpy.typing import NDArray

TINY = Path(__file__).parents[1] / "data" / "ephys_tiny.nwb"
SEED = 42
RATE_HZ = 30_000.0
DURATION_SEC = 60.0
NUM_CHANNELS = 16
NUM_UNITS = 10
MICROVOLT_PER_COUNT = 2.34375
NOISE_MICROVOLT = 6.0


def main(path: str) -> None:
    counts, trains_sec = recorded()
    shutil.copyfile(TINY, path)
    with h5py.File(path, "r+") as file:
        replace(file, "acquisition/ElectricalSeries/data", counts)
        ends = np.cumsum([len(train) for train in trains_sec])
        replace(file, "units/spike_times", np.concatenate(trains_sec))
        replace(file, "units/spike_times_index", ends.astype(np.uint16))
        replace(file, "units/obs_intervals", np.tile([0.0, DURATION_SEC], (NUM_UNITS, 1)))
        for name in ("spike_times", "obs_intervals"):
            file[f"units/{name}_index"].attrs["target"] = file[f"units/{name}"].ref


def recorded() -> tuple[NDArray[np.int16], list[NDArray[np.float64]]]:
    """The traces in counts, shape (frames, channels), and each unit's spike times in seconds."""
    probe = probeinterface.generate_multi_columns_probe(
        num_columns=2,
        num_contact_per_column=8,
        xpitch=32,
        ypitch=40,
        y_shift_per_column=[0, 20],
        contact_shapes="square",
        contact_shape_params={"width": 12},
    )
    probe.set_device_channel_indices(np.arange(NUM_CHANNELS))
    rng = np.random.default_rng(SEED)
    recording, sorting = si.generate_ground_truth_recording(
        durations=[DURATION_SEC],
        sampling_frequency=RATE_HZ,
        probe=probe,
        num_units=NUM_UNITS,
        generate_sorting_kwargs={
            "firing_rates": np.round(rng.uniform(2.0, 12.0, NUM_UNITS), 2),
            "refractory_period_ms": 4.0,
        },
        noise_kwargs={"noise_levels": NOISE_MICROVOLT, "strategy": "on_the_fly"},
        generate_unit_locations_kwargs={
            "margin_um": 5.0,
            "minimum_z": 10.0,
            "maximum_z": 40.0,
            "minimum_distance": 30,
        },
        dtype="float32",
        seed=SEED,
    )
    counts = np.round(recording.get_traces() / MICROVOLT_PER_COUNT)
    trains = [sorting.get_unit_spike_train(unit) / RATE_HZ for unit in sorting.unit_ids]
    return np.clip(counts, -32768, 32767).astype(np.int16), trains


def replace(file: h5py.File, path: str, values: NDArray[Any]) -> None:
    """Put other values into an array of the file, which keeps its attributes."""
    old = file[path]
    attributes, chunks = dict(old.attrs), old.chunks
    del file[path]
    options = {"compression": "gzip", "shuffle": True} if chunks else {}
    new = file.create_dataset(path, data=values, chunks=chunks, **options)
    for name, value in attributes.items():
        new.attrs[name] = value


if __name__ == "__main__":
    main(sys.argv[1])
