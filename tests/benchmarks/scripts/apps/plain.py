# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#     "h5py>=3.12",
#     "lindi==0.4.6",
#     "mountainsort5==0.5.9",
#     "numpy>=2",
#     "pynwb==4.2.0",
#     "qfc==0.3.6",
#     "spikeinterface==0.105.3",
#     "zarr<3",
# ]
# ///
"""The results of the apps, got from the libraries in the plainest way: ``plain.py PROCESSOR FILE``.

This is how the original's processors go about it: files are read with lindi, recordings by
SpikeInterface, NWB files are written by pynwb, and what these do not give is counted in loops.
Nothing is drawn. Rastermap and CEBRA need another environment, which has no pynwb: there no NWB
file is written, which is less work than the original's.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

RAW = "acquisition/ElectricalSeries"
CHUNK_SEC = 5
OUTPUT = "output.lindi.tar"


def spike_trains(path: str) -> list[NDArray[np.float64]]:
    import lindi

    with lindi.LindiH5pyFile.from_hdf5_file(path, url=path) as file:
        times = file["units/spike_times"][()]
        ends = file["units/spike_times_index"][()].astype(int)
    return [times[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def write(arrays: dict[str, Any]) -> None:
    import lindi

    with lindi.LindiH5pyFile.from_lindi_file(OUTPUT, mode="w") as file:
        for name, data in arrays.items():
            file.create_dataset(name, data=data)


def recording_of(path: str) -> Any:
    from spikeinterface.extractors.nwbextractors import NwbRecordingExtractor

    return NwbRecordingExtractor(path, electrical_series_path=RAW)


def filtered(recording: Any, **options: Any) -> Any:
    import spikeinterface.preprocessing as preprocessing

    return preprocessing.bandpass_filter(recording, freq_min=300, freq_max=6000, **options)


def in_a_file(recording: Any, name: str) -> Any:
    return recording.save(
        folder=name, dtype="float32", n_jobs=1, chunk_duration="20s", progress_bar=False
    )


def units_summary_1(path: str) -> None:
    edges = np.arange(-49.5, 50)
    rows = []
    for train in spike_trains(path):
        row = np.zeros(99, dtype=np.uint32)
        for offset in range(1, len(train)):
            lags = (train[offset:] - train[:-offset]) * 1000
            lags = lags[lags <= edges[-1]]
            if len(lags) == 0:
                break
            for number in range(50):
                first, last = edges[49 + number], edges[50 + number]
                count = len(lags[(lags >= first) & (lags < last)])
                row[49 + number] += count
                row[49 - number] += count
        rows.append(row)
    write({"autocorrelograms": np.array(rows)})


def ephys_summary_1(path: str) -> None:
    recording = filtered(recording_of(path))
    frames = int(CHUNK_SEC * recording.get_sampling_frequency())
    num_channels = recording.get_num_channels()
    starts = range(0, recording.get_num_frames() - frames + 1, frames)
    rates = np.zeros((len(starts), num_channels))
    for number, start in enumerate(starts):
        traces = recording.get_traces(start_frame=start, end_frame=start + frames)
        for channel in range(num_channels):
            rates[number, channel] = num_peaks(traces[:, channel]) / CHUNK_SEC
    spectra = np.zeros((len(starts), num_channels, frames // 2))
    for number, start in enumerate(starts):
        traces = recording.get_traces(start_frame=start, end_frame=start + frames)
        for channel in range(num_channels):
            spectra[number, channel] = np.abs(np.fft.fft(traces[:, channel]))[: frames // 2] ** 2
    every = frames // 2 // 1000
    write({"rates": rates.mean(axis=0), "ps": spectra.mean(axis=0)[:, ::every]})


def num_peaks(trace: NDArray[Any]) -> int:
    values = (trace - np.mean(trace)) / np.std(trace)
    count, last = 0, -1000
    for frame in np.where(values < -5)[0]:
        if frame - last > 20:
            count, last = count + 1, frame
    return count


def multiscale_spike_density(path: str) -> None:
    write({"spike_counts": counts_of(spike_trains(path), 0.02).astype(np.int32)})


def counts_of(trains: list[NDArray[np.float64]], bin_sec: float) -> NDArray[np.float64]:
    end = max(train.max() for train in trains)
    num_bins = int(end / bin_sec)
    counts = np.zeros((num_bins, len(trains)))
    for unit, train in enumerate(trains):
        counts[:, unit], _ = np.histogram(train, bins=num_bins, range=(0, end))
    return counts


@contextlib.contextmanager
def copy_of(path: str) -> Iterator[tuple[Any, Any]]:
    """The file as an NWB file that can be added to, and as what h5py would make of it."""
    import lindi
    import pynwb

    with lindi.LindiH5pyFile.from_hdf5_file(path, url=path) as file:
        file.write_lindi_file(OUTPUT)
    with (
        lindi.LindiH5pyFile.from_lindi_file(OUTPUT, mode="r+") as file,
        pynwb.NWBHDF5IO(file=file, mode="a") as io,
    ):
        nwb = io.read()
        yield nwb, file
        io.write(nwb, expandable=[])


def prepare_ephys_spike_sorting_dataset(path: str) -> None:
    from qfc import qfc_estimate_quant_scale_factor
    from qfc.codecs.QFCCodec import QFCCodec

    QFCCodec.register_codec()
    with copy_of(path) as (_, file):
        recording = in_a_file(filtered(recording_of(path), dtype="float32"), "filtered")
        rate = recording.get_sampling_frequency()
        first = np.ascontiguousarray(recording.get_traces(start_frame=0, end_frame=int(rate)))
        how = {"compression_method": "zlib", "zlib_level": 3, "zstd_level": 3}
        scale = qfc_estimate_quant_scale_factor(first, target_compression_ratio=12, **how)
        codec = QFCCodec(quant_scale_factor=scale, dtype="float32", segment_length=int(rate), **how)
        file.create_dataset(
            "acquisition/pre/data",
            data=recording.get_traces(),
            chunks=(int(rate), recording.get_num_channels()),
            compression=codec,
        )


def whitened(recording: Any) -> Any:
    import spikeinterface.preprocessing as preprocessing

    white = preprocessing.whiten(
        recording, dtype="float32", num_chunks_per_segment=1, chunk_size=100_000
    )
    return in_a_file(white, "whitened")


def mountainsort5(path: str) -> None:
    import mountainsort5 as ms5
    from pynwb.file import ProcessingModule
    from pynwb.misc import Units

    with copy_of(path) as (nwb, _):
        recording = whitened(recording_of(path))
        sorting = ms5.sorting_scheme2(
            recording=recording,
            sorting_parameters=ms5.Scheme2SortingParameters(
                phase1_detect_channel_radius=100,
                detect_channel_radius=100,
                phase1_detect_threshold=5.5,
                detect_threshold=5.5,
                snippet_T1=20,
                snippet_T2=20,
                snippet_mask_radius=None,
                training_duration_sec=recording.get_total_duration(),
            ),
        )
        table = Units(name="units_ms5", description="Units")
        for number, unit in enumerate(sorting.unit_ids):
            frames = sorting.get_unit_spike_train(unit_id=unit)
            table.add_unit(spike_times=frames / recording.get_sampling_frequency(), id=number + 1)
        nwb.add_processing_module(ProcessingModule(name="ecephys", description="Units"))
        nwb.processing["ecephys"].add(table)


def mountainsort5_1(path: str) -> None:
    import mountainsort5 as ms5

    ms5.sorting_scheme1(
        recording=whitened(filtered(recording_of(path))),
        sorting_parameters=ms5.Scheme1SortingParameters(
            detect_threshold=6,
            detect_channel_radius=None,
            snippet_T1=20,
            snippet_T2=50,
            snippet_mask_radius=None,
        ),
    )


def spike_sorting_post_processing(path: str) -> None:
    import spikeinterface as si

    recording = in_a_file(recording_of(path), "recording")
    rate = recording.get_sampling_frequency()
    trains = {
        unit: np.round(train * rate).astype(int) for unit, train in enumerate(spike_trains(path))
    }
    sorting = si.NumpySorting.from_unit_dict([trains], rate)
    metrics = (
        "firing_rate isi_violation rp_violation snr presence_ratio amplitude_cutoff "
        "amplitude_median"
    )
    steps = (
        "random_spikes templates noise_levels unit_locations correlograms spike_amplitudes "
        "quality_metrics waveforms"
    )
    analyzer = si.create_sorting_analyzer(sorting, recording)
    analyzer.compute(
        steps.split(), extension_params={"quality_metrics": {"metric_names": metrics.split()}}
    )
    templates = analyzer.get_extension("templates")
    with copy_of(path) as (_, file):
        table = file["units"]
        found = analyzer.get_extension("quality_metrics").get_data()
        columns = {name: found[name].to_numpy() for name in found.columns}
        columns["waveform_mean"] = templates.get_templates(operator="average")
        columns["waveform_sd"] = templates.get_templates(operator="std")
        for name, values in columns.items():
            table.create_dataset(name, data=values)


def rastermap(path: str) -> None:
    from rastermap import Rastermap
    from scipy.stats import zscore

    counts = counts_of(spike_trains(path), 0.1)
    Rastermap(n_clusters=None, n_PCs=8, locality=0.0, grid_upsample=10).fit(
        zscore(counts.T, axis=1)
    )


def cebra_nwb_embedding_6(path: str) -> None:
    import cebra

    counts = counts_of(spike_trains(path), 0.02).astype(np.float32)
    model = cebra.CEBRA(
        model_architecture="offset10-model",
        max_iterations=100,
        batch_size=1000,
        output_dimension=10,
        temperature=1.0,
        distance="cosine",
        device="cuda_if_available",
    )
    model.fit(counts, np.arange(len(counts)) * 0.02)
    model.transform(counts)


def avi_to_mp4(path: str) -> None:
    import av

    with av.open(path) as source, av.open("output.mp4", "w") as made:
        video = source.streams.video[0]
        video.thread_type = "AUTO"
        stream = mp4_stream(made, video.average_rate, video.width, video.height)
        for frame in source.decode(video):
            frame.pict_type = 0
            made.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        made.mux(stream.encode())


def image_series_to_mp4(path: str) -> None:
    import av
    import h5py

    with h5py.File(path) as file, av.open("output.mp4", "w") as made:
        images = file["acquisition/movie/data"]
        rate = int(file["acquisition/movie/starting_time"].attrs["rate"])
        stream = mp4_stream(made, rate, images.shape[2], images.shape[1])
        brightest = np.percentile(images[:20], 99)
        for image in images:
            gray = np.clip(image / (brightest or 1) * 255, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.stack([gray] * 3, axis=-1), format="rgb24")
            made.mux(stream.encode(frame))
        made.mux(stream.encode())


def mp4_stream(made: Any, rate: Any, width: int, height: int) -> Any:
    stream = made.add_stream("libx264", rate=rate)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
    return stream


if __name__ == "__main__":
    processor, path = sys.argv[1:]
    globals()[processor](path)
