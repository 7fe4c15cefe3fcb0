"""What is asked and answered about the user who asks, and their API keys."""

from typing import Annotated

from msgspec import Meta

from dendro_local.model import UserStats
from dendro_local.v1.record import Answer, Question

__all__ = ["Account", "ApiKeyEntry", "MadeApiKey", "NewApiKey"]


class ApiKeyEntry(Answer, frozen=True, kw_only=True):
    """An API key that is in use. The key itself is told once, when it is made."""

    key_id: str
    label: Annotated[str, Meta(description="What it is for, as its user called it.")]
    created_at: Annotated[float, Meta(description="In seconds since the Unix epoch.")]
    last_used_at: Annotated[
        float | None,
        Meta(description="Some minutes old at most; null if it was never used."),
    ]


class Account(Answer, frozen=True, kw_only=True):
    """Who asks, what they may do, and what their jobs have used."""

    user_id: str
    is_hub_owner: Annotated[
        bool, Meta(description="Whether it is the user whose hub this is, who may do everything.")
    ]
    info: Annotated[
        dict[str, str], Meta(description="What they told of themselves, such as `name`.")
    ]
    may_create_jobs: Annotated[
        list[str], Meta(description="The services to which they may submit jobs.")
    ]
    may_process_jobs: Annotated[
        list[str], Meta(description="The services whose jobs they may run.")
    ]
    api_keys: list[ApiKeyEntry]
    usage: Annotated[
        UserStats,
        Meta(
            description="What their jobs have used, and what jobs of anybody used on their compute "
            "clients."
        ),
    ]


class NewApiKey(Question, frozen=True, kw_only=True):
    """An API key to be made."""

    label: Annotated[str, Meta(max_length=200, description="What it is for.")] = ""


class MadeApiKey(Answer, frozen=True, kw_only=True):
    """A new API key, which is told this once."""

    api_key: str
