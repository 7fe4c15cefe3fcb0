"""Makes an NWB file with a long recording of noise: ``long_recording.py FILE SECONDS CHANNELS``.

The compressed chunks, of a second each, are some that come again and again, each of which is all
that takes time to make.
"""

import sys
import zlib

import h5py
import numpy as np

RATE_HZ = 30_000
NUM_CHUNKS = 8
NOISE_COUNTS = 2.56


def main(path: str, seconds: int, num_channels: int) -> None:
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        series = file.create_group("acquisition/ElectricalSeries")
        series.attrs["neurodata_type"] = "ElectricalSeries"
        series["starting_time"] = 0.0
        series["starting_time"].attrs["rate"] = float(RATE_HZ)
        series["electrodes"] = np.arange(num_channels)
        file["general/extracellular_ephys/electrodes/id"] = np.arange(num_channels)
        data = series.create_dataset(
            "data",
            (RATE_HZ * seconds, num_channels),
            "<i2",
            chunks=(RATE_HZ, num_channels),
            compression="gzip",
            compression_opts=6,
            shuffle=True,
        )
        packed = []
        for _ in range(NUM_CHUNKS):
            noise = random.normal(0, NOISE_COUNTS, (RATE_HZ, num_channels)).round().astype("<i2")
            shuffled = noise.view(np.uint8).reshape(-1, 2).T.tobytes()
            packed.append(zlib.compress(shuffled, 6))
        for second in range(seconds):
            data.id.write_direct_chunk((second * RATE_HZ, 0), packed[second % NUM_CHUNKS])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
