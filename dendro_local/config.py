"""The settings: each declared once, with its environment variable, default and help.

Order of precedence: command-line option, environment variable, ``config.toml`` in the folder of
the store, default. The table in the docs is generated from `SETTINGS`.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple

from dendro_local.errors import InvalidRequest
from dendro_local.reasons import reason_of

__all__ = [
    "RUNTIME_NAMES",
    "SETTINGS",
    "Setting",
    "default_user_id",
    "number_setting",
    "seconds_setting",
    "setting",
    "setting_with_origin",
    "store_folder",
]


RUNTIME_NAMES = ("process", "docker", "podman", "apptainer", "singularity")
"""The ways to run apps: as processes of this machine, or in containers of an engine."""


class Setting(NamedTuple):
    """One setting: its key in ``config.toml``, environment variable, default and help.

    The value of one that is secret is not shown.
    """

    key: str
    variable: str
    default: str
    help: str
    is_secret: bool = False


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
        "container",
        "CONTAINER_METHOD",
        "process",
        "How apps are run: as processes of this machine, or each in a container of its image: "
        f"{', '.join(RUNTIME_NAMES)}.",
    ),
    Setting(
        "cache_timeout",
        "DENDRO_CACHE_TIMEOUT",
        "1",
        "For how many seconds remotes that are caches are asked, in all, for jobs that are "
        "submitted and not in the store; 0 for not at all.",
    ),
    Setting(
        "part_bytes",
        "DENDRO_PART_BYTES",
        str(1024 * 1024 * 1000),
        "From how many bytes on an output is uploaded to a hub in parts of at most so many.",
    ),
    Setting(
        "max_output_bytes",
        "DENDRO_MAX_OUTPUT_BYTES",
        str(10_000 * 1024 * 1024 * 1000),
        "How many bytes an output that is uploaded to a hub may have.",
    ),
    Setting(
        "max_other_bytes",
        "DENDRO_MAX_OTHER_BYTES",
        str(1024 * 1024 * 1024 + 10),
        "How many bytes an additional file or a log that is uploaded to a hub may have.",
    ),
    Setting(
        "github_client_id",
        "DENDRO_GITHUB_CLIENT_ID",
        "",
        "Client id of the GitHub OAuth app by which users of a public hub log in.",
    ),
    Setting(
        "github_client_secret",
        "DENDRO_GITHUB_CLIENT_SECRET",
        "",
        "Client secret of that OAuth app.",
        is_secret=True,
    ),
    Setting(
        "github_client_secret_file",
        "DENDRO_GITHUB_CLIENT_SECRET_FILE",
        "",
        "File with that client secret, if the secret itself is not given.",
    ),
    Setting(
        "github_url",
        "DENDRO_GITHUB_URL",
        "https://github.com",
        "Where users of a public hub log in: another one for GitHub Enterprise.",
    ),
    Setting(
        "github_api_url",
        "DENDRO_GITHUB_API_URL",
        "https://api.github.com",
        "API of the same.",
    ),
    Setting(
        "quota_pending_jobs",
        "DENDRO_QUOTA_PENDING_JOBS",
        "1000",
        "How many jobs of a user may be pending on a public hub.",
    ),
    Setting(
        "quota_jobs_a_day",
        "DENDRO_QUOTA_JOBS_A_DAY",
        "10000",
        "How many jobs a user may submit within 24 hours to a public hub.",
    ),
    Setting(
        "quota_stored_bytes",
        "DENDRO_QUOTA_STORED_BYTES",
        str(100 * 10**9),
        "How many bytes the files of a user's jobs may have in all on a public hub, and how many "
        "bytes of inputs the user may send within 24 hours.",
    ),
    Setting(
        "quota_upload_bytes",
        "DENDRO_QUOTA_UPLOAD_BYTES",
        str(10 * 10**9),
        "How many bytes a file may have that is uploaded for a user of a public hub.",
    ),
    Setting(
        "rate_of_user",
        "DENDRO_RATE_OF_USER",
        "20",
        "How many requests a second a user may make of a public hub in the long run.",
    ),
    Setting(
        "rate_of_address",
        "DENDRO_RATE_OF_ADDRESS",
        "50",
        "How many requests a second may come from one address to a public hub in the long run.",
    ),
    Setting(
        "trusted_proxies",
        "DENDRO_TRUSTED_PROXIES",
        "127.0.0.1 ::1",
        "Addresses of proxies, with spaces between: what these say in X-Forwarded-For about whom "
        "they ask for is believed.",
    ),
    Setting(
        "api_url",
        "DENDRO_API_URL",
        "",
        "URL of a hub on another machine to use, instead of the store of this one.",
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


def number_setting(key: str, folder: Path) -> int:
    """The value of a setting that is a whole number, 1 or more.

    Raises:
        InvalidRequest: it is something else, or ``config.toml`` cannot be read.
    """
    text, origin = setting_with_origin(key, folder)
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) >= 1):
        raise InvalidRequest(
            f"The setting {key}, from {origin}, is {text!r}. Give a whole number, 1 or more."
        )
    return int(text)


def seconds_setting(key: str, folder: Path) -> float:
    """The value of a setting that is a number of seconds, 0 or more.

    Raises:
        InvalidRequest: it is something else, or ``config.toml`` cannot be read.
    """
    text, origin = setting_with_origin(key, folder)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise InvalidRequest(
            f"The setting {key}, from {origin}, is {text!r}. Give a number of seconds, 0 or more."
        )
    return value


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
            f"{file} cannot be read as TOML: {reason_of(error)}. Mend or remove it."
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
