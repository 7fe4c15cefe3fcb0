"""``/static``: what pages are shown with."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from dendro_local.server.v1.asking import AnyRequest

__all__ = ["static_file"]

FOLDER = Path(__file__).parents[1] / "static"

KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class _File(msgspec.Struct, frozen=True):
    content: bytes
    media_type: str
    tag: str


@get("/static/{name:str}")
async def static_file(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """A file that pages have in common."""
    found = _files().get(name)
    if found is None:
        raise NotFoundException(f"There is nothing at {request.url.path}")
    headers = {
        "etag": found.tag,
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
    }
    if request.headers.get("if-none-match") == found.tag:
        return Response(b"", status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


@functools.cache
def _files() -> Mapping[str, _File]:
    """The files by name: no name that somebody asks for becomes a path."""
    found: dict[str, _File] = {}
    for path in FOLDER.iterdir():
        if path.suffix in KINDS:
            content = path.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            found[path.name] = _File(content, KINDS[path.suffix], tag)
    return found
