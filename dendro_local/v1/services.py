"""What is answered about services and their apps."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dendro_local.model import AppSdk, AppSpecification, ServiceUser
from dendro_local.v1.record import Answer, Question

__all__ = [
    "AppEntry",
    "AppList",
    "AppStatus",
    "NewApp",
    "NewService",
    "ServiceEntry",
    "ServiceList",
    "UserRights",
]


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


class AppStatus(Answer, frozen=True, kw_only=True):
    """In which state an app is, as far as that can be told without running any of it."""

    environment: Annotated[
        Literal["none", "not known", "not built", "ready", "building", "failed"],
        Meta(
            description="Of its own environment: `none` if it needs none, `not known` if its code "
            "is not here or cannot be read, `not built` until the first job needs it."
        ),
    ]
    python_version: Annotated[str | None, Meta(description="In a ready environment.")] = None
    packages: Annotated[
        tuple[str, ...], Meta(description="In a ready environment, as `name==version`.")
    ] = ()
    size_bytes: Annotated[int | None, Meta(description="Of an environment that is there.")] = None
    environment_error: Annotated[
        str | None,
        Meta(description="Why it could not be built; told to the user whose hub this is alone."),
    ] = None
    has_changed: Annotated[
        bool, Meta(description="Whether its folder is in another state than was registered.")
    ]
    fault: Annotated[str | None, Meta(description="Why it cannot be used as it is, if so.")]


class NewService(Question, frozen=True, kw_only=True):
    """A service that whoever asks is to own."""

    service_name: Annotated[str, Meta(min_length=1, max_length=200)]


class UserRights(Question, frozen=True, kw_only=True):
    """What a user may do on a service."""

    admin: Annotated[bool, Meta(description="Say who may do what on it.")] = False
    create_jobs: Annotated[bool, Meta(description="Submit jobs to it.")] = False
    process_jobs: Annotated[
        bool, Meta(description="Run jobs of it, see their secrets, and be believed in the results.")
    ] = False


class NewApp(Question, frozen=True, kw_only=True):
    """An app to be registered."""

    source: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=2000,
            description="A folder of the hub's machine, or the file or URL of a spec.",
        ),
    ]
