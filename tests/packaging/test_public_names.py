"""The public names of a package are the sorted ``__all__`` of its ``__init__.py``."""

import ast
import importlib
import inspect
import pkgutil

import pytest

import dendro_local
import dendro_local.client
import dendro_sync

MODULES = [
    module.name
    for package in (dendro_local, dendro_sync)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith("__main__")
]
PACKAGES = [
    "dendro_local",
    *(
        module.name
        for module in pkgutil.iter_modules(dendro_local.__path__, "dendro_local.")
        if module.ispkg
    ),
]


@pytest.mark.parametrize("name", ["dendro_local", "dendro_sync", *MODULES])
def test_the_names_of_a_module_are_sorted_and_there(name: str) -> None:
    module = importlib.import_module(name)
    public = getattr(module, "__all__", [])

    assert public == sorted(set(public))
    assert [each for each in public if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_says_what_is_public(name: str) -> None:
    assert importlib.import_module(name).__all__


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_that_only_gathers_names_exports_all_of_them(name: str) -> None:
    package = importlib.import_module(name)
    statements = ast.parse(inspect.getsource(package)).body
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
        _ = dendro_local.sumbit_job


def test_completion_shows_the_public_names_only() -> None:
    assert dir(dendro_local) == dendro_local.__all__
