"""Apps that come with the installed package."""

from pathlib import Path

from dendro_local.errors import InvalidApp

__all__ = ["BUNDLED_APPS", "bundled_app_folder"]

BUNDLED_APPS = (
    "hello_world",
    "hello_neurosift",
    "hello_rastermap",
    "hello_cebra",
    "hello_kilosort4",
    "hello_mountainsort5",
    "hello_video",
)
"""Those in ``apps/``: what Neurosift asks the original's public service for is among them. Each
has a ``spec.json``, so that to register them runs none of them and builds no environment."""


def bundled_app_folder(name: str) -> Path:
    """The folder of an app that comes with the package.

    Raises:
        InvalidApp: this installation lacks it.
    """
    package = Path(__file__).parents[1]
    # In a wheel the apps lie inside the package; in a checkout, beside it.
    for folder in (package / "bundled_apps" / name, package.parent / "apps" / name):
        if (folder / "main.py").exists():
            return folder
    raise InvalidApp(
        f"This installation of dendro-local lacks its app {name!r} (looked in "
        f"{package / 'bundled_apps'}). Install the package again."
    )
