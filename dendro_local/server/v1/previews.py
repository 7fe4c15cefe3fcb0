"""``/v1/jobs/{jobId}/preview``: what is in a file of a job."""

from typing import Annotated

from litestar import get
from litestar.params import FromPath, QueryParameter

from dendro_local.model import JobId
from dendro_local.server.previews.previewing import Wanted, preview
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.refusals import refusals
from dendro_local.v1 import FileKind, Preview

__all__ = ["previewed"]

MOST_PATH = 4000


@get(
    "/jobs/{job_id:str}/preview",
    operation_id="getPreview",
    tags=["jobs"],
    responses=refusals(400, 404),
)
async def previewed(
    asked: Asked,
    job_id: FromPath[str],
    kind: Annotated[FileKind, QueryParameter(description="What the file is to the job.")],
    name: Annotated[str, QueryParameter(description="Its name there.", max_length=MOST_PATH)],
    path: Annotated[
        str,
        QueryParameter(
            description="What of it: a JSON pointer, or the path of a group or array.",
            max_length=MOST_PATH,
        ),
    ] = "",
    first: Annotated[
        int,
        QueryParameter(
            description="The byte of a text or table, or the number of a child or row, at which "
            "to begin. A negative one, in a text, counts from its end.",
            ge=-(2**53),
            le=2**53,
        ),
    ] = 0,
    at: Annotated[
        int | None,
        QueryParameter(description="The byte at which the JSON value begins.", ge=0, le=2**53),
    ] = None,
    as_text: Annotated[
        bool, QueryParameter(description="Show it as text, whatever it is.")
    ] = False,
) -> Preview:
    """What is in a file.

    A part of what is in a file of a job, chosen by what it is: a text, the rows of a table, a
    JSON value, or a group or array of a file in HDF5 or LINDI, with some values as drawings. The
    answer is small, however large the file is. Images, audio and video are told, not sent: they
    are at `url`.
    """
    wanted = Wanted(path=path, first=first, at=at, as_text=as_text)
    return await preview(asked, JobId(job_id), kind, name, wanted)
