"""Which SDK an app is written with is told by its imports."""

from pathlib import Path

import pytest

from dendro_local.app_source import AppFolder, imported_sdk

OURS = "from dendro_local.sdk import App\n"
THEIRS = "from dendro.sdk import App\n"


def sdk_of(folder: Path, main: str, **modules: str) -> str:
    for name, code in {"main": main, **modules}.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    return imported_sdk(AppFolder(folder))


@pytest.mark.parametrize(
    "code",
    [
        THEIRS,
        "import dendro.sdk",
        "import dendro.sdk as sdk",
        "from dendro import sdk",
        "from dendro.sdk.App import App",
        "def main():\n    from dendro.sdk import App",
        "# from dendro_local.sdk import App\n" + THEIRS,
        THEIRS + "from dendro_local import submit_job",
    ],
)
def test_an_app_that_imports_the_originals_is_its(tmp_path: Path, code: str) -> None:
    assert sdk_of(tmp_path, code) == "dendro"


@pytest.mark.parametrize(
    "code",
    [
        OURS,
        "",
        "import dendro",
        "import dendro.sdk_tools",
        "# from dendro.sdk import App",
        "from .dendro.sdk import App",
        f"try:\n    {OURS}except ImportError:\n    {THEIRS}",
        THEIRS + "def:",
    ],
)
def test_any_other_app_is_ours(tmp_path: Path, code: str) -> None:
    assert sdk_of(tmp_path, code) == "dendro_local"


def test_the_modules_beside_it_count_where_main_imports_neither(tmp_path: Path) -> None:
    main = "from its_app import app\n\napp.run()\n"

    assert sdk_of(tmp_path, main, its_app=THEIRS) == "dendro"
    assert sdk_of(tmp_path, main, its_app=THEIRS, other=OURS) == "dendro_local"
    assert sdk_of(tmp_path, THEIRS, its_app=THEIRS, other=OURS) == "dendro"
