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
"""What Neurosift asks for: summaries, videos and spike sorting of NWB files."""

from __future__ import annotations

from avi_to_mp4 import avi_to_mp4
from dendro_local.sdk import App
from ephys_summary import ephys_summary_1
from image_series_to_mp4 import image_series_to_mp4
from multiscale_spike_density import multiscale_spike_density
from sorting_mountainsort5 import mountainsort5
from sorting_post_processing import spike_sorting_post_processing
from sorting_prepare import prepare_ephys_spike_sorting_dataset
from units_summary import units_summary_1

IMAGE = "dendro-local/hello-neurosift:1.0.0"

app = App(
    "hello_neurosift",
    description="Neurosift processors",
    version="1.0.0",
    needs_network=True,  # a LINDI file of this machine leads to files on the web
)

# What the processors import when they run, so that a first job need not wait for all of it.
FIGURE = ["matplotlib.backends.backend_agg"]
COPY = ["lindi.LindiH5ZarrStore.LindiH5ZarrStore"]
SORTING = [*COPY, *FIGURE, "sorting_figures", "sorting_qfc", "sorting_recording", "spikeinterface"]

for processor, warm_imports in (
    (units_summary_1, FIGURE),
    (ephys_summary_1, ["bandpass", "channel_activity", *FIGURE]),
    (avi_to_mp4, ["mp4_output", *FIGURE]),
    (image_series_to_mp4, ["mp4_output", *FIGURE]),
    (multiscale_spike_density, FIGURE),
    (
        prepare_ephys_spike_sorting_dataset,
        [*COPY, *FIGURE, "bandpass", "sorting_qfc", "sorting_recording"],
    ),
    (mountainsort5, [*SORTING, "mountainsort5", "spikeinterface.preprocessing"]),
    (
        spike_sorting_post_processing,
        [
            *SORTING,
            "pandas",
            "sorting_metrics",
            "spikeinterface.metrics",
            "spikeinterface.postprocessing",
            "spikeinterface.widgets",
        ],
    ),
):
    app.processor(image=IMAGE, warm_imports=warm_imports)(processor)

if __name__ == "__main__":
    app.run()
