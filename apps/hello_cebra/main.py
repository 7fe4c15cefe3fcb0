# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "cebra==0.6.1",
#     "h5py>=3.12",
#     "lindi==0.4.6",
#     "matplotlib>=3.10",
#     "numcodecs<0.16",
#     "numpy>=2",
#     "requests>=2.32",
#     "torch>=2.4",
#     "zarr<3",
# ]
# ///
"""CEBRA embeddings of units: what a population of neurons does, in some dimensions over time."""

from __future__ import annotations

from dendro_local.sdk import App, InputFile, OutputFile
from embedding import Settings, draw_embedding, embed
from lindi_output import LindiArray, write_lindi_tar
from nwb_copy import NwbCopy
from nwb_input import open_nwb
from nwb_objects import add_processing_module, add_time_series, check_free

IMAGE = "dendro-local/hello-cebra:1.0.0"
WARM_IMPORTS = [
    "cebra",
    "lindi.LindiH5ZarrStore.LindiH5ZarrStore",
    "matplotlib.backends.backend_agg",
]

app = App("hello_cebra", description="Example CEBRA processors", version="1.0.0")


@app.processor(image=IMAGE, warm_imports=WARM_IMPORTS)
def cebra_nwb_embedding_5(
    input: InputFile,
    output: OutputFile,
    units_path: str = "units",
    max_iterations: int = 1000,
    batch_size: int = 1000,
    bin_size_msec: float = 20,
    output_dimensions: int = 10,
) -> None:
    """Create a CEBRA embedding from a units table in an NWB file

    Args:
        input: Input NWB file in .nwb or .nwb.lindi.tar format
        output: Output embedding in .lindi.tar format
        units_path: Path to the units table in the NWB file
        max_iterations: Maximum number of iterations
        batch_size: Batch size
        bin_size_msec: Bin size in milliseconds
        output_dimensions: Output dimensions
    """
    settings = Settings(max_iterations, batch_size, bin_size_msec, output_dimensions)
    with open_nwb(input) as nwb:
        made = embed(nwb.spike_trains_sec(units_path), settings)
    write_lindi_tar(
        "cebra.lindi.tar",
        {"embedding": LindiArray(made.embedding), "loss": LindiArray(made.losses)},
        {
            **settings._asdict(),
            "num_units": made.num_units,
            "num_bins": len(made.embedding),
            "start_time_sec": 0.0,
            "end_time_sec": made.end_time_sec,
        },
    )
    output.upload("cebra.lindi.tar")
    draw_embedding(made, bin_size_msec)


@app.processor(image=IMAGE, warm_imports=WARM_IMPORTS)
def cebra_nwb_embedding_6(
    input: InputFile,
    output: OutputFile,
    units_path: str = "units",
    max_iterations: int = 1000,
    batch_size: int = 1000,
    bin_size_msec: float = 20,
    output_dimensions: int = 10,
) -> None:
    """Create a CEBRA embedding from a units table in an NWB file

    Args:
        input: Input NWB file in .nwb or .nwb.lindi.tar format
        output: Output NWB file in .nwb.lindi.tar format
        units_path: Path to the units table in the NWB file
        max_iterations: Maximum number of iterations
        batch_size: Batch size
        bin_size_msec: Bin size in milliseconds
        output_dimensions: Output dimensions
    """
    settings = Settings(max_iterations, batch_size, bin_size_msec, output_dimensions)
    with open_nwb(input) as nwb:
        copy = NwbCopy(nwb)
        module = add_processing_module(copy, "CEBRA", "CEBRA embeddings")
        check_free(copy, f"{module}/embedding")  # now, not after all iterations
        made = embed(nwb.spike_trains_sec(units_path), settings)
        add_time_series(
            copy,
            f"{module}/embedding",
            data=made.embedding,
            description=f"CEBRA embedding. dendro:{output.job_id}",
            unit="a.u.",
            start_time_sec=0.0,
            rate_hz=1000 / bin_size_msec,
        )
        copy.write("output.nwb.lindi.tar")
    output.upload("output.nwb.lindi.tar")
    draw_embedding(made, bin_size_msec)


if __name__ == "__main__":
    app.run()
