"""Embeddings by CEBRA. They differ a little from run to run: CEBRA takes no seed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from figure import job_figure
from spike_counts import SpikeCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PROGRESS_SEC = 5.0
DRAWN_DIMENSIONS = 3


class Settings(NamedTuple):
    """How an embedding is made.

    Attributes:
        max_iterations: of the training.
        batch_size: how many bins each iteration looks at.
        bin_size_msec: of the spike counts.
        output_dimensions: of the embedding.
    """

    max_iterations: int
    batch_size: int
    bin_size_msec: float
    output_dimensions: int


class Embedding(NamedTuple):
    """What was made.

    Attributes:
        embedding: shape (bins, dimensions); each row has length 1.
        losses: of each iteration.
        num_units: how many units it was made of.
        end_time_sec: when the last spike is.
    """

    embedding: NDArray[np.float32]
    losses: NDArray[np.float32]
    num_units: int
    end_time_sec: float


def embed(spike_trains_sec: Sequence[NDArray[np.float64]], settings: Settings) -> Embedding:
    """Embed what the units do over time, on the GPU if there is one.

    Args:
        spike_trains_sec: for each unit its spike times, ascending, in seconds.
        settings: how.

    Raises:
        ValueError: a setting cannot be used, or there are no spikes.
    """
    for name, value in settings._asdict().items():
        if not value > 0:
            raise ValueError(f"{name} is {value}, and must be more than 0.")
    bin_size_sec = settings.bin_size_msec / 1000
    spikes = SpikeCounts(spike_trains_sec, bin_size_sec=bin_size_sec)
    num_bins, num_units = spikes.counts.shape

    print("Loading CEBRA")
    import cebra
    import torch

    device = "the GPU" if torch.cuda.is_available() else "the CPU"
    print(f"Training on {device}, {settings.max_iterations} iterations")
    counts = spikes.counts.astype(np.float32)
    model: Any = cebra.CEBRA(
        model_architecture="offset10-model",
        max_iterations=settings.max_iterations,
        batch_size=settings.batch_size,
        output_dimension=settings.output_dimensions,
        temperature=1.0,
        distance="cosine",
        device="cuda_if_available",
        verbose=False,
    )
    progress = _Progress(settings.max_iterations)
    model.fit(counts, np.arange(num_bins) * bin_size_sec, callback=progress, callback_frequency=1)
    losses = model.state_dict_["loss"].cpu().numpy().astype(np.float32)
    embedding = np.asarray(model.transform(counts), dtype=np.float32)
    print(f"Embedded {num_bins} bins of {num_units} units; last loss {losses[-1]:.3f}")
    return Embedding(embedding, losses, num_units, spikes.end_time_sec)


def draw_embedding(made: Embedding, bin_size_msec: float) -> None:
    """Draw the first dimensions over time and against each other, and the losses."""
    times_sec = np.arange(len(made.embedding)) * bin_size_msec / 1000
    num_drawn = min(DRAWN_DIMENSIONS, made.embedding.shape[1])
    with job_figure("embedding.png", width_inch=12, height_inch=4) as figure:
        over_time, plane, training = figure.subplots(1, 3)
        for number in range(num_drawn):
            over_time.plot(
                times_sec, made.embedding[:, number], linewidth=0.5, label=f"dimension {number + 1}"
            )
        over_time.set(xlabel="time (s)", title="Embedding")
        over_time.legend(fontsize=7, loc="upper right")
        second = made.embedding[:, min(1, num_drawn - 1)]
        plane.scatter(made.embedding[:, 0], second, c=times_sec, s=2)
        plane.set(xlabel="dimension 1", title="Dimension 2 over 1, coloured by time")
        training.plot(made.losses, linewidth=0.8)
        training.set(xlabel="iteration", title="Loss")


class _Progress:
    """Tells on the console, every few seconds and at the end, how far the training is."""

    def __init__(self, num_iterations: int) -> None:
        self._num_iterations = num_iterations
        self._told_at = time.monotonic()

    def __call__(self, step: int, solver: Any) -> None:
        now = time.monotonic()
        if now - self._told_at >= PROGRESS_SEC or step == self._num_iterations - 1:
            self._told_at = now
            loss = solver.log["total"][-1]
            print(f"Iteration {step + 1} of {self._num_iterations}: loss {loss:.3f}")
