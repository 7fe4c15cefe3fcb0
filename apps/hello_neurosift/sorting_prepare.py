"""The processor ``prepare_ephys_spike_sorting_dataset``."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dendro_local.sdk import InputFile, OutputFile
from electrical_series import ElectricalSeries
from figure import job_figure
from lindi_output import FilePart, LindiArray
from nwb_copy import NwbCopy
from nwb_input import LocalFile, open_nwb
from nwb_objects import add_electrodes, add_series_group, check_free, data_attributes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nwb_input import NwbInput
    from sorting_qfc import QfcCodec
    from sorting_recording import Channels, Segment

CHUNKS_FILE = "packed_chunks"
NOISE_PART = 0.05
"""Of the noise, so much is changed by the compression if no ratio is asked for."""

DRAWN_SEC = 0.05
MAX_DRAWN_CHANNELS = 8


def prepare_ephys_spike_sorting_dataset(
    input: InputFile,
    output: OutputFile,
    electrical_series_path: str,
    duration_sec: float,
    electrode_indices: list[int],
    freq_min: float,
    freq_max: float,
    compression_ratio: float,
    output_electrical_series_name: str,
) -> None:
    """Run preprocessing on an electrophysiology dataset in preparation for spike sorting

    Args:
        input: Input NWB file in .nwb or .nwb.lindi.tar format
        output: New NWB file in .nwb.lindi.tar format
        electrical_series_path: Path to the electrical series object in the NWB file
        duration_sec: Duration of the recording to process, or 0 to process the entire recording
        electrode_indices: List of electrode indices to process
        freq_min: Minimum frequency for bandpass filter
        freq_max: Maximum frequency for bandpass filter
        compression_ratio: Target compression ratio
        output_electrical_series_name: Name of the output electrical series object
    """
    from sorting_recording import channels_of, segment_of

    name = output_electrical_series_name
    if not name or "/" in name:
        raise ValueError(f"{name!r} cannot be the name of an electrical series.")
    with open_nwb(input) as nwb:
        series = ElectricalSeries(nwb, electrical_series_path)
        segment = segment_of(series, 0, duration_sec)
        channels = channels_of(nwb, electrical_series_path, series, electrode_indices)
        print(f"{len(channels.ids)} of {series.num_channels} channels: {', '.join(channels.ids)}")
        copy = NwbCopy(nwb)
        check_free(copy, f"acquisition/{name}")  # now, not after the filtering
        band_hz = (freq_min, freq_max)
        packed = _filter_and_pack(series, segment, channels, band_hz, compression_ratio)
        description = (
            f"{electrical_series_path}, {freq_min:g} to {freq_max:g} Hz. dendro:{output.job_id}"
        )
        source = _Source(nwb, electrical_series_path, series, segment, channels)
        _add_series(copy, f"acquisition/{name}", description, source, packed)
        copy.write("pre.nwb.lindi.tar")
    output.upload("pre.nwb.lindi.tar")
    _draw(packed, channels.ids, series.sampling_rate_hz)


class _Source(NamedTuple):
    """What was filtered."""

    nwb: NwbInput
    path: str
    series: ElectricalSeries
    segment: Segment
    channels: Channels


class _Packed(NamedTuple):
    """The filtered traces, packed chunk by chunk into a file.

    Attributes:
        codec: what they are packed with.
        chunk_frames: of each chunk.
        parts: where the chunks are, in order.
        first_chunk: filtered, shape (frames, channels).
        first_unpacked: the same after packing and unpacking.
    """

    codec: QfcCodec
    chunk_frames: int
    parts: list[FilePart]
    first_chunk: NDArray[np.float32]
    first_unpacked: NDArray[np.float32]


def _filter_and_pack(
    series: ElectricalSeries,
    segment: Segment,
    channels: Channels,
    band_hz: tuple[float, float],
    compression_ratio: float,
) -> _Packed:
    from sorting_qfc import QfcCodec
    from sorting_recording import filtered_pieces

    chunk_frames = round(series.sampling_rate_hz)
    pieces = filtered_pieces(series, segment, channels, min_hz=band_hz[0], max_hz=band_hz[1])
    sizes: list[int] = []
    head = next(pieces)
    first = head[:chunk_frames].copy()
    codec = QfcCodec(_scale_factor(first, compression_ratio), "float32", chunk_frames)
    with open(CHUNKS_FILE, "wb") as file:
        for piece in itertools.chain([head], pieces):
            for start in range(0, len(piece), chunk_frames):
                chunk = np.zeros((chunk_frames, len(channels.ids)), dtype=np.float32)
                chunk[: len(piece) - start] = piece[start : start + chunk_frames]
                sizes.append(file.write(codec.encode(chunk)))
    num_frames = segment.end - segment.start
    print(
        f"{2 * num_frames * len(channels.ids) / 1e6:.1f} MB as 16-bit numbers, packed into "
        f"{sum(sizes) / 1e6:.1f} MB"
    )
    packed_file = LocalFile(CHUNKS_FILE)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).tolist()
    parts = [FilePart(packed_file, start, size) for start, size in zip(starts, sizes, strict=True)]
    unpacked = codec.decode(packed_file.read_range(0, sizes[0]))[: len(first)]
    residual = float((unpacked - first).std())
    print(f"Packing changes the traces by {residual:.3g} (standard deviation, in counts)")
    return _Packed(codec, chunk_frames, parts, first, unpacked)


def _scale_factor(traces: NDArray[np.float32], compression_ratio: float) -> float:
    from sorting_qfc import scale_factor_for_ratio, scale_factor_for_residual

    if compression_ratio > 0:
        factor = scale_factor_for_ratio(traces, compression_ratio)
    else:
        noise = float(np.median(np.abs(traces - np.median(traces)))) / 0.6745
        factor = scale_factor_for_residual(traces, NOISE_PART * noise)
    print(f"Coefficients are rounded to 1/{factor:g}")
    return factor


def _add_series(
    copy: NwbCopy, path: str, description: str, source: _Source, packed: _Packed
) -> None:
    from sorting_recording import start_time_sec

    series, segment, channels = source.series, source.segment, source.channels
    data = source.nwb.dataset(f"{source.path.strip('/')}/data")
    conversion = float(data.attrs.get("conversion", 1.0))
    start_sec = start_time_sec(source.nwb, source.path) + segment.start / series.sampling_rate_hz
    add_series_group(
        copy, path, "ElectricalSeries", description, start_sec, series.sampling_rate_hz
    )
    chunk_shape = [packed.chunk_frames, len(channels.ids)]
    copy.add_packed_array(
        f"{path}/data",
        {
            "chunks": chunk_shape,
            "compressor": packed.codec.get_config(),
            "dtype": "<f4",
            "fill_value": 0,
            "filters": None,
            "order": "C",
            "shape": [segment.end - segment.start, len(channels.ids)],
            "zarr_format": 2,
        },
        # The filter leaves no offset.
        data_attributes(unit="volts", conversion=conversion),
        {f"{number}.0": part for number, part in enumerate(packed.parts)},
    )
    group = source.nwb.group(source.path)
    if "channel_conversion" in group:
        factors = source.nwb.dataset(f"{source.path.strip('/')}/channel_conversion")[()]
        copy.add_array(
            f"{path}/channel_conversion",
            LindiArray(factors[channels.indices].astype(np.float32), {"axis": 1}),
        )
    add_electrodes(copy, path, channels.electrode_rows, "the electrodes of the channels")


def _draw(packed: _Packed, channel_ids: list[str], rate_hz: float) -> None:
    """Draw some channels of the first chunk, before packing and after."""
    num_channels = min(len(channel_ids), MAX_DRAWN_CHANNELS)
    frames = max(2, int(DRAWN_SEC * rate_hz))
    before = packed.first_chunk[:frames, :num_channels]
    after = packed.first_unpacked[:frames, :num_channels]
    distance = 1.2 * float(np.ptp(before)) or 1.0
    times_msec = 1000 * np.arange(len(before)) / rate_hz
    with job_figure("traces.png", width_inch=10, height_inch=1 + num_channels) as figure:
        axes = figure.subplots()
        for number in range(num_channels):
            level = -distance * number
            axes.plot(times_msec, before[:, number] + level, color="0.7", linewidth=2)
            axes.plot(times_msec, after[:, number] + level, color="tab:blue", linewidth=0.7)
        axes.set_yticks([-distance * n for n in range(num_channels)], channel_ids[:num_channels])
        axes.set(xlabel="time (ms)", title="Filtered traces: grey before packing, blue after")
