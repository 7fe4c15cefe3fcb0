"""Local-first jobs for science: recorded, cached and run on your own machine.

The public names are loaded when they are first used (PEP 562), so that importing the package,
or only `dendro_local.sdk`, needs no dependency and costs next to nothing.
"""

# Every app's process begins with this module, so that it does without `typing` and `importlib`
# until a name is asked for. Type checkers take the variable for the one in `typing`.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from dendro_local.client import (
        DendroJob,
        DendroJobDefinition,
        DendroJobInputFile,
        DendroJobOutput,
        DendroJobOutputFile,
        DendroJobParameter,
        DendroJobRequiredResources,
        get_job,
        submit_job,
        submit_jobs,
    )
    from dendro_local.definition import definition_hash
    from dendro_local.errors import DendroError

__version__ = "0.1.0"

_HOME = {
    "DendroError": "dendro_local.errors",
    "DendroJob": "dendro_local.client",
    "DendroJobDefinition": "dendro_local.client",
    "DendroJobInputFile": "dendro_local.client",
    "DendroJobOutput": "dendro_local.client",
    "DendroJobOutputFile": "dendro_local.client",
    "DendroJobParameter": "dendro_local.client",
    "DendroJobRequiredResources": "dendro_local.client",
    "definition_hash": "dendro_local.definition",
    "get_job": "dendro_local.client",
    "submit_job": "dendro_local.client",
    "submit_jobs": "dendro_local.client",
}

__all__ = [
    "DendroError",
    "DendroJob",
    "DendroJobDefinition",
    "DendroJobInputFile",
    "DendroJobOutput",
    "DendroJobOutputFile",
    "DendroJobParameter",
    "DendroJobRequiredResources",
    "__version__",
    "definition_hash",
    "get_job",
    "submit_job",
    "submit_jobs",
]


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    try:
        home = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(home), name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return __all__
