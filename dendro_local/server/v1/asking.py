"""Who asks, and where: what every route needs beside its own parameters."""

from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, TypeAlias, TypeVar

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import HeaderParameter

from dendro_local.errors import InvalidRequest, NotAllowed, NotAuthenticated
from dendro_local.model import Job, Service
from dendro_local.server.sessions import session_user
from dendro_local.server.site import Site
from dendro_local.server.urls import Urls

__all__ = [
    "AnyRequest",
    "Asked",
    "HubRequest",
    "IdempotencyKey",
    "asked",
    "caller",
    "refuse_unknown_parameters",
]

AnyRequest: TypeAlias = Request[Any, Any, Any]

COMPUTE_CLIENT = "dendro-compute-client"
"""The header in which a compute client names itself."""

P = ParamSpec("P")
T = TypeVar("T")


class HubRequest:
    """A request: the hub that it is for, the URLs that it can use, and who it is from."""

    __slots__ = ("base", "hub", "request", "site", "urls")

    def __init__(self, site: Site, request: AnyRequest) -> None:
        self.site = site
        self.hub = site.hub
        self.request = request
        self.base = site.base_of(request.scope)
        self.urls = Urls(self.base, site.bases)

    def user_id(self) -> str:
        """The user who asks.

        Raises:
            NotAuthenticated: the request has no key, or one that is nobody's.
        """
        found = caller(self.request)
        if found is None:
            raise NotAuthenticated(
                "This needs an API key of the hub, sent as `Authorization: Bearer KEY`. "
                "`dendro-local users key` makes one."
            )
        return found

    def compute_client_id(self) -> str:
        """The compute client that asks, by its own key and its id in ``Dendro-Compute-Client``.

        Raises:
            NotAuthenticated: the request names none, or the key is not its.
        """
        client_id = self.request.headers.get(COMPUTE_CLIENT)
        if client_id is None:
            raise NotAuthenticated(
                "This is for compute clients, with their id in the header Dendro-Compute-Client "
                "and their own key. `dendro-local clients register` registers one."
            )
        if not self.hub.check_compute_client_key(client_id, _bearer_key(self.request)):
            raise NotAuthenticated(f"This is not the key of a compute client {client_id!r}.")
        return client_id

    def check_may_process(self, service: Service) -> None:
        """Refuse whoever may not run jobs of a service: who asks is a user, or a compute client.

        A compute client shows its own key, and its id in ``Dendro-Compute-Client``.

        Raises:
            NotAuthenticated: the request has no key, or one that is nobody's.
            NotAllowed: the right is lacking.
        """
        if COMPUTE_CLIENT not in self.request.headers:
            user_id = self.user_id()
            serves = True
        else:
            client = self.hub.compute_client(self.compute_client_id())
            user_id = client.userId
            serves = service.serviceName in client.serviceNames
        if not serves or not self.hub.may_process_jobs(user_id, service):
            raise NotAllowed(
                f"{user_id} may not process jobs of service {service.serviceName}. "
                "Its owner can let them."
            )

    def public(self, job: Job) -> Job:
        """A job's record as a reply has it."""
        return self.urls.public_job(job)

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what waits for the disk, while others are answered."""
        return await self.site.in_thread(call, *args, **kwargs)


IdempotencyKey: TypeAlias = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Any text of at least 16 characters that is of this request alone: if it is "
        "asked again with the same, because its answer was lost, it answers with the same jobs.",
        min_length=16,
        max_length=200,
    ),
]

Asked: TypeAlias = NamedDependency[HubRequest]
"""The request, as routes take it."""


def asked(request: AnyRequest) -> HubRequest:
    """The request as routes take it."""
    site: Site = request.app.state["site"]
    return HubRequest(site, request)


def caller(request: AnyRequest) -> str | None:
    """The id of the user who asks, by their key or the browser's session; None for a guest.

    Raises:
        NotAuthenticated: the key is nobody's.
    """
    site: Site = request.app.state["site"]
    if "authorization" not in request.headers:
        return session_user(site, request.scope)
    key = _bearer_key(request)
    found = None if key is None else site.hub.user_of_key(key)
    if found is None:
        raise NotAuthenticated(
            "This is no API key of the hub that is in use, or not sent as "
            "`Authorization: Bearer KEY`."
        )
    return found


def _bearer_key(request: AnyRequest) -> str | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


def refuse_unknown_parameters(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Refuse a query parameter that a route does not have: a misspelt filter would find too much.

    Raises:
        InvalidRequest: there is one.
    """
    given = connection.query_params
    if not given:
        return
    known = handler.parsed_fn_signature.parameters
    for name in given:
        if name not in known or name in _NO_QUERY or name in connection.path_params:
            names = [
                each for each in known if each not in _NO_QUERY | connection.path_params.keys()
            ]
            raise InvalidRequest(
                f"There is no query parameter {name!r} here. There are: "
                f"{', '.join(names) or 'none'}."
            )


_NO_QUERY = frozenset(
    {
        "asked",
        "claim_attempt",
        "claim_token",
        "data",
        "figures",
        "idempotency_key",
        "last_event_id",
        "news",
        "request",
        "self",
        "upload_length",
    }
)
