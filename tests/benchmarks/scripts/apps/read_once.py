"""Reads all the data of an electrical series, 5 s at a time, and does nothing with it: a floor."""

import sys

import h5py

FRAMES = 150_000

if __name__ == "__main__":
    with h5py.File(sys.argv[1]) as file:
        data = file["acquisition/ElectricalSeries/data"]
        for start in range(0, data.shape[0], FRAMES):
            data[start : start + FRAMES]
