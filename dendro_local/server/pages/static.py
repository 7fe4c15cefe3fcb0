"""``/static``: what pages are shown with.

A browser may keep a file for as long as its address says which content it has. Modules import each
other by names that are relative to their own address, so theirs has the version of them all in its
path: ``/static/@0123456789abcdef/pages/live.js``.
"""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery

from dendro_local.server.pages.packing import packed, takes_gzip
from dendro_local.server.v1.asking import AnyRequest

__all__ = ["static_address", "static_file"]

FOLDER = Path(__file__).parents[1] / "static"

KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

YEAR_SEC = 365 * 86_400


class _File(msgspec.Struct, frozen=True):
    content: bytes
    packed: bytes
    media_type: str
    tag: str


@get("/static/{name:path}")
async def static_file(
    request: AnyRequest, name: FromPath[str], v: FromQuery[str | None] = None
) -> Response[bytes]:
    """A file that pages have in common; by its `static_address` it may be kept for long."""
    name = name.removeprefix("/")
    version, _, rest = name.partition("/")
    if version.startswith("@"):
        name = rest
    path = _paths().get(name)
    if path is None:
        raise NotFoundException(f"There is nothing at {request.url.path}")
    found = _file(path)
    is_packed = takes_gzip(request.scope)
    tag = f'"{found.tag}-gzip"' if is_packed else f'"{found.tag}"'
    headers = {
        "etag": tag,
        "cache-control": f"max-age={YEAR_SEC}, immutable"
        if v == found.tag or (version == _version_of_modules() and _is_module(name))
        else "no-cache",
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(b"", status_code=304, headers=headers)
    if is_packed:
        headers["content-encoding"] = "gzip"
    content = found.packed if is_packed else found.content
    return Response(content, media_type=found.media_type, headers=headers)


@functools.cache
def static_address(name: str) -> str:
    """Where a file is served, such as ``pages/live.js``; another address once it has changed.

    Raises:
        KeyError: there is no such file.
    """
    file = _file(_paths()[name])
    if _is_module(name):
        return f"/static/{_version_of_modules()}/{name}"
    return f"/static/{name}?v={file.tag}"


def _is_module(name: str) -> bool:
    """Whether a file is a script of ours, and not one that was fetched."""
    return name.startswith("pages/") and name.endswith(".js")


@functools.cache
def _version_of_modules() -> str:
    tags = [_file(path).tag for name, path in sorted(_paths().items()) if _is_module(name)]
    return f"@{hashlib.sha256(' '.join(tags).encode()).hexdigest()[:16]}"


@functools.cache
def _paths() -> Mapping[str, Path]:
    """The files by name: no name that somebody asks for becomes a path."""
    return {
        path.relative_to(FOLDER).as_posix(): path
        for path in FOLDER.rglob("*")
        if path.suffix in KINDS
    }


@functools.cache
def _file(path: Path) -> _File:
    content = path.read_bytes()
    tag = hashlib.sha256(content).hexdigest()[:16]
    return _File(content, packed(content, for_long=True), KINDS[path.suffix], tag)
