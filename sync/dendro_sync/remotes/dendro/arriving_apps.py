"""Apps of a hub as entries, so that jobs of them can be found where their code is not."""

import logging

import msgspec

from dendro_local.contract import GetServiceAppRequest
from dendro_local.errors import DendroError, HubUnreachable
from dendro_local.model import ServiceApp
from dendro_local.signed_records import AppEntry, SharedApp, statement_of_app
from dendro_sync.remotes.dendro.calls import Calls

__all__ = ["app_entry"]

logger = logging.getLogger(__name__)


class _Reply(msgspec.Struct, frozen=True):
    serviceApp: msgspec.Raw


_app = msgspec.json.Decoder(ServiceApp)


def app_entry(calls: Calls, service: str, name: str) -> AppEntry | None:
    """The entry of an app as the hub has it now; None where it has none that is understood.

    Raises:
        HubUnreachable: the hub does not answer.
    """
    request = GetServiceAppRequest(serviceName=service, appName=name)
    try:
        app = _app.decode(calls.ask(request, _Reply).serviceApp)
    except HubUnreachable:
        raise
    except (DendroError, ValueError) as error:
        logger.warning("app %s of service %s cannot be had: %s", name, service, error)
        return None
    uri = app.appSpecificationUri
    shared = SharedApp(
        serviceName=service,
        appName=name,
        appSpecificationUri=uri if uri.startswith(("https://", "http://")) else "",
        appSpecificationCommit=app.appSpecificationCommit,
        appSpecification=app.appSpecification,
        # The hub finds jobs whatever version of the app they are of, and so does a store then.
        version=None,
        sdk=None,
    )
    return AppEntry(statement=msgspec.Raw(statement_of_app(shared)))
