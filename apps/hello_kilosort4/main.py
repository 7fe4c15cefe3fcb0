# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#     "h5py>=3.12",
#     "kilosort==4.1.7",
#     "lindi==0.4.6",
#     "matplotlib>=3.10",
#     "numcodecs<0.16",
#     "numpy>=2",
#     "requests>=2.32",
#     "scipy>=1.14",
#     "torch>=2.4",
#     "zarr<3",
# ]
# ///
"""Kilosort4, on the GPU where there is one."""

from __future__ import annotations

from dendro_local.sdk import App, InputFile, OutputFile
from sort_kilosort4 import sort_by_kilosort4
from sorting_units import add_sorted_units

app = App("hello_kilosort4", description="Hello Kilosort4", version="1.0.0")


@app.processor(image="dendro-local/hello-kilosort4:1.0.0")
def kilosort4(
    input: InputFile, output: OutputFile, electrical_series_path: str, output_units_name: str
) -> None:
    """Run spike sorting using Kilosort4

    Args:
        input: Input NWB file in .nwb.lindi.tar format
        output: New NWB file in .nwb.lindi.tar format
        electrical_series_path: Path to the electrical series object in the NWB file
        output_units_name: Name of the output units object
    """
    add_sorted_units(
        input, output, electrical_series_path, output_units_name, "Kilosort4", sort_by_kilosort4
    )


if __name__ == "__main__":
    app.run()
