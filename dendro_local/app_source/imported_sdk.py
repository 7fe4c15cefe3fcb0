"""Which SDK an app is written with, told from what its code imports, without running it."""

from collections.abc import Iterator
from pathlib import Path

from dendro_local.app_source.folder import AppFolder
from dendro_local.model import AppSdk

__all__ = ["imported_sdk"]

_SDKS: dict[str, AppSdk] = {"dendro_local.sdk": "dendro_local", "dendro.sdk": "dendro"}


def imported_sdk(folder: AppFolder) -> AppSdk:
    """The SDK of the app in a folder: the original's if it imports that one and not ours.

    What ``main.py`` imports counts; where it imports neither, what the modules beside it do. An
    app that can do with either gets ours, which needs no connection to a hub.
    """
    found = _imported_by(folder.root / "main.py")
    if not found:
        found = {sdk for file in folder.python_files() for sdk in _imported_by(file)}
    return "dendro" if found == {"dendro"} else "dendro_local"


def _imported_by(file: Path) -> set[AppSdk]:
    try:
        code = file.read_bytes()
        # Most files name neither, and parsing them all would take its time.
        names = list(_imported_names(code)) if b"dendro" in code else []
    except (OSError, SyntaxError, ValueError, RecursionError):
        return set()  # what is wrong with it, running it will say
    return {
        sdk
        for name in names
        for package, sdk in _SDKS.items()
        if name == package or name.startswith(f"{package}.")
    }


def _imported_names(code: bytes) -> Iterator[str]:
    """The full names that a module imports, wherever in it."""
    import ast  # only where an app is registered

    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
