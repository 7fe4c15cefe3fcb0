"""What is answered about services and their apps."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dendro_local.model import AppSdk, AppSpecification, ServiceUser
from dendro_local.v1.record import Answer

__all__ = ["AppEntry", "AppList", "ServiceEntry", "ServiceList"]


class ServiceEntry(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """A named collection of apps and users."""

    service_name: str
    user_id: Annotated[str, Meta(description="Its owner.")]
    users: Annotated[
        list[ServiceUser] | msgspec.UnsetType,
        Meta(description="Who may do what on it; told to whoever has a key."),
    ] = msgspec.UNSET


class ServiceList(Answer, frozen=True, kw_only=True):
    """Services, by name."""

    services: list[ServiceEntry]


class AppEntry(Answer, frozen=True, kw_only=True):
    """An app as it is registered on a service."""

    service_name: str
    app_name: str
    app_specification_uri: Annotated[
        str, Meta(description="Where its spec is from; empty for a folder of the hub's machine.")
    ]
    app_specification_commit: str
    app_specification: AppSpecification
    version: Annotated[
        str | None,
        Meta(
            description="Results of another version are not found by the cache. As the app "
            "declares it, or the digest of its code; null if that is not known."
        ),
    ]
    source: Annotated[
        Literal["folder", "bundled", "spec"],
        Meta(
            description="Where its code is: in a folder of the hub's machine, in the hub's own "
            "package, or not here, since only its spec is known."
        ),
    ]
    sdk: Annotated[AppSdk | None, Meta(description="What it is written with, if that is known.")]
    code_digest: Annotated[
        str | None,
        Meta(description="SHA-256 over its files and their names, if it is in a folder."),
    ]


class AppList(Answer, frozen=True, kw_only=True):
    """The apps of a service, by name."""

    apps: list[AppEntry]
