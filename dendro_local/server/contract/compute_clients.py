"""What is asked about compute clients, and changed by their owners."""

from dendro_local.contract import (
    CreateComputeClientRequest,
    DeleteComputeClientRequest,
    GetComputeClientRequest,
    GetComputeClientsRequest,
    GetPubsubSubscriptionRequest,
    PingComputeClientsRequest,
    SetComputeClientInfoRequest,
)
from dendro_local.errors import ComputeClientNotFound, NotAllowed
from dendro_local.local_hub.compute_clients import ComputeClientChanges
from dendro_local.model import ComputeClient
from dendro_local.server.contract.call import Asked, Call, Refusal, Reply
from dendro_local.server.contract.users import checked_login

__all__ = ["CALLS", "checked_compute_client", "compute_client"]

PROTOCOL_VERSIONS = ("old", "1")

CHANNEL = "dendro-compute-clients"


def compute_client(asked: Asked, client_id: str) -> ComputeClient:
    """The compute client that a request names, or the contract's refusal."""
    try:
        return asked.hub.compute_client(client_id)
    except ComputeClientNotFound as error:
        raise Refusal(404, "Compute client not found") from error


def checked_compute_client(asked: Asked, client_id: str) -> ComputeClient:
    """The compute client that a request names, if the request has its key."""
    client = compute_client(asked, client_id)
    if not asked.hub.check_compute_client_key(client_id, asked.key):
        raise Refusal(401, "Unauthorized: incorrect or missing compute client private key")
    return client


def create_compute_client(asked: Asked, request: CreateComputeClientRequest) -> Reply:
    """Register a compute client, and tell its key this once."""
    checked_login(asked, request.userId)
    try:
        client, key = asked.hub.register_compute_client(
            request.userId, request.computeClientName, request.serviceNames
        )
    except NotAllowed as error:
        raise Refusal(401, str(error)) from error
    return {"computeClientId": client.computeClientId, "computeClientPrivateKey": key}


def get_compute_client(asked: Asked, request: GetComputeClientRequest) -> Reply:
    """One compute client."""
    return {"computeClient": compute_client(asked, request.computeClientId)}


def get_compute_clients(asked: Asked, request: GetComputeClientsRequest) -> Reply:
    """The compute clients of a service."""
    if not request.serviceName:
        raise Refusal(400, "Must specify serviceName in request")
    return {"computeClients": asked.hub.compute_clients(request.serviceName)}


def set_compute_client_info(asked: Asked, request: SetComputeClientInfoRequest) -> Reply:
    """Change what a compute client is called, offers, and for whom it works."""
    client = compute_client(asked, request.computeClientId)
    checked_login(asked, client.userId)
    changes = ComputeClientChanges(
        name=request.computeClientName,
        description=request.description,
        slots=request.computeSlots,
        services=request.serviceNames,
        process_for=request.processJobsForUsers,
    )
    if changes == ComputeClientChanges():
        raise Refusal(400, "Nothing to update")
    try:
        asked.hub.change_compute_client(request.computeClientId, changes)
    except NotAllowed as error:
        raise Refusal(401, str(error)) from error
    return {}


def delete_compute_client(asked: Asked, request: DeleteComputeClientRequest) -> Reply:
    """Forget a compute client with its key."""
    client = compute_client(asked, request.computeClientId)
    checked_login(asked, client.userId)
    asked.hub.remove_compute_client(request.computeClientId)
    return {}


def get_pubsub_subscription(asked: Asked, request: GetPubsubSubscriptionRequest) -> Reply:
    """How a compute client hears of jobs: not by PubNub, so that there is no key to subscribe."""
    if not request.computeClientId:
        raise Refusal(400, "Must specify computeClientId in request")
    client = checked_compute_client(asked, request.computeClientId)
    if request.protocolVersion and request.protocolVersion not in PROTOCOL_VERSIONS:
        raise Refusal(400, "Invalid protocolVersion")
    return {
        "subscription": {
            "pubnubSubscribeKey": "",
            "pubnubChannel": CHANNEL,
            "pubnubUser": client.computeClientId,
        }
    }


def ping_compute_clients(asked: Asked, request: PingComputeClientsRequest) -> Reply:
    """Have those that wait for jobs look for them."""
    asked.hub.ping_compute_clients()
    return {}


CALLS = (
    Call(CreateComputeClientRequest, create_compute_client),
    Call(GetComputeClientRequest, get_compute_client),
    Call(GetComputeClientsRequest, get_compute_clients),
    Call(SetComputeClientInfoRequest, set_compute_client_info),
    Call(DeleteComputeClientRequest, delete_compute_client),
    Call(GetPubsubSubscriptionRequest, get_pubsub_subscription),
    Call(PingComputeClientsRequest, ping_compute_clients),
)
