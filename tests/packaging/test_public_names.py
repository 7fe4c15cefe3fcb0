"""The public names of a package are the sorted ``__all__`` of its ``__init__.py``."""

import ast
import importlib
import pkgutil
from types import ModuleType

import pytest

import dendro_local
import dendro_local.client

NAMES = ["dendro_local"] + [
    module.name
    for module in pkgutil.walk_packages(dendro_local.__path__, "dendro_local.")
    if not module.name.endswith("__main__")
]
MODULES = [importlib.import_module(name) for name in NAMES]
DECLARING = [module for module in MODULES if hasattr(module, "__all__")]
PACKAGES = [module for module in DECLARING if hasattr(module, "__path__")]


def name_of(module: ModuleType) -> str:
    return module.__name__


@pytest.mark.parametrize("module", DECLARING, ids=name_of)
def test_the_names_of_a_module_are_sorted_and_there(module: ModuleType) -> None:
    assert module.__all__ == sorted(set(module.__all__))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_a_package_that_only_gathers_names_exports_all_of_them(package: ModuleType) -> None:
    with open(package.__file__ or "", encoding="utf-8") as file:  # noqa: PTH123
        statements = ast.parse(file.read()).body
    gathered = {
        alias.asname or alias.name
        for statement in statements
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("dendro_")
        for alias in statement.names
    }
    defines = any(isinstance(each, ast.ClassDef | ast.FunctionDef) for each in statements)

    assert defines or set(package.__all__) == gathered


def test_the_package_has_the_names_of_the_client() -> None:
    shared = set(dendro_local.__all__) & set(dendro_local.client.__all__)

    assert set(dendro_local.client.__all__) == shared
    for name in shared:
        assert getattr(dendro_local, name) is getattr(dendro_local.client, name)


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'dendro_local' has no attribute 'sumbit_job'"):
        _ = dendro_local.sumbit_job  # type: ignore[attr-defined]  # as a user may mistype it


def test_completion_shows_the_public_names_only() -> None:
    assert dir(dendro_local) == dendro_local.__all__
