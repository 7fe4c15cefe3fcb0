"""The key of an environment: which apps share one."""

from pathlib import Path

import msgspec
import pytest

from dendro_local.environments import Environments, Requirements, environment_key
from dendro_local.environments.key import normalized
from tests.environments.conftest import Needs


def key(requirements: Requirements, **machine: str) -> str:
    facts = {"python": "cpython-311", "platform": "linux-x86_64-gnu", "torch": "cpu", **machine}
    return environment_key(requirements, **facts)


NEEDS = Requirements(
    file=Path("main.py"),
    line=1,
    dependencies=("numpy >= 2", "Typing_Extensions[a,B]"),
    requires_python=">=3.11",
)


def test_the_key_is_that_of_its_documented_form() -> None:
    assert key(NEEDS) == "bdd688ddbd30bca7e64499e9d6623260"


def test_order_spelling_and_place_do_not_matter() -> None:
    same = msgspec.structs.replace(
        NEEDS,
        file=Path("other.py"),
        line=7,
        dependencies=("typing-extensions[b, A]", "NumPy>=2", "numpy>=2"),
        requires_python=">=3.10",
    )

    assert key(same) == key(NEEDS)


@pytest.mark.parametrize(
    "change",
    [
        {"dependencies": ("numpy>=2.1", "typing-extensions[a,b]")},
        {"dependencies": ("numpy>=2",)},
        {"index_url": "https://example.org"},
        {"extra_index_urls": ("https://example.org",)},
        {"find_links": ("/opt/wheels",)},
        {"no_index": True},
        {"no_build": True},
        {"constraints": ("scipy<2",)},
        {"prerelease": "allow"},
        {"exclude_newer": "2025-01-01"},
    ],
)
def test_whatever_may_change_what_is_installed_changes_the_key(change: dict[str, object]) -> None:
    assert key(msgspec.structs.replace(NEEDS, **change)) != key(NEEDS)


@pytest.mark.parametrize(
    "machine",
    [{"python": "cpython-312"}, {"platform": "darwin-arm64"}, {"torch": "cuda"}],
)
def test_another_kind_of_machine_has_another_key(machine: dict[str, str]) -> None:
    assert key(NEEDS, **machine) != key(NEEDS)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Zope.Interface", "zope-interface"),
        ("rig [ X , a ] >= 1 , < 2", "rig[a,x]>=1,<2"),
        ("rig ;  python_version  > '3'", "rig;python_version > '3'"),
        ("Rig @ https://example.org/a b;c", "rig @ https://example.org/a b;c"),
    ],
)
def test_requirements_have_a_normal_form(written: str, normal: str) -> None:
    assert normalized(written) == normal


def test_the_running_python_counts_where_it_will_do(
    environments: Environments, needs: Needs
) -> None:
    plain = needs("rig")
    same, other = (
        msgspec.structs.replace(plain, requires_python=asked) for asked in (">=3.11", "<3.11")
    )

    assert environments.key(same) == environments.key(plain)
    assert environments.key(other) != environments.key(plain)
