"""Where packages are from: what the app, uv's variables and pip's configuration say of it.

For a single value, uv's own variable counts before the app's block, and that before pip's
configuration. Of lists, the app's entries come after those of uv's variable, or of pip's
configuration where there is no such variable.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from dendro_local.environments.records import Requirements

__all__ = ["PackageSources", "package_sources", "pip_variables", "uv_variables"]


class PackageSources(msgspec.Struct, frozen=True, kw_only=True):
    """Where packages are from."""

    default_index: str | None = None
    extra_indexes: tuple[str, ...] = ()
    """URLs; with ``NAME=`` before them if uv was given a name."""

    find_links: tuple[str, ...] = ()
    no_index: bool = False
    takes_best_of_all: bool = False
    """Whether versions of all indexes compete, as pip has it; else the first that has any wins."""

    trusted_hosts: tuple[str, ...] = ()
    certificates: str | None = None
    proxy: str | None = None
    timeout_sec: str | None = None

    @property
    def index_urls(self) -> Sequence[str]:
        """The addresses of all indexes that are named."""
        named = [] if self.default_index is None else [self.default_index]
        return [*named, *map(_without_name, self.extra_indexes)]


def package_sources(
    requirements: Requirements, environ: Mapping[str, str], pip: Mapping[str, str]
) -> PackageSources:
    """Where the packages of an app's environment are from.

    Args:
        requirements: what the app's block says.
        environ: the environment variables.
        pip: see `dendro_local.environments.pip_configuration`.
    """
    of_uv = (*environ.get("UV_INDEX", "").split(), *environ.get("UV_EXTRA_INDEX_URL", "").split())
    of_pip = () if of_uv else tuple(pip.get("extra-index-url", "").split())
    links = _split_links(environ.get("UV_FIND_LINKS", "")) or _local_links(pip)
    return PackageSources(
        default_index=environ.get("UV_DEFAULT_INDEX")
        or environ.get("UV_INDEX_URL")
        or requirements.index_url
        or pip.get("index-url"),
        extra_indexes=(*of_uv, *of_pip, *requirements.extra_index_urls),
        find_links=(*links, *requirements.find_links),
        no_index=requirements.no_index or _is_true(pip.get("no-index", "")),
        takes_best_of_all=bool(of_pip) and not environ.get("UV_INDEX_STRATEGY"),
        trusted_hosts=tuple(
            environ.get("UV_INSECURE_HOST", "").split() or pip.get("trusted-host", "").split()
        ),
        certificates=environ.get("SSL_CERT_FILE") or pip.get("cert"),
        proxy=None if _has_proxy(environ) else pip.get("proxy"),
        timeout_sec=environ.get("UV_HTTP_TIMEOUT")
        or pip.get("timeout", pip.get("default-timeout")),
    )


def uv_variables(sources: PackageSources) -> dict[str, str]:
    """The variables by which uv takes packages from these places.

    ``no_index`` is not among them: uv knows it as an option only.
    """
    variables = {
        "UV_INDEX": " ".join(sources.extra_indexes),
        "UV_FIND_LINKS": ",".join(map(_without_comma, sources.find_links)),
        "UV_INSECURE_HOST": " ".join(sources.trusted_hosts),
        **_common_variables(sources),
        "UV_DEFAULT_INDEX": sources.default_index or "",
        "UV_HTTP_TIMEOUT": sources.timeout_sec or "",
        "UV_INDEX_STRATEGY": "unsafe-best-match" if sources.takes_best_of_all else "",
    }
    return {name: value for name, value in variables.items() if value}


def pip_variables(sources: PackageSources) -> dict[str, str]:
    """The variables by which pip takes packages from these places."""
    variables = {
        "PIP_INDEX_URL": sources.default_index or "",
        "PIP_EXTRA_INDEX_URL": " ".join(map(_without_name, sources.extra_indexes)),
        "PIP_FIND_LINKS": " ".join(map(_without_space, sources.find_links)),
        "PIP_NO_INDEX": "1" if sources.no_index else "",
        "PIP_TRUSTED_HOST": " ".join(sources.trusted_hosts),
        "PIP_CERT": sources.certificates or "",
        "PIP_TIMEOUT": sources.timeout_sec or "",
        **_common_variables(sources),
    }
    return {name: value for name, value in variables.items() if value}


def _common_variables(sources: PackageSources) -> dict[str, str]:
    return {
        "SSL_CERT_FILE": sources.certificates or "",
        "ALL_PROXY": sources.proxy or "",
    }


def _split_links(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _local_links(pip: Mapping[str, str]) -> tuple[str, ...]:
    links = pip.get("find-links", "").split()
    return tuple(os.path.expanduser(each) if each.startswith("~") else each for each in links)  # noqa: PTH111 - not all are paths


def _without_name(index: str) -> str:
    name, equals, url = index.partition("=")
    return url if equals and "/" not in name else index


def _without_comma(link: str) -> str:
    """A place without the character that parts places in uv's list."""
    return Path(link).absolute().as_uri() if "," in link and "://" not in link else link


def _without_space(link: str) -> str:
    return Path(link).absolute().as_uri() if " " in link and "://" not in link else link


def _has_proxy(environ: Mapping[str, str]) -> bool:
    names = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
    return any(environ.get(name) or environ.get(name.lower()) for name in names)


def _is_true(text: str) -> bool:
    return text.strip().lower() in ("1", "true", "yes", "on", "t", "y")
