"""Torch's build is chosen by the installer as this machine wants it, asked for or only needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from dendro_local.environments import Environments, Requirements
from tests.environments.conftest import Needs
from tests.environments.packages import add_wheel

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere is one build only"),
]


@pytest.fixture
def builds(packages: Path) -> None:
    """Torch's builds in the folder; the newest one is the CUDA build of an index."""
    add_wheel(packages, "torch", "9.0+cpu")
    add_wheel(packages, "torch", "9.0+cu130")
    add_wheel(packages, "torch", "9.1")
    add_wheel(packages, "torchvision", "5.1", needs="torch==9.1")
    add_wheel(packages, "model", needs="torch")
    add_wheel(packages, "seer", needs="torchvision")


def torch_version(environments: Environments, requirements: Requirements) -> str:
    python = environments.prepare(requirements, lambda line: None, lambda: False)
    assert python is not None
    code = "import torch; print(torch.version)"
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


@pytest.mark.usefixtures("builds")
@pytest.mark.parametrize("dependency", ["torch", "model"])
@pytest.mark.parametrize(("asked", "version"), [("cpu", "9.0+cpu"), ("cuda", "9.0+cu130")])
def test_the_build_for_the_machine_comes_before_the_newest(
    environments: Environments,
    environ: dict[str, str],
    needs: Needs,
    dependency: str,
    asked: str,
    version: str,
) -> None:
    environ["DENDRO_TORCH"] = asked

    assert torch_version(environments, needs(dependency)) == version


@pytest.mark.usefixtures("builds")
@pytest.mark.parametrize("dependency", ["torch>=9.1", "seer"])
def test_an_app_that_cannot_do_with_it_is_given_what_pytorchs_index_has(
    environments: Environments, environ: dict[str, str], needs: Needs, dependency: str
) -> None:
    environ.update(DENDRO_TORCH="cpu", UV_OFFLINE="1")
    del environ["PIP_NO_INDEX"]

    torch_version(environments, needs(dependency))

    log = environments.log(needs(dependency)).read_text()
    assert log.index("No solution found") < log.index("--torch-backend cpu")
