# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "av>=16",
#     "h5py>=3.12",
#     "lindi==0.4.6",
#     "matplotlib>=3.10",
#     "numcodecs<0.16",
#     "numpy>=2",
#     "requests>=2.32",
#     "zarr<3",
# ]
# ///
"""Videos that a browser plays, from AVI files and from image series of NWB files.

The processors are those of hello_neurosift, where Neurosift asks for them. Here they can be had
without what spike sorting needs to be installed.
"""

from __future__ import annotations

from avi_to_mp4 import avi_to_mp4
from dendro_local.sdk import App
from image_series_to_mp4 import image_series_to_mp4

IMAGE = "dendro-local/hello-video:1.0.0"

app = App(
    "hello_video",
    description="Videos that a browser plays",
    version="1.0.0",
    needs_network=True,  # a LINDI file of this machine leads to files on the web
)

for processor in (avi_to_mp4, image_series_to_mp4):
    app.processor(image=IMAGE, warm_imports=["matplotlib.backends.backend_agg", "mp4_output"])(
        processor
    )

if __name__ == "__main__":
    app.run()
