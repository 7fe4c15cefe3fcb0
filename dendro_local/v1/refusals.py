"""What is answered where something cannot be done."""

from typing import Annotated

from msgspec import Meta

from dendro_local.v1.record import Answer

__all__ = ["ErrorBody", "ErrorReply"]


class ErrorBody(Answer, frozen=True, kw_only=True):
    """Why something was not done."""

    code: Annotated[
        str,
        Meta(
            description="The kind of error, such as `job_not_found`: for programs, and the same "
            "as in the command line's `--json`."
        ),
    ]
    message: Annotated[
        str, Meta(description="What happened, to which thing, and what to do: for people.")
    ]


class ErrorReply(Answer, frozen=True, kw_only=True):
    """An error. Whatever cannot be done is answered with one, and changes nothing."""

    error: ErrorBody
