"""Recordings that are made up, and what is in them: the app of the demo store."""

from __future__ import annotations

import json
import time
from pathlib import Path

import h5py
import numpy as np

from dendro_local.sdk import App, InputFile, OutputFile

app = App(
    "recordings", description="Made-up recordings of units, and their spikes", version="1.2.0"
)

RATE_HZ = 1000.0
SPIKE_UV = 80.0


@app.processor
def simulate(
    output: OutputFile, duration_sec: float = 20.0, num_units: int = 6, seed: int = 1
) -> None:
    """Makes a recording: the voltage at one electrode a unit, with noise

    Args:
        output: An HDF5 file with the voltages in uV and the times of the true spikes
        duration_sec: How long the recording is
        num_units: How many units fire, each near an electrode of its own
        seed: Of the random numbers
    """
    random = np.random.default_rng(seed)
    num_samples = round(duration_sec * RATE_HZ)
    voltages = random.normal(0.0, 10.0, (num_samples, num_units)).astype("float32")
    with h5py.File("recording.h5", "w") as file:
        file.attrs["description"] = f"{num_units} units for {duration_sec:g} s"
        for unit in range(num_units):
            is_spike = random.random(num_samples) < (unit + 1) / RATE_HZ
            voltages[is_spike, unit] += SPIKE_UV
            print(f"unit {unit}: {is_spike.sum()} spikes")
            file[f"units/{unit}/spike_times_sec"] = np.flatnonzero(is_spike) / RATE_HZ
        series = file.create_dataset("acquisition/voltage", data=voltages, chunks=True)
        series.attrs["unit"] = "uV"
        series.attrs["rate_hz"] = RATE_HZ
    output.upload("recording.h5")


@app.processor
def detect_spikes(recording: InputFile, output: OutputFile, threshold_uv: float = 45.0) -> None:
    """Finds the spikes of every electrode by a threshold

    Args:
        recording: A recording that simulate has made
        output: A JSON file with the number and the rate of spikes of each electrode
        threshold_uv: A sample above it is a spike
    """
    with h5py.File(recording.download(), "r") as file:
        voltages = np.asarray(file["acquisition/voltage"])
    if threshold_uv <= 0:
        raise ValueError(f"threshold_uv is {threshold_uv:g}; every sample would be a spike")
    counts = (voltages > threshold_uv).sum(axis=0)
    duration_sec = len(voltages) / RATE_HZ
    electrodes = [
        {"electrode": number, "num_spikes": int(count), "rate_hz": round(count / duration_sec, 2)}
        for number, count in enumerate(counts)
    ]
    for each in electrodes:
        print("electrode {electrode}: {num_spikes} spikes, {rate_hz} Hz".format(**each))
    found = {"threshold_uv": threshold_uv, "electrodes": electrodes}
    Path("spikes.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    output.upload("spikes.json")


@app.processor
def fit_model(spikes: InputFile, output: OutputFile, max_epochs: int = 1000) -> None:
    """Fits a model to the spikes, epoch by epoch

    Args:
        spikes: What detect_spikes has found
        output: A JSON file with the loss of every epoch
        max_epochs: When to end
    """
    found = json.loads(Path(spikes.download()).read_text(encoding="utf-8"))
    rates = [each["rate_hz"] for each in found["electrodes"]]
    random = np.random.default_rng(1)
    losses: list[float] = []
    for epoch in range(max_epochs):
        np.linalg.svd(random.normal(size=(150, 150)))
        time.sleep(0.2)
        losses.append(sum(rates) / (1 + 0.1 * epoch))
        print(f"epoch {epoch:4}  loss {losses[-1]:.4f}", flush=True)
    Path("losses.json").write_text(json.dumps(losses), encoding="utf-8")
    output.upload("losses.json")


if __name__ == "__main__":
    app.run()
