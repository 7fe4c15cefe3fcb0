"""The environments of the apps for neuroscience: how long building and finding them takes."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from tests.benchmarks.app_runs import environment_of
from tests.benchmarks.figure import Figure, duration
from tests.benchmarks.measuring import timed
from tests.benchmarks.stores import Stores

__all__ = ["app_environments"]

OTHERS = ("hello_rastermap", "hello_video", "hello_cebra", "hello_kilosort4")


def app_environments(stores: Stores) -> Iterator[Figure]:
    """Building them, finding one again, and the app that has the same needs."""
    cache = {**os.environ, "UV_CACHE_DIR": str(stores.folder("cache"))}
    envs = stores.folder("envs")

    def built(app: str, folder: Path, environ: Mapping[str, str] | None = None) -> float:
        return timed(lambda: environment_of(app, folder, environ))()

    first = built("hello_neurosift", stores.folder("envs"), cache)
    yield Figure(what="environment of hello_neurosift, uv's cache empty", measured=duration(first))
    again = built("hello_neurosift", envs)
    yield Figure(
        what="environment of hello_neurosift, packages in the cache",
        measured=duration(again),
        reference=f"cache empty: {duration(first)}",
        ratio=f"{again / first:.2f}x",
    )
    count = len(list(envs.glob("*/ready.json")))
    for what, app in (
        ("  found again", "hello_neurosift"),
        ("  found by hello_mountainsort5", "hello_mountainsort5"),
    ):
        found = median(built(app, envs) for _ in range(5))
        yield Figure(
            what=what,
            measured=duration(found),
            reference=f"built: {duration(again)}",
            is_met=len(list(envs.glob("*/ready.json"))) == count,
            budget="nothing is built",
        )
    shutil.rmtree(cache["UV_CACHE_DIR"])
    for app in OTHERS[: stores.size(len(OTHERS), quick=0)]:
        folder = stores.folder("envs")
        seconds = built(app, folder)
        yield Figure(
            what=f"environment of {app}, packages in the cache", measured=duration(seconds)
        )
        shutil.rmtree(folder)
