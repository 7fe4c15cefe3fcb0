"""Names of outputs that are kept by their digests: by its ending readers know what a file is."""

import os
from pathlib import Path

__all__ = ["name_output"]


def name_output(named: Path, file: Path) -> None:
    """Give a file a second name, which goes on pointing to it if both move together."""
    target = os.path.relpath(file, named.parent)
    if named.is_symlink() and str(named.readlink()) == target:
        return
    named.parent.mkdir(parents=True, exist_ok=True)
    new = named.with_name(f".{os.getpid()}.{named.name[-40:]}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(named)  # at once, whoever else reads it
