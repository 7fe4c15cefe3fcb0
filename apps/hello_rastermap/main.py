# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#     "h5py>=3.12",
#     "lindi==0.4.6",
#     "matplotlib>=3.10",
#     "numcodecs<0.16",
#     "numpy>=2",
#     "rastermap==1.0",
#     "requests>=2.32",
#     "scipy>=1.14",
#     "zarr<3",
# ]
# ///
"""Rastermap: the order of units in which those that fire together are neighbours."""

from __future__ import annotations

import json

from dendro_local.sdk import App, InputFile, OutputFile
from nwb_input import open_nwb
from spike_counts import SpikeCounts
from unit_order import draw_raster, order_of_units

app = App("hello_rastermap", description="Rastermap", version="1.0.0")


@app.processor(
    image="dendro-local/hello-rastermap:1.0.0",
    # Not rastermap, which starts OpenMP as it is imported: that ends a process that is forked.
    warm_imports=[
        "matplotlib.backends.backend_agg",
        "numba_ready",
        "sklearn.cluster",
        "sklearn.decomposition",
    ],
)
def rastermap(
    input: InputFile,
    output: OutputFile,
    units_path: str,
    n_clusters: int,
    n_PCs: int,  # noqa: N803 - the name that clients send
    locality: float,
    grid_upsample: int,
) -> None:
    """Compute the sorting order of units using Rastermap

    Args:
        input: Input NWB file in .nwb or .nwb.lindi.tar format
        output: Output data in .json format
        units_path: Path to the units table in the NWB file
        n_clusters: Number of clusters to use in Rastermap. 0 means None.
        n_PCs: Number of principal components to use in Rastermap
        locality: Locality in sorting to find sequences (this is a value from 0 to 1)
        grid_upsample: 10 is good for large recordings
    """
    with open_nwb(input) as nwb:
        trains = nwb.spike_trains_sec(units_path)
    spikes = SpikeCounts(trains, bin_size_sec=0.1)
    order = order_of_units(
        spikes.counts,
        n_clusters=n_clusters,
        n_pcs=n_PCs,
        locality=locality,
        grid_upsample=grid_upsample,
    )
    with open("output.json", "w", encoding="utf-8") as file:
        json.dump({"isort": order}, file)
    output.upload("output.json")
    draw_raster(trains, order)


if __name__ == "__main__":
    app.run()
