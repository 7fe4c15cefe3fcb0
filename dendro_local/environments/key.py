"""The key of an environment: apps that need the same on the same kind of machine share it.

It is the first 32 hexadecimal digits of the SHA-256 of this JSON, with its keys sorted, in UTF-8,
without spaces:

    {"constraints":      sorted, normalized
     "dependencies":     sorted, normalized, each once
     "exclude_newer":    as written, or null
     "extra_index_urls": in their order
     "find_links":       in their order
     "format":           "dendro-environment-1"
     "index_url":        as written, or null
     "no_build":         true or false
     "no_index":         true or false
     "platform":         such as "linux-x86_64-gnu"
     "prerelease":       as written, or null
     "python":           such as "cpython-311", or the specifiers if the running Python is not
                         one of them
     "torch":            "cpu" or "cuda"}

A requirement is normalized in its name, its extras and its spaces only; two that mean the same
and are written with other versions or markers have two keys. What the machine's own configuration
says of indexes is no part of the key.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterable

import msgspec

from dendro_local.environments.python_versions import admits
from dendro_local.environments.records import Requirements
from dendro_local.environments.script_block import REQUIREMENT_NAME

__all__ = [
    "environment_key",
    "is_served_by_this_python",
    "normalized",
    "platform_tag",
    "python_tag",
]

FORMAT = "dendro-environment-1"
LENGTH = 32


def environment_key(requirements: Requirements, *, python: str, platform: str, torch: str) -> str:
    """The key of the environment that gives what an app needs.

    Args:
        requirements: what the app needs.
        python: see `python_tag`.
        platform: see `platform_tag`.
        torch: which build of Torch suits the machine.
    """
    document = {
        "constraints": _sorted_once(requirements.constraints),
        "dependencies": _sorted_once(requirements.dependencies),
        "exclude_newer": requirements.exclude_newer,
        "extra_index_urls": requirements.extra_index_urls,
        "find_links": requirements.find_links,
        "format": FORMAT,
        "index_url": requirements.index_url,
        "no_build": requirements.no_build,
        "no_index": requirements.no_index,
        "platform": platform,
        "prerelease": requirements.prerelease,
        "python": python,
        "torch": torch,
    }
    canonical = msgspec.json.encode(document, order="sorted")
    return hashlib.sha256(canonical).hexdigest()[:LENGTH]


def normalized(requirement: str) -> str:
    """A requirement with its name and extras in their normal form, and no needless spaces."""
    found = re.match(REQUIREMENT_NAME, requirement)
    if found is None:
        return requirement
    name, extras = found[1], found[2]
    rest, semicolon, marker = requirement[found.end() :].partition(";")
    if "@" in rest:  # an address is kept as it is, and may hold a semicolon itself
        rest, semicolon, marker = " " + requirement[found.end() :].strip(), "", ""
    else:
        rest = "".join(rest.split())
    parts = sorted({_normal_name(each) for each in (extras or "").split(",") if each.strip()})
    shown = f"[{','.join(parts)}]" if parts else ""
    return f"{_normal_name(name)}{shown}{rest}{semicolon}{' '.join(marker.split())}"


def python_tag(requirements: Requirements) -> str:
    """The kind of the running Python, such as ``cpython-311``, if it will do; else what is asked.

    An environment for another Python is then kept when a later one is installed.
    """
    if is_served_by_this_python(requirements):
        return f"{sys.implementation.cache_tag}{sys.abiflags}"
    return ",".join(sorted((requirements.requires_python or "").replace(" ", "").split(",")))


def is_served_by_this_python(requirements: Requirements) -> bool:
    """Whether the running Python is one that an app asks for."""
    return admits(requirements.requires_python or "", sys.version_info[:3])


def platform_tag() -> str:
    """The kind of system, such as ``linux-x86_64-gnu``: what decides which wheels fit."""
    return f"{sys.platform}-{os.uname().machine}{_libc()}"


def _libc() -> str:
    try:
        return "-gnu" if os.confstr("CS_GNU_LIBC_VERSION") else "-musl"
    except (ValueError, OSError):
        return "-musl" if sys.platform == "linux" else ""


def _sorted_once(requirements: Iterable[str]) -> list[str]:
    return sorted({normalized(each) for each in requirements})


def _normal_name(name: str) -> str:
    """See https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
