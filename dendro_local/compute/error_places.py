"""The text of a job's error without the places of this machine, for it is told to others."""

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["without_places"]


def without_places(error: str, folders: Iterable[Path]) -> str:
    """An error with paths as they would read on any machine.

    Files in one of the folders are named from that folder on, such as ``my_app/main.py``, and the
    home folder is ``~``.
    """
    for folder in folders:
        for place in {folder, folder.resolve()}:
            error = _replaced(error, place, folder.name, is_itself_replaced=False)
    return _replaced(error, Path.home(), "~", is_itself_replaced=True)


def _replaced(error: str, place: Path, by: str, *, is_itself_replaced: bool) -> str:
    if not place.is_absolute() or len(place.parts) < 2:
        return error
    end = r"(?![\w.-])" if is_itself_replaced else "(?=/)"
    return re.sub(rf"(?<![\w.~/-]){re.escape(str(place))}{end}", lambda _: by, error)
