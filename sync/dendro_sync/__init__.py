"""Push and pull of jobs and their outputs between stores, so that a result serves everywhere.

The public names are loaded when they are first used (PEP 562).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from dendro_sync.archives import export_jobs, import_jobs
    from dendro_sync.exchange import pull, push, sync
    from dendro_sync.options import PullOptions, PushOptions
    from dendro_sync.progress import Progress
    from dendro_sync.report import Report, SyncReport
    from dendro_sync.saved_remotes import (
        add_remote,
        list_remotes,
        remove_remote,
        show_remote,
        test_remote,
    )
    from dendro_sync.selection import Selection
    from dendro_sync.setting_remotes import set_remote
    from dendro_sync.tidying import compact_remote
    from dendro_sync.trust.keys import own_key, trust_key, trusted_keys, untrust_key
    from dendro_sync.verifying import verify
    from dendro_sync.watching import watch

_HOME = {
    "Progress": "progress",
    "PullOptions": "options",
    "PushOptions": "options",
    "Report": "report",
    "Selection": "selection",
    "SyncReport": "report",
    "add_remote": "saved_remotes",
    "compact_remote": "tidying",
    "export_jobs": "archives",
    "import_jobs": "archives",
    "list_remotes": "saved_remotes",
    "own_key": "trust.keys",
    "pull": "exchange",
    "push": "exchange",
    "remove_remote": "saved_remotes",
    "set_remote": "setting_remotes",
    "show_remote": "saved_remotes",
    "sync": "exchange",
    "test_remote": "saved_remotes",
    "trust_key": "trust.keys",
    "trusted_keys": "trust.keys",
    "untrust_key": "trust.keys",
    "verify": "verifying",
    "watch": "watching",
}

__all__ = [
    "Progress",
    "PullOptions",
    "PushOptions",
    "Report",
    "Selection",
    "SyncReport",
    "add_remote",
    "compact_remote",
    "export_jobs",
    "import_jobs",
    "list_remotes",
    "own_key",
    "pull",
    "push",
    "remove_remote",
    "set_remote",
    "show_remote",
    "sync",
    "test_remote",
    "trust_key",
    "trusted_keys",
    "untrust_key",
    "verify",
    "watch",
]


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    try:
        home = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(f"dendro_sync.{home}"), name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return __all__
