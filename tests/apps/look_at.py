"""Prints what is in an output, as JSON. Run by the Python of an app's environment.

lindi FILE        the arrays and attributes of a LINDI file, as lindi reads it
video FILE [AVI]  what a video is; with the film that it was made of, how near it is to that
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np


def look_at_lindi(path: str) -> dict[str, Any]:
    import lindi

    with lindi.LindiH5pyFile.from_lindi_file(path) as file:
        counts = file["autocorrelograms"]
        return {
            "shape": counts.shape,
            "dtype": str(counts.dtype),
            "row_sums": counts[()].sum(axis=1).tolist(),
            "unit_ids": list(file.attrs["unit_ids"]),
        }


def look_at_video(path: str, source: str | None = None) -> dict[str, Any]:
    import av

    with av.open(path) as container:
        stream = container.streams.video[0]
        found = {
            "codec": stream.codec_context.name,
            "profile": stream.codec_context.profile,
            "fourcc": stream.codec_context.codec_tag,
            "size": [stream.width, stream.height],
            "pix_fmt": stream.pix_fmt,
            "fps": float(stream.average_rate),
            "duration_sec": float(stream.duration * stream.time_base),
            "sound": [each.codec_context.name for each in container.streams.audio],
        }
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    found["frames"] = len(pictures)
    found["brightness"] = [float(picture.mean()) for picture in pictures]
    if source is not None:
        with av.open(source) as container:
            wanted = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        difference = np.array(pictures, float) - np.array(wanted[: len(pictures)], float)
        found["psnr_db"] = float(10 * np.log10(255**2 / np.mean(difference**2)))
    return found


if __name__ == "__main__":
    LOOKS: dict[str, Callable[..., dict[str, Any]]] = {
        "lindi": look_at_lindi,
        "video": look_at_video,
    }
    print(json.dumps(LOOKS[sys.argv[1]](*sys.argv[2:])))
