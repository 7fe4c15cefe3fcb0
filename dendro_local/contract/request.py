"""What all requests have in common."""

import msgspec

__all__ = ["Request", "call_name"]


class Request(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag=lambda name: name[0].lower() + name[1:],
):
    """A request, told by its ``type``: ``getJobRequest`` is a ``GetJobRequest``."""


def call_name(request: type[Request]) -> str:
    """The name of the call that a kind of request is for: ``getJob``."""
    name = request.__name__.removesuffix("Request")
    return name[0].lower() + name[1:]
