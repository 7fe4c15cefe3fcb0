"""What an app needs, and what is known of an environment."""

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

__all__ = ["BuildFailure", "EnvironmentInfo", "EnvironmentState", "ReadyMarker", "Requirements"]

EnvironmentState = Literal["ready", "building", "failed", "unfinished"]


class Requirements(msgspec.Struct, frozen=True, kw_only=True):
    """What the block of an app's ``main.py`` declares."""

    file: Path
    """The ``main.py``; for messages only."""

    line: int
    """Where the block begins; for messages only."""

    dependencies: tuple[str, ...] = ()
    """PEP 508 requirements, as they are written."""

    requires_python: str | None = None
    """Version specifiers; None for any Python."""

    index_url: str | None = None
    """The package index instead of that of the machine."""

    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    """Folders (absolute) and pages with packages, beside the indexes."""

    no_index: bool = False
    no_build: bool = False
    """Whether only wheels may be installed."""

    constraints: tuple[str, ...] = ()
    """Limits on the versions of packages that others need, as PEP 508 requirements."""

    prerelease: str | None = None
    """uv's rule for pre-releases."""

    exclude_newer: str | None = None
    """The day or time after which packages are not taken."""


class ReadyMarker(msgspec.Struct, frozen=True, kw_only=True):
    """``ready.json`` in a finished environment."""

    format: Literal[1] = 1
    created_at: datetime
    """UTC."""

    built_for: str
    """The ``main.py`` that asked first."""

    dependencies: tuple[str, ...]
    requires_python: str | None
    torch: str
    python_version: str
    packages: tuple[str, ...]
    """What was installed, as ``name==version``, sorted."""

    size_bytes: int
    built_by: str
    """The tool and its version."""


class BuildFailure(msgspec.Struct, frozen=True, kw_only=True):
    """``KEY.failed.json``: how the last build ended, if it failed."""

    format: Literal[1] = 1
    failed_at: datetime
    built_for: str
    dependencies: tuple[str, ...]
    requires_python: str | None
    message: str


class EnvironmentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An environment of a store: one that is ready, is being built, or could not be."""

    key: str
    state: EnvironmentState
    """``unfinished``: its build was killed, and the next one begins anew."""

    created_at: datetime | None = None
    """UTC; None unless it is ready."""

    last_used_at: datetime | None = None
    """UTC; None unless it is ready."""

    size_bytes: int
    """The sum of its files. Those that it shares with uv's cache count too."""

    dependencies: tuple[str, ...] = ()
    requires_python: str | None = None
    torch: str | None = None
    python_version: str | None = None
    packages: tuple[str, ...] = ()
    built_for: str | None = None
    """The ``main.py`` that asked first."""

    built_by: str | None = None
    error: str | None = None
    """Why it could not be built."""

    folder: Path
    log: Path | None
    """What its last build printed."""
