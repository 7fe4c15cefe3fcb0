"""The processor ``avi_to_mp4``."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from dendro_local.sdk import InputFile, OutputFile

if TYPE_CHECKING:
    from mp4_output import Mp4Output

SOUND_RATE_HZ = 48_000


def avi_to_mp4(
    input: InputFile, output: OutputFile, info: OutputFile, duration_sec: str = "10"
) -> None:
    """Convert an .avi file to an .mp4 file

    Args:
        input: Input .avi file
        output: Output .mp4 file
        info: Output .json info file
        duration_sec: The duration of the output video in seconds
    """
    import av

    from input_place import place_of
    from mp4_output import FULL_RANGE, Mp4Output

    limit_sec = _positive(duration_sec)
    place = place_of(input)
    with av.open(place) as source:
        if not source.streams.video:
            raise ValueError(f"{input.file_base_name} has no pictures.")
        video = source.streams.video[0]
        rate_hz = video.average_rate or video.guessed_rate or Fraction(25)
        total_sec = _total_duration_sec(source, rate_hz)
        num_frames = math.ceil(min(limit_sec, Fraction(total_sec)) * rate_hz)
        print(
            f"{video.codec_context.name}, {video.width} x {video.height}, {video.pix_fmt}, "
            f"{float(rate_hz):g} frames a second, {total_sec:g} s; {num_frames} frames are taken"
        )
        with Mp4Output(
            "output.mp4",
            width=video.width,
            height=video.height,
            is_full_range=(video.pix_fmt or "").startswith("yuvj")
            or video.codec_context.color_range == FULL_RANGE,
            frame_rate_hz=rate_hz,
            num_frames=num_frames,
            time_base_sec=video.time_base,
        ) as mp4:
            _convert(source, mp4, rate_hz, limit_sec)
    if not isinstance(place, str):
        print(f"Fetched {place.bytes_fetched / 1e6:.1f} of {place.size / 1e6:.1f} MB")
        place.close()
    output.upload("output.mp4")
    with open("info.json", "w", encoding="utf-8") as file:
        json.dump({"total_duration_sec": total_sec}, file)
    info.upload("info.json")
    mp4.draw_stills()


def _positive(duration_sec: str | float) -> Fraction:
    """A duration in seconds, which is text in the processor's spec and a number in most jobs."""
    try:
        duration = Fraction(str(duration_sec))
    except ValueError:
        duration = Fraction(0)
    if duration <= 0:
        raise ValueError(f"duration_sec is {duration_sec!r}. Give a number of seconds, above 0.")
    return duration


def _total_duration_sec(source: Any, rate_hz: Fraction) -> float:
    """How long the whole video is, by the number of its frames if the file has that."""
    video = source.streams.video[0]
    if video.frames > 0:
        return float(video.frames / rate_hz)
    if video.duration is not None and video.time_base is not None:
        return float(video.duration * video.time_base)
    return (source.duration or 0) / 1_000_000  # FFmpeg counts these in microseconds


def _convert(source: Any, mp4: Mp4Output, rate_hz: Fraction, limit_sec: Fraction) -> None:
    """Write the pictures and the sound of the first seconds."""
    video = source.streams.video[0]
    video.thread_type = "AUTO"
    sound = _Sound(source, mp4, limit_sec) if source.streams.audio else None
    streams = [video] if sound is None else [video, sound.stream]
    times = _Times(1 / (rate_hz * video.time_base))
    # An AVI says in which order its frames are stored, which is not always that of their times.
    has_times = source.format.name != "avi" or not video.codec_context.has_b_frames
    has_all_pictures = False
    for packet in source.demux(streams):
        if packet.stream is not video:
            if sound is not None:
                sound.add(packet)
        elif not has_all_pictures:
            for frame in _decoded(packet):
                frame.pts = times.from_the_first(frame.pts if has_times else None)
                if frame.pts * video.time_base >= limit_sec:
                    has_all_pictures = True
                    break
                mp4.write(frame)
        if has_all_pictures and (sound is None or sound.has_all):
            break
    if sound is not None:
        sound.close()


class _Times:
    """The times of frames, counted from the first one and never going back.

    Args:
        step: how far frames without a time are apart, in the unit of the stream.
    """

    def __init__(self, step: Fraction) -> None:
        self._step = max(1, round(step))
        self._first: int | None = None
        self._last = -self._step

    def from_the_first(self, pts: int | None) -> int:
        """The time of the next frame."""
        if pts is None:
            self._last += self._step
            return self._last
        if self._first is None:
            self._first = pts
        self._last = max(pts - self._first, self._last + 1)
        return self._last


class _Sound:
    """The sound of the first seconds of a video, which is written as AAC.

    Attributes:
        stream: of the source.
        has_all: whether all of these seconds are written.
    """

    def __init__(self, source: Any, mp4: Mp4Output, limit_sec: Fraction) -> None:
        import av

        self.stream = source.streams.audio[0]
        self.has_all = False
        self._container = mp4.container
        self._limit_sec = limit_sec
        self._first_pts: int | None = None
        layout = "mono" if self.stream.channels == 1 else "stereo"
        self._written = mp4.container.add_stream("aac", rate=SOUND_RATE_HZ, layout=layout)
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=SOUND_RATE_HZ)

    def add(self, packet: Any) -> None:
        """Write what is in a packet of the source."""
        for frame in [] if self.has_all else _decoded(packet):
            if frame.pts is None:
                continue
            self._first_pts = frame.pts if self._first_pts is None else self._first_pts
            frame.pts -= self._first_pts
            if frame.pts * frame.time_base >= self._limit_sec:
                self.has_all = True
                return
            self._write(frame)

    def close(self) -> None:
        """Write what is left."""
        self._write(None)
        self._container.mux(self._written.encode())

    def _write(self, frame: Any) -> None:
        for resampled in self._resampler.resample(frame):
            self._container.mux(self._written.encode(resampled))


def _decoded(packet: Any) -> list[Any]:
    """The frames of a packet; none of a damaged one, without which a video can go on."""
    import av

    try:
        return list(packet.decode())
    except av.error.InvalidDataError as error:
        print(f"A part of the {packet.stream.type} is damaged and left out: {error}")
        return []
