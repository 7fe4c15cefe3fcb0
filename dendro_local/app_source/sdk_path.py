"""What an app finds on its path so that ``from dendro_local.sdk import App`` works.

Only this package: the folder that the package is installed in would bring everything else that
is installed there into the app's environment too.
"""

import hashlib
import os
from pathlib import Path

__all__ = ["python_path_with_sdk"]


def python_path_with_sdk(sdk_folder: Path) -> str:
    """A PYTHONPATH with a folder that holds only this package, before what is on it already."""
    package = Path(__file__).parents[1]
    # Two installations that share a store do not take each other's place.
    name = hashlib.sha256(os.fsencode(package)).hexdigest()[:12]
    folder = sdk_folder / name
    link = folder / "dendro_local"
    if not link.exists():
        folder.mkdir(exist_ok=True)
        try:
            link.symlink_to(package, target_is_directory=True)
        except FileExistsError:
            pass  # another process was faster
    existing = os.environ.get("PYTHONPATH")
    return f"{folder}{os.pathsep}{existing}" if existing else str(folder)
