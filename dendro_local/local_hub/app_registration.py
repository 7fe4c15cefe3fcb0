"""How an app is put on a service, wherever it is from: its record, and names that can be used."""

from dendro_local.app_source import declared_version
from dendro_local.definition_check import check_definition
from dendro_local.errors import InvalidApp, InvalidDefinition, InvalidRequest
from dendro_local.file_urls import is_path_part
from dendro_local.model import (
    AppSdk,
    AppSpecification,
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    ServiceApp,
)
from dendro_local.store import RegisteredApp

__all__ = ["check_service_name", "registered_app"]


def check_service_name(name: str) -> None:
    """Refuse a name that no service can have.

    Raises:
        InvalidRequest: it is one.
    """
    if not is_path_part(name):
        raise InvalidRequest(
            f"A service cannot be named {name!r}: the name becomes part of file paths and URLs. "
            "Give one that is not empty, '.' or '..', and has no '/', no '\\' and no control "
            "character."
        )


def registered_app(
    specification: AppSpecification,
    service: str,
    *,
    uri: str,
    commit: str = "",
    source: str | None = None,
    folder_digest: str | None = None,
    sdk: AppSdk | None = None,
) -> RegisteredApp:
    """An app as it is registered on a service, with the version that a cached result must have.

    Args:
        specification: what it is.
        service: the service's name.
        uri: where its spec is from.
        commit: of which state of its sources, as whoever registers it calls it.
        source: where its code is on this machine, if it is.
        folder_digest: the state of its folder, where it is from one.
        sdk: what its code is written with.

    Raises:
        InvalidApp: no job definition could carry the names in its spec.
    """
    _check_names(specification)
    version = declared_version(specification)
    if version is None and folder_digest is not None:
        version = f"sha256:{folder_digest}"
    return RegisteredApp(
        record=ServiceApp(
            serviceName=service,
            appName=specification.name,
            appSpecificationUri=uri,
            appSpecificationCommit=commit,
            appSpecification=specification,
        ),
        source=source,
        version=version,
        folder_digest=folder_digest,
        sdk=sdk,
    )


def _check_names(specification: AppSpecification) -> None:
    """Refuse a spec with names that no job definition could carry."""
    if not is_path_part(specification.name):
        raise InvalidApp(
            f"An app cannot be named {specification.name!r}: the name becomes part of file paths "
            "and URLs. Please give a name without '/', '\\' and control characters."
        )
    for processor in specification.processors:
        definition = JobDefinition(
            appName=specification.name,
            processorName=processor.name,
            inputFiles=[
                JobInputFile(name=each.name, fileBaseName="file", url="")
                for each in processor.inputs
            ],
            outputFiles=[
                JobOutputFile(name=each.name, fileBaseName="file") for each in processor.outputs
            ],
            parameters=[JobParameter(name=each.name, value=None) for each in processor.parameters],
        )
        try:
            check_definition(definition)
        except InvalidDefinition as error:
            raise InvalidApp(
                f"No job could use processor {processor.name!r} of app {specification.name!r}: "
                f"{error}"
            ) from error
