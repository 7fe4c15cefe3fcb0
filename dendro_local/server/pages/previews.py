"""``/jobs/{jobId}/files/{kind}/{name}``: what is in a file of a job."""

from typing import Annotated, get_args
from urllib.parse import quote, urlencode

from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from dendro_local.errors import OutputNotFound
from dendro_local.model import JobId
from dendro_local.server.pages.rendering import page
from dendro_local.server.previews.lines import line_path
from dendro_local.server.previews.previewing import Wanted, preview
from dendro_local.server.v1.asking import Asked
from dendro_local.v1 import FileKind

__all__ = ["previewed_file"]

MOST_PATH = 4000
KINDS = get_args(FileKind)


class FileAddress:
    """The addresses of one file's pages, for its template: ``here(path='a/b', first=100)``."""

    def __init__(self, job_id: str, kind: str, name: str) -> None:
        self._page = f"/jobs/{quote(job_id)}/files/{kind}/{quote(name)}"
        self.json = f"/v1/jobs/{quote(job_id)}/preview?{urlencode({'kind': kind, 'name': name})}"
        """Where programs ask for the same."""

    def __call__(
        self,
        path: str = "",
        first: int = 0,
        at: int | None = None,
        as_text: bool = False,
    ) -> str:
        """The page of a part of the file."""
        given = {"path": path, "first": first or "", "at": at, "as_text": "true" if as_text else ""}
        query = urlencode({name: value for name, value in given.items() if value not in ("", None)})
        return f"{self._page}?{query}" if query else self._page


@get("/jobs/{job_id:str}/files/{kind:str}/{name:path}")
async def previewed_file(
    asked: Asked,
    job_id: FromPath[str],
    kind: FromPath[str],
    name: FromPath[str],
    path: Annotated[str, QueryParameter(max_length=MOST_PATH)] = "",
    first: Annotated[int, QueryParameter(ge=-(2**53), le=2**53)] = 0,
    at: Annotated[int | None, QueryParameter(ge=0, le=2**53)] = None,
    as_text: FromQuery[bool] = False,
) -> Response[bytes]:
    """A part of what is in a file."""
    known = next((each for each in KINDS if each == kind), None)
    if known is None:
        raise OutputNotFound(
            f"A job has no files of the kind {kind!r}. There are: {', '.join(KINDS)}."
        )
    name = name.removeprefix("/")
    wanted = Wanted(path=path, first=first, at=at, as_text=as_text)
    found = await preview(asked, JobId(job_id), known, name, wanted)
    return page(
        asked.request,
        "preview.html",
        preview=found,
        wanted=wanted,
        here=FileAddress(job_id, known, name),
        line_path=line_path,
    )
