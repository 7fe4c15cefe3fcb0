"""What pip is configured to do on this machine, for tools that do not read it themselves.

Files and their order: https://pip.pypa.io/en/stable/topics/configuration/.
"""

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["pip_configuration"]

_SECTIONS = ("global", "install")


def pip_configuration(
    environ: Mapping[str, str], prefix: Path = Path(sys.prefix)
) -> dict[str, str]:
    """What ``pip install`` is told by files and ``PIP_*`` variables, by the option's long name.

    Args:
        environ: the environment variables.
        prefix: the folder of the environment whose pip would be asked.
    """
    by_section: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for file in _files(environ, prefix):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip would say so; what can be read elsewhere still counts
        for section in _SECTIONS:
            if parser.has_section(section):
                by_section[section].update(
                    {_option(key): value for key, value in parser.items(section) if value}
                )
    variables = {
        _option(name.removeprefix("PIP_")): value
        for name, value in environ.items()
        if name.startswith("PIP_") and value
    }
    return {**by_section["global"], **by_section["install"], **variables}


def _option(key: str) -> str:
    return key.lower().replace("_", "-").removeprefix("--")


def _files(environ: Mapping[str, str], prefix: Path) -> Iterator[Path]:
    """The files that pip reads, the one that counts most last."""
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return
    home = Path(environ.get("HOME") or Path.home())
    own = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    if sys.platform == "darwin":
        yield Path("/Library/Application Support/pip/pip.conf")
        application_support = home / "Library" / "Application Support"
        if (application_support / "pip").is_dir():
            own = application_support
    else:
        for folder in reversed((environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)):
            yield Path(folder) / "pip" / "pip.conf"
        yield Path("/etc/pip.conf")
    if not (chosen and Path(chosen).exists()):
        yield home / ".pip" / "pip.conf"
        yield own / "pip" / "pip.conf"
    yield prefix / "pip.conf"
    if chosen:
        yield Path(chosen)
