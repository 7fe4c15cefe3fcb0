"""The figure that comes with a result, for a person to look at."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from dendro_local.sdk import upload_additional_job_output

if TYPE_CHECKING:
    from collections.abc import Generator


@contextlib.contextmanager
def job_figure(name: str, *, width_inch: float, height_inch: float) -> Generator[Figure]:
    """A figure that is added to the job at the end of the block.

    Args:
        name: what the job calls the file, such as ``correlograms.png``.
        width_inch: of 100 pixels.
        height_inch: the same.
    """
    figure = Figure(figsize=(width_inch, height_inch))
    # What is needed around the axes, instead of a layout that is computed: that takes longer.
    below, above = 0.6 / height_inch, 1 - 0.4 / height_inch
    figure.subplots_adjust(0.7 / width_inch, below, 1 - 0.2 / width_inch, above)
    yield figure
    figure.savefig(name, dpi=100)
    upload_additional_job_output(name, name)
    print(f"Drew {name}")
