# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "av>=16",
#     "h5py>=3.12",
#     "lindi==0.4.6",
#     "matplotlib>=3.10",
#     "mountainsort5==0.5.9",
#     "numcodecs<0.16",
#     "numpy>=2",
#     "pandas>=2.2",
#     "requests>=2.32",
#     "scipy>=1.14",
#     "spikeinterface==0.105.3",
#     "zarr<3",
# ]
# ///
"""MountainSort5 on a part of a recording. It has the same requirements as hello_neurosift, so
that the two share one environment."""

from __future__ import annotations

from dendro_local.sdk import App, InputFile, OutputFile
from sort_segment import sort_segment

app = App("hello_mountainsort5", description="Hello MountainSort5", version="1.0.0")


@app.processor(
    image="dendro-local/hello-mountainsort5:1.0.0",
    warm_imports=[
        "bandpass",
        "lindi.LindiH5ZarrStore.LindiH5ZarrStore",
        "matplotlib.backends.backend_agg",
        "mountainsort5",
        "spikeinterface.preprocessing",
    ],
)
def mountainsort5_1(
    input: InputFile,
    output: OutputFile,
    electrical_series_path: str,
    segment_start_time_sec: float,
    segment_duration_sec: float,
) -> None:
    """Run MountainSort5 on an electrophysiology dataset

    Args:
        input: Input NWB file in .nwb or .nwb.lindi.tar format
        output: Output data in .nwb.lindi.tar format
        electrical_series_path: Path to the electrical series object in the NWB file
        segment_start_time_sec: Start time of segment to analyze in seconds
        segment_duration_sec: Duration of segment to analyze in seconds
    """
    sort_segment(
        input, output, electrical_series_path, segment_start_time_sec, segment_duration_sec
    )


if __name__ == "__main__":
    app.run()
