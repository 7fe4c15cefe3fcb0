"""What an exchange is asked to do."""

from typing import Literal, TypeAlias

import msgspec

from dendro_sync.selection import Selection

__all__ = ["Outputs", "PullOptions", "PushOptions"]

Outputs: TypeAlias = Literal["none", "lazy", "eager"]
"""Of the files that jobs left: none comes along, each when it is first read, or all at once."""


class PullOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to pull."""

    selection: Selection = Selection()
    outputs: Outputs = "eager"
    max_size: int | None = None
    """Files of more bytes come when they are first read; None for no limit."""
    full: bool = False
    """Whether to look at everything again, and to bring again what was deleted here."""
    ancestors: bool = True
    """Whether jobs bring those whose outputs they took."""
    inputs: bool = False
    """Whether files of other machines that jobs took as inputs come now, as far as they are there.
    Otherwise each comes when a job here is to read it."""
    is_dry_run: bool = False


class PushOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to push."""

    selection: Selection = Selection()
    outputs: Outputs = "eager"
    """With ``lazy``, jobs whose outputs are still to be fetched are left out; otherwise they are
    fetched first."""
    max_size: int | None = None
    """Jobs with a file of more bytes are left out; None for no limit."""
    full: bool = False
    ancestors: bool = True
    inputs: bool = False
    """Whether files of this machine that jobs took as inputs go along."""
    is_archive: bool = False
    """Whether it is for once: deletions are not told, and of apps those of the jobs alone."""
    is_dry_run: bool = False
