"""The processor ``image_series_to_mp4``."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from dendro_local.sdk import InputFile, OutputFile
from nwb_input import open_nwb

if TYPE_CHECKING:
    from collections.abc import Iterator

    import h5py
    from numpy.typing import NDArray

    from nwb_input import NwbInput

FRAMES_FOR_SCALE = 20
BRIGHT_PERCENTILE = 99
TIMES_FOR_RATE = 100
BLOCK_BYTES = 64 * 1024 * 1024
MAX_RATE_DENOMINATOR = 10_000


def image_series_to_mp4(
    input: InputFile, output: OutputFile, image_series_path: str, duration_sec: float = 10
) -> None:
    """Convert an image series in an NWB file to an .mp4 file

    Args:
        input: Input NWB file in .nwb or .nwb.lindi.tar format
        output: Output .mp4 file
        image_series_path: Path to the image series in the NWB file
        duration_sec: The maximum duration of the output video in seconds.
    """
    from mp4_output import Mp4Output, full_range_frame

    with open_nwb(input) as nwb:
        data, rate_hz = _image_series(nwb, image_series_path)
        num_frames = min(math.floor(duration_sec * rate_hz + 1e-6), data.shape[0])
        if num_frames < 1:
            raise ValueError(
                f"The first {duration_sec:g} s of {image_series_path!r} have no frame: it has "
                f"{data.shape[0]} of them, {rate_hz:g} in a second."
            )
        brightest = _brightest(data)
        print(
            f"{data.shape[0]} frames of {data.shape[2]} x {data.shape[1]}, {rate_hz:g} in a "
            f"second; {num_frames} are taken, {brightest:g} is white"
        )
        rate = Fraction(rate_hz).limit_denominator(MAX_RATE_DENOMINATOR)
        with Mp4Output(
            "output.mp4",
            width=data.shape[2],
            height=data.shape[1],
            is_full_range=True,
            frame_rate_hz=rate,
            num_frames=num_frames,
        ) as mp4:
            for number, image in enumerate(_images(data, num_frames)):
                scaled = np.nan_to_num(image.astype(np.float32) * (255 / brightest))
                frame = full_range_frame(np.clip(scaled, 0, 255).astype(np.uint8))
                frame.pts, frame.time_base = number, 1 / rate
                mp4.write(frame)
    output.upload("output.mp4")
    mp4.draw_stills()


def _image_series(nwb: NwbInput, path: str) -> tuple[h5py.Dataset, float]:
    """The frames of an image series, and how many of them make a second.

    Raises:
        ValueError: there is no such series, its frames are in another file, or not to be drawn.
    """
    series = nwb.group(path)
    if "external_file" in series:
        names = nwb.dataset(f"{path}/external_file")[()]
        shown = ", ".join(_text(name) for name in names)
        raise ValueError(
            f"The frames of {path!r} are not in the NWB file but in {shown}: convert that with "
            "avi_to_mp4."
        )
    data = nwb.dataset(f"{path}/data")
    is_colored = data.ndim == 4 and data.shape[3] in (3, 4)
    if not (data.ndim == 3 or is_colored) or 0 in data.shape:
        raise ValueError(
            f"The data of {path!r} has the shape {data.shape}. A video can be made of frames x "
            "height x width, with 3 or 4 color channels or none."
        )
    if "starting_time" in series:
        return data, float(nwb.dataset(f"{path}/starting_time").attrs["rate"])
    if "timestamps" not in series:
        raise ValueError(f"{path!r} has neither a rate nor time stamps.")
    times_sec = nwb.dataset(f"{path}/timestamps")[:TIMES_FOR_RATE]
    if len(times_sec) < 2:
        return data, 1.0
    return data, float(1 / np.median(np.diff(times_sec)))


def _brightest(data: h5py.Dataset) -> float:
    """The value that is drawn white: all but few of the first frames are darker."""
    value = float(np.nanpercentile(data[:FRAMES_FOR_SCALE], BRIGHT_PERCENTILE))
    return value if value > 0 else 1.0


def _images(data: h5py.Dataset, num_frames: int) -> Iterator[NDArray[Any]]:
    """The first frames one by one, read in blocks of whole chunks, without transparency."""
    frame_bytes = max(1, math.prod(data.shape[1:]) * data.dtype.itemsize)
    chunk = data.chunks[0] if data.chunks else 1
    block = max(1, BLOCK_BYTES // frame_bytes // chunk) * chunk
    for start in range(0, num_frames, block):
        frames = data[start : min(start + block, num_frames)]
        yield from frames[..., :3] if frames.ndim == 4 else frames


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
