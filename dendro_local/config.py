"""The settings: each declared once, with its environment variable, default and help.

Order of precedence: command-line option, environment variable, ``config.toml`` in the folder of
the store, default. The table in the docs is generated from `SETTINGS`.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple

from dendro_local.errors import InvalidRequest

__all__ = [
    "SETTINGS",
    "Setting",
    "default_user_id",
    "setting",
    "setting_with_origin",
    "store_folder",
]


class Setting(NamedTuple):
    """One setting: its key in ``config.toml``, environment variable, default and help."""

    key: str
    variable: str
    default: str
    help: str


SETTINGS = (
    Setting(
        "store",
        "DENDRO_LOCAL_DIR",
        "the user's data folder for dendro-local",
        "Folder of the store: records, outputs and working folders.",
    ),
    Setting(
        "service",
        "DENDRO_SERVICE_NAME",
        "hello_world_service",
        "Service that commands and examples use when none is named.",
    ),
    Setting(
        "user",
        "DENDRO_LOCAL_USER",
        "local|NAME, with the login name",
        "User id under which jobs are submitted to a store on this machine.",
    ),
    Setting(
        "max_attempts",
        "DENDRO_MAX_ATTEMPTS",
        "2",
        "How often a job is started in all when its compute client dies while running it.",
    ),
    Setting(
        "api_url",
        "DENDRO_API_URL",
        "",
        "URL of a hub. Must be unset: this version works on a store of this machine.",
    ),
)

_BY_KEY = {setting.key: setting for setting in SETTINGS}


def store_folder() -> Path:
    """The folder of the default store, whether or not it exists yet."""
    chosen = os.environ.get("DENDRO_LOCAL_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs  # here because it costs every process that names its store 8 ms

    return Path(platformdirs.user_data_dir("dendro-local", appauthor=False))


def setting(key: str, folder: Path) -> str:
    """The value of a setting for the store in ``folder``; its default where nothing says else.

    Raises:
        InvalidRequest: ``config.toml`` cannot be read.
    """
    return setting_with_origin(key, folder)[0]


def setting_with_origin(key: str, folder: Path) -> tuple[str, str]:
    """As `setting`, and where the value is from: a variable, ``config.toml`` or ``default``."""
    declared = _BY_KEY[key]
    value = os.environ.get(declared.variable)
    if value:
        return value, declared.variable
    value = _from_file(folder / "config.toml").get(key)
    return (declared.default, "default") if value is None else (value, "config.toml")


def _from_file(file: Path) -> dict[str, str]:
    try:
        if not file.exists():
            return {}
    except PermissionError:
        return {}  # whoever opens the store says so
    import tomllib  # only where there is such a file

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(
            f"{file} cannot be read as TOML: {error}. Mend or remove it."
        ) from error
    # The file lies in the store, so that it cannot say where the store is.
    known_keys = set(_BY_KEY) - {"store"}
    unknown = sorted(set(table) - known_keys)
    if unknown:
        known = ", ".join(sorted(known_keys))
        raise InvalidRequest(f"{file} sets {unknown[0]!r}, which is no setting. Known: {known}.")
    return {key: str(value) for key, value in table.items()}


def default_user_id(folder: Path) -> str:
    """The user id for jobs submitted to the store in ``folder``: ``local|`` and the login name."""
    chosen = setting("user", folder)
    if chosen != _BY_KEY["user"].default:
        return chosen
    for variable in ("LOGNAME", "USER", "USERNAME"):
        name = os.environ.get(variable)
        if name:
            return f"local|{name}"
    if sys.platform == "win32":
        return "local|user"
    import pwd

    try:
        return f"local|{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"local|{os.getuid()}"
