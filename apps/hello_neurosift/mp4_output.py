"""Writing videos that browsers play: H.264 in an MP4 whose index comes first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from figure import job_figure

if TYPE_CHECKING:
    from fractions import Fraction
    from typing import Self

    from numpy.typing import NDArray

FULL_RANGE = 2
"""Values from 0 to 255, as FFmpeg calls it."""

PROGRESS_SEC = 5.0
NUM_STILLS = 8
MAX_STILL_WIDTH = 320
GAP = 4
"""Pixels between stills."""


class Mp4Output:
    """A video being written; to be used in a ``with`` statement.

    Args:
        path: where to.
        width: of a frame; one more where it is odd, since H.264 wants it even.
        height: the same.
        is_full_range: whether values from 0 to 255 are used, or 16 to 235.
        frame_rate_hz: frames in a second.
        num_frames: how many are expected, for telling of progress and for the stills.
        time_base_sec: the unit of the frames' times; None for one frame's duration.
    """

    def __init__(
        self,
        path: str,
        *,
        width: int,
        height: int,
        is_full_range: bool,
        frame_rate_hz: Fraction,
        num_frames: int,
        time_base_sec: Fraction | None = None,
    ) -> None:
        # The index before the pictures, so that a player can begin before it has all of them.
        self.container = av.open(path, "w", format="mp4", options={"movflags": "+faststart"})
        self._stream = self.container.add_stream("libx264", rate=frame_rate_hz)
        self._stream.codec_context.time_base = time_base_sec or 1 / frame_rate_hz
        self._stream.width = width + width % 2
        self._stream.height = height + height % 2
        # Browsers want a quarter of the colors.
        self._stream.pix_fmt = "yuvj420p" if is_full_range else "yuv420p"
        self._num_frames = num_frames
        self._written = 0
        self._told_at = time.monotonic()
        self._stills: list[NDArray[np.uint8]] = []

    def write(self, frame: av.VideoFrame) -> None:
        """Add a frame. Its time, ``pts``, must be set, in the unit of this video."""
        if self._is_still():
            width = min(frame.width, MAX_STILL_WIDTH)
            height = max(1, round(frame.height * width / frame.width))
            small = frame.reformat(width=width, height=height, format="rgb24")
            self._stills.append(small.to_ndarray())
        stream = self._stream
        fitting = frame.reformat(stream.width, stream.height, stream.pix_fmt)
        fitting.pts = frame.pts
        fitting.time_base = frame.time_base
        fitting.pict_type = 0  # else each picture is stored whole, as it was in many an input
        self.container.mux(stream.encode(fitting))
        self._written += 1
        if time.monotonic() - self._told_at >= PROGRESS_SEC:
            self._told_at = time.monotonic()
            print(f"Frame {self._written} of {self._num_frames}")

    def close(self) -> None:
        """Write what is left.

        Raises:
            ValueError: there is not a single frame.
        """
        if self._written == 0:
            raise ValueError("The video has no frames.")
        self.container.mux(self._stream.encode())
        self.container.close()
        print(f"Wrote {self._written} frames, {self._stream.width} x {self._stream.height}")

    def draw_stills(self) -> None:
        """Add some pictures of the video to the job."""
        columns = (len(self._stills) + 1) // 2
        rows = -(-len(self._stills) // columns)
        height, width = self._stills[0].shape[:2]
        size_inch = 2.5 * columns, 2.5 * rows * height / width + 0.5
        with job_figure("stills.png", width_inch=size_inch[0], height_inch=size_inch[1]) as figure:
            figure.subplots_adjust(0.01, 0.01, 0.99, 1 - 0.4 / size_inch[1])
            figure.suptitle(f"{len(self._stills)} of {self._written} frames", fontsize=10)
            # As one picture: a pair of axes for each takes longer than converting a short video.
            together = np.full((rows * (height + GAP), columns * (width + GAP), 3), 255, np.uint8)
            for number, still in enumerate(self._stills):
                row, column = divmod(number, columns)
                top, left = row * (height + GAP), column * (width + GAP)
                together[top : top + height, left : left + width] = still
            axes = figure.subplots()
            axes.imshow(together)
            axes.axis("off")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.container.close()

    def _is_still(self) -> bool:
        every = max(1, self._num_frames // NUM_STILLS)
        return self._written % every == 0 and len(self._stills) < NUM_STILLS


def full_range_frame(picture: NDArray[Any]) -> av.VideoFrame:
    """A frame of full range from an array of uint8: (height, width), or with 3 colors as third."""
    even = [(0, size % 2) for size in picture.shape[:2]]
    padded = np.pad(picture, [*even, (0, 0)][: picture.ndim], mode="edge")
    if padded.ndim == 3:
        return av.VideoFrame.from_ndarray(padded, format="rgb24").reformat(
            format="yuvj420p", dst_color_range=FULL_RANGE
        )
    height, width = padded.shape
    gray = np.full((height // 2, width), 128, dtype=np.uint8)
    return av.VideoFrame.from_ndarray(np.concatenate((padded, gray)), format="yuvj420p")
