"""Options that several commands have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from dendro_local.config import RUNTIME_NAMES, SETTINGS, setting, store_folder

__all__ = [
    "any_service_option",
    "container_option",
    "job_argument",
    "json_option",
    "one_service_option",
    "yes_option",
]

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

_SERVICE = next(declared for declared in SETTINGS if declared.key == "service")
_CONTAINER = next(declared for declared in SETTINGS if declared.key == "container")


def _service(ctx: click.Context, parameter: click.Parameter, given: str | None) -> str:
    return given or setting("service", store_folder())


def one_service_option(command: _Decorated) -> _Decorated:
    """``--service``, by default that of the settings."""
    return click.option(
        "--service",
        metavar="NAME",
        callback=_service,
        envvar=_SERVICE.variable,
        show_envvar=True,
        show_default=_SERVICE.default,
        help="Service to use.",
    )(command)


def any_service_option(command: _Decorated) -> _Decorated:
    """``--service``, by default all of them."""
    return click.option("--service", metavar="NAME", help="Only of this service.")(command)


def container_option(command: _Decorated) -> _Decorated:
    """``--container``, by default that of the settings."""
    return click.option(
        "--container",
        metavar="METHOD",
        type=click.Choice(RUNTIME_NAMES),
        envvar=_CONTAINER.variable,
        show_envvar=True,
        show_default=_CONTAINER.default,
        help=f"How apps are run: {', '.join(RUNTIME_NAMES)}.",
    )(command)


def json_option(command: _Decorated) -> _Decorated:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(
        command
    )


def yes_option(command: _Decorated) -> _Decorated:
    """``--yes``, without which a command only shows what it would remove."""
    return click.option(
        "--yes", is_flag=True, help="Do it. Without this, only show what would be removed."
    )(command)


def job_argument(command: _Decorated) -> _Decorated:
    """The id of one job, or its unique beginning."""
    return click.argument("job_id", metavar="ID")(command)
