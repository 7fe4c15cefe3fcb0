"""Which build of Torch a machine gets."""

import sys
from pathlib import Path

import pytest

from dendro_local.environments import Requirements
from dendro_local.environments.package_sources import PackageSources
from dendro_local.environments.torch_builds import (
    TorchChoice,
    names_torch,
    torch_choices,
)
from dendro_local.environments.torch_variant import has_nvidia_driver, torch_variant
from dendro_local.errors import InvalidRequest

NOWHERE = PackageSources()

only_on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere is one build only")


@pytest.fixture
def with_driver(tmp_path: Path) -> dict[str, str]:
    """Variables of a machine that has an NVIDIA driver."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return {"PATH": str(program.parent)}


def wheels(folder: Path, *names: str) -> PackageSources:
    for name in names:
        (folder / name).touch()
    return PackageSources(find_links=("https://example.org/page", "/not/there", str(folder)))


def test_the_driver_decides_unless_a_setting_does(with_driver: dict[str, str]) -> None:
    assert torch_variant(with_driver) == "cuda"
    assert torch_variant({**with_driver, "DENDRO_TORCH": "cpu"}) == "cpu"
    assert torch_variant({"DENDRO_TORCH": "cuda"}) == "cuda"
    if not has_nvidia_driver({}):
        assert torch_variant({"DENDRO_TORCH": "auto"}) == "cpu"


def test_a_setting_that_is_not_known_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"DENDRO_TORCH is 'rocm'. It must be auto, cpu or"):
        torch_variant({"DENDRO_TORCH": "rocm"})


@only_on_linux
def test_without_a_driver_it_is_the_cpu_build_and_never_that_of_the_index() -> None:
    assert [choice.backend for choice in torch_choices("cpu", NOWHERE, {})] == ["cpu"]


@only_on_linux
def test_with_a_driver_it_is_a_build_for_it(with_driver: dict[str, str]) -> None:
    choices = torch_choices("cuda", NOWHERE, with_driver)

    assert [choice.backend for choice in choices] == ["auto", None]


@only_on_linux
def test_a_cuda_build_can_be_had_without_a_driver() -> None:
    if not has_nvidia_driver({}):
        assert [choice.backend for choice in torch_choices("cuda", NOWHERE, {})] == [None]


@only_on_linux
def test_a_build_in_a_folder_comes_first_by_its_version(tmp_path: Path) -> None:
    sources = wheels(
        tmp_path,
        "torch-2.9.1+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-2.14.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-2.14.0+cu130-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torchaudio-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torchmetrics-1.0+cpu-py3-none-any.whl",
    )

    *local, last = torch_choices("cpu", sources, {})

    assert [choice.constraints for choice in local] == [
        ("torch==2.13.0+cpu", "torchvision<0"),
        ("torch==2.9.1+cpu", "torchvision<0"),
    ]
    assert last.backend == "cpu"


@pytest.mark.parametrize(
    ("sources", "environ"),
    [
        (PackageSources(extra_indexes=("https://download.pytorch.org/whl/cpu",)), {}),
        (PackageSources(default_index="https://mirror.org/whl/cpu"), {}),
        (NOWHERE, {"UV_TORCH_BACKEND": "cu126"}),
    ],
)
def test_what_is_configured_already_is_left_alone(
    sources: PackageSources, environ: dict[str, str]
) -> None:
    [choice] = torch_choices("cpu", sources, environ)

    assert choice == TorchChoice(description=choice.description)


@pytest.mark.parametrize(
    ("dependency", "expected"),
    [("torch", True), ("Torch[opt]>=2", True), ("torchvision ; 1", True), ("torchmetrics", False)],
)
def test_the_packages_of_torch_are_known(dependency: str, expected: bool) -> None:
    needs = Requirements(file=Path("main.py"), line=1, dependencies=("rig", dependency))

    assert names_torch(needs) is expected
