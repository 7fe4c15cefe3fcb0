"""Whether something is a hub of the Dendro contract."""

from typing import Literal

import msgspec

from dendro_local.contract import GetJobRequest
from dendro_local.errors import DendroError, HubUnreachable, NotAHub
from dendro_sync.remotes.dendro.calls import Calls

__all__ = ["check_is_hub"]

NO_JOB = "0" * 20
"""An id that no job has, so that the answer is short."""


class _NoJob(msgspec.Struct, frozen=True):
    """The reply of the contract where there is no job: its type alone."""

    type: Literal["getJobResponse"]


def check_is_hub(calls: Calls) -> None:
    """Ask something that every hub of the contract answers, and nothing else in the same way.

    A hub of dendro-local answers so too: ask for what it has of its own first.

    Raises:
        NotAHub: it answers otherwise.
        HubUnreachable: it does not answer.
    """
    try:
        calls.ask(GetJobRequest(jobId=NO_JOB, includePrivateKey=False), _NoJob)
    except HubUnreachable:
        raise
    except DendroError as error:
        raise NotAHub(f"What is at {calls.wire.base_url} is no Dendro hub: {error}") from error
