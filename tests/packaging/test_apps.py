"""What the apps in ``apps/`` say in more than one place agrees, and what they name is there."""

import json
import re
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from dendro_local.app_source import BUNDLED_APPS
from dendro_local.environments import Requirements, requirements_of
from tests.packaging.conftest import ROOT

APPS = ROOT / "apps"

ALL = pytest.mark.parametrize("app", BUNDLED_APPS)


def dockerfile(app: str) -> str:
    return (APPS / app / "Dockerfile").read_text()


def needed_by(app: str) -> Requirements | None:
    return requirements_of(APPS / app / "main.py")


@ALL
def test_a_dockerfile_copies_what_is_there_and_all_that_its_app_links_to(app: str) -> None:
    # Where it is built says its second line; each source is a folder there.
    (context,) = re.findall(r"^# Built in (\S+):", dockerfile(app), re.MULTILINE)
    copied = dict(re.findall(r"^COPY (\S+) (\S+)$", dockerfile(app), re.MULTILINE))
    linked = {file.resolve().parent.name for file in (APPS / app).iterdir() if file.is_symlink()}

    assert all((ROOT / context / source).is_dir() for source in copied)
    assert copied[app] == "/app"
    # Links lead from /app to ../NAME.
    assert linked <= {source for source, target in copied.items() if target == f"/{source}"}


@ALL
def test_a_dockerfile_makes_the_image_that_the_spec_names(app: str) -> None:
    spec = json.loads((APPS / app / "spec.json").read_text())

    (image,) = {processor["image"] for processor in spec["processors"]}

    assert f"-t {image} ." in dockerfile(app)


@ALL
def test_the_python_of_an_image_is_one_that_its_app_asks_for(app: str) -> None:
    (version,) = re.findall(r"^FROM python:([\d.]+)-slim$", dockerfile(app), re.MULTILINE)
    requirements = needed_by(app)
    wanted = None if requirements is None else requirements.requires_python

    assert f"{version}.0" in SpecifierSet(wanted or ">=3.11")


def test_hello_mountainsort5_needs_what_hello_neurosift_needs() -> None:
    ours, theirs = needed_by("hello_mountainsort5"), needed_by("hello_neurosift")

    assert ours is not None
    assert theirs is not None
    assert ours.dependencies == theirs.dependencies
    assert ours.requires_python == theirs.requires_python


@ALL
def test_the_figures_of_a_readme_are_there(app: str) -> None:
    readme: Path = APPS / app / "README.md"

    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", readme.read_text()):
        assert (readme.parent / name).is_file(), name
