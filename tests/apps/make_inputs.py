"""Makes inputs of the apps. Run by the Python of an app's environment: ``make_inputs.py KIND ...``.

units FILE JSON      an NWB file with these spike trains and nothing else, not even a subject
images FILE JSON     one with an image series of the given shape, rate or time stamps
lindi SOURCE FOLDER  LINDI files of an HDF5 file; with all its chunks, and with links for arrays
bare FILE SOURCE     a recording in volts, from 100 s on, without a subject and places of electrodes
video FILE           a film of 10 s: full-range MJPEG in an AVI, 320 x 240, 25 pictures a second
film FILE JSON       a small film with sound, of a given size
"""

import json
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

WIDTH, HEIGHT, FPS, NUM_FRAMES = 320, 240, 25, 250


def make_units(path: str, given: str) -> None:
    import h5py

    trains = [np.array(train, dtype=float) for train in json.loads(given)]
    with h5py.File(path, "w") as file:
        units = file.create_group("units")
        units.attrs["neurodata_type"] = "Units"
        units["id"] = np.arange(len(trains)) + 100
        units["spike_times"] = np.concatenate([np.empty(0), *trains])
        units["spike_times_index"] = np.cumsum([len(train) for train in trains], dtype=np.uint32)


def make_images(path: str, given: str) -> None:
    import h5py

    options: dict[str, Any] = json.loads(given)
    with h5py.File(path, "w") as file:
        series = file.create_group("acquisition/movie")
        series.attrs["neurodata_type"] = "ImageSeries"
        if "external_file" in options:
            series["external_file"] = [options["external_file"]]
            return
        shape = options["shape"]
        brightness = np.linspace(0, 1000, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
        series["data"] = np.broadcast_to(brightness, shape).astype(np.uint16)
        if "rate" in options:
            series["starting_time"] = 0.0
            series["starting_time"].attrs["rate"] = options["rate"]
        if "timestamps" in options:
            series["timestamps"] = options["timestamps"]


def make_lindi(source: str, folder: str) -> None:
    import lindi

    for name, max_chunks in (("all", 1000), ("linked", 1)):
        options = lindi.LindiH5ZarrStoreOpts(num_dataset_chunks_threshold=max_chunks)
        with lindi.LindiH5pyFile.from_hdf5_file(source, zarr_store_opts=options) as file:
            file.write_lindi_file(f"{folder}/{name}.nwb.lindi.json")
            file.write_lindi_file(f"{folder}/{name}.nwb.lindi.tar")


def make_bare(path: str, source: str) -> None:
    import shutil

    import h5py

    shutil.copyfile(source, path)
    with h5py.File(path, "r+") as file:
        del file["general/subject"]
        electrodes = file["general/extracellular_ephys/electrodes"]
        del electrodes["rel_x"]
        electrodes.attrs["colnames"] = [
            name for name in electrodes.attrs["colnames"] if name != "rel_x"
        ]
        series = file["acquisition/ElectricalSeries"]
        series["starting_time"][()] = 100.0
        attributes = dict(series["data"].attrs) | {"conversion": 1.0}
        volts = series["data"][()].astype(np.float32) * np.float32(2.34375e-6)
        del series["data"]
        series.create_dataset("data", data=volts, chunks=(30000, 16), compression="gzip")
        series["data"].attrs.update(attributes)


def make_video(path: str) -> None:
    import av

    rng = np.random.default_rng(44)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    base = np.stack([x * 255 // WIDTH, y * 255 // HEIGHT, (x + y) * 255 // (WIDTH + HEIGHT)], -1)
    with av.open(path, "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.codec_context.color_range = 2
        stream.options = {"qscale": "5"}
        stream.codec_context.qmin = stream.codec_context.qmax = 5
        for number in range(NUM_FRAMES):
            image = base.astype(np.uint8)
            angle = 2 * np.pi * number / 125
            center_x = int(WIDTH / 2 + 110 * np.cos(angle))
            center_y = int(HEIGHT / 2 + 70 * np.sin(angle))
            image[(x - center_x) ** 2 + (y - center_y) ** 2 < 24**2] = 255
            image[:8, : int(WIDTH * (number + 1) / NUM_FRAMES)] = (255, 0, 0)
            noisy = image.astype(np.int16) + rng.integers(-4, 5, image.shape)
            picture = np.clip(noisy, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def make_film(path: str, given: str) -> None:
    import av

    options: dict[str, Any] = json.loads(given)
    with av.open(path, "w", format="avi") as container:
        stream = container.add_stream(options.get("codec", "rawvideo"), rate=10)
        stream.width, stream.height = options["width"], options["height"]
        stream.pix_fmt = "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for number in range(30):
            picture = np.full((options["height"], options["width"], 3), 8 * number, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts = number
            container.mux(stream.encode(frame))
            wave = 8000 * np.sin(2 * np.pi * 440 * (800 * number + np.arange(800)) / 8000)
            tone = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], "s16", "mono")
            tone.sample_rate, tone.pts = 8000, 800 * number
            container.mux(sound.encode(tone))
        container.mux(stream.encode())
        container.mux(sound.encode())


if __name__ == "__main__":
    MAKERS: dict[str, Callable[..., None]] = {
        "units": make_units,
        "images": make_images,
        "lindi": make_lindi,
        "bare": make_bare,
        "video": make_video,
        "film": make_film,
    }
    MAKERS[sys.argv[1]](*sys.argv[2:])
