"""How an environment gets the build of Torch that suits the machine.

On Linux, PyPI's Torch is a CUDA build and brings several GB of libraries with it. So a machine
without an NVIDIA driver is given the CPU build, also where Torch is only needed by another
dependency. It is taken from where the machine's own configuration has it, else from PyTorch's
index: uv's ``--torch-backend`` names that for Torch's packages only.

Where packages are found in folders (``find-links``) beside an index, an installer takes the
highest version of all. A CPU build in such a folder is therefore asked for by its version, and
the packages that must match it (torchvision, torchaudio) are refused where the folders lack them,
so that no CUDA build of those is put beside it. Where an app cannot do with that, the next choice
is tried.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from dendro_local.environments.key import normalized
from dendro_local.environments.package_sources import PackageSources
from dendro_local.environments.records import Requirements
from dendro_local.environments.torch_variant import TorchVariant, has_nvidia_driver

__all__ = [
    "CPU_INDEX",
    "TorchChoice",
    "names_torch",
    "torch_choices",
]

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PACKAGES = ("torch", "torchvision", "torchaudio")
MAX_LOCAL_VERSIONS = 3

_WHEEL = re.compile(r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[^-]+)-.+\.whl", re.IGNORECASE)


class TorchChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One way to get the build that suits the machine."""

    description: str
    """For the log."""

    constraints: tuple[str, ...] = ()
    backend: str | None = None
    """What uv's ``--torch-backend`` is given."""


def torch_choices(
    variant: TorchVariant, sources: PackageSources, environ: Mapping[str, str]
) -> Sequence[TorchChoice]:
    """How to get the build of Torch, best first; at least one way.

    Args:
        variant: the build that suits.
        sources: where packages are from.
        environ: the environment variables.
    """
    plain = TorchChoice(description="as the package indexes have it")
    if sys.platform != "linux" or environ.get("UV_TORCH_BACKEND"):
        return [plain]  # elsewhere there is only one build; or uv was told already
    if any("pytorch.org" in url or "/whl/c" in url for url in sources.index_urls):
        return [plain]  # the index was chosen for its builds
    local = list(_local_choices("cpu" if variant == "cpu" else "cu", sources.find_links))
    if variant == "cpu":
        return [*local, TorchChoice(description="the CPU build of PyTorch", backend="cpu")]
    if has_nvidia_driver(environ):
        by_driver = TorchChoice(description="the CUDA build for the driver", backend="auto")
        return [*local, by_driver, plain]
    return [*local, plain]


def names_torch(requirements: Requirements) -> bool:
    """Whether an app itself asks for one of Torch's packages."""
    names = {re.split(r"[^a-z0-9-]", normalized(each))[0] for each in requirements.dependencies}
    return not names.isdisjoint(PACKAGES)


def _local_choices(label: str, find_links: Sequence[str]) -> Iterator[TorchChoice]:
    """The builds in folders whose local version begins with the label, highest version first."""
    found: dict[str, set[str]] = {name: set() for name in PACKAGES}
    for folder in map(_local_folder, find_links):
        for file in sorted(folder.glob("torch*.whl")) if folder is not None else ():
            wheel = _WHEEL.fullmatch(unquote(file.name))
            if wheel is None or wheel["name"].lower() not in found:
                continue
            if wheel["version"].partition("+")[2].startswith(label):
                found[wheel["name"].lower()].add(wheel["version"])
    lacking = tuple(f"{name}<0" for name in PACKAGES if not found[name])
    versions = sorted(found["torch"], key=_release, reverse=True)
    for version in versions[:MAX_LOCAL_VERSIONS]:
        yield TorchChoice(
            description=f"torch {version} from a folder of packages",
            constraints=(f"torch=={version}", *lacking),
        )


def _local_folder(link: str) -> Path | None:
    """The folder of this machine that a place is; None if it is a page, or not there."""
    parts = urlsplit(link)
    if parts.scheme not in ("", "file"):
        return None
    folder = Path(unquote(parts.path)) if parts.scheme else Path(link)
    return folder if folder.is_dir() else None


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0]))
