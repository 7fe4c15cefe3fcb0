"""The block of ``main.py`` that declares what an app needs."""

from pathlib import Path

import pytest

from dendro_local.environments import requirements_of
from dendro_local.errors import InvalidApp
from tests.environments.conftest import MakeMain


def refusal(file: Path) -> str:
    with pytest.raises(InvalidApp) as caught:
        requirements_of(file)
    message = str(caught.value)
    assert message.startswith(f"{file}, line ")
    return message.removeprefix(f"{file}, line ")


def test_an_app_without_a_block_says_nothing_of_what_it_needs(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text("import numpy\n# dependencies = ['numpy']\n")

    assert requirements_of(file) is None


def test_a_block_that_is_not_closed_is_none(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text("# /// script\n# dependencies = ['numpy']\nprint()\n# ///\n")

    assert requirements_of(file) is None


def test_a_block_of_another_kind_is_not_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text("# /// other\n# not TOML\n# ///\n# see `# /// script`\n")

    assert requirements_of(file) is None


def test_everything_that_a_block_says_is_kept(make_main: MakeMain) -> None:
    file = make_main(
        "requires-python = '>=3.11'",
        "dependencies = [",
        "  'numpy>=2',",
        "  'torch ; python_version > \"3\"',",
        "  'mine @ https://example.org/mine-1.0.zip',",
        "]",
        "[tool.uv]",
        "index-url = 'https://example.org/simple'",
        "extra-index-url = ['https://example.org/more']",
        "find-links = ['wheels', '/opt/wheels', 'https://example.org/page']",
        "no-build = true",
        "no-index = false",
        "constraint-dependencies = ['scipy<2']",
        "prerelease = 'allow'",
        "exclude-newer = '2025-01-01'",
    )

    found = requirements_of(file)

    assert found is not None
    assert found.line == 2
    assert found.requires_python == ">=3.11"
    assert found.dependencies == (
        "numpy>=2",
        'torch ; python_version > "3"',
        "mine @ https://example.org/mine-1.0.zip",
    )
    assert found.index_url == "https://example.org/simple"
    assert found.extra_index_urls == ("https://example.org/more",)
    assert found.find_links == (
        str(file.parent / "wheels"),
        "/opt/wheels",
        "https://example.org/page",
    )
    assert (found.no_build, found.no_index) == (True, False)
    assert found.constraints == ("scipy<2",)
    assert (found.prerelease, found.exclude_newer) == ("allow", "2025-01-01")


def test_line_ends_of_windows_and_other_encodings_do_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    block = "# -*- coding: latin-1 -*-\r\n# /// script\r\n# dependencies = ['rig']\r\n# ///\r\n"
    file.write_bytes(block.encode() + "name = 'M\xfcller'\r\n".encode("latin-1"))

    found = requirements_of(file)

    assert found is not None
    assert found.dependencies == ("rig",)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidApp, match=r"main.py cannot be read: No such file"):
        requirements_of(tmp_path / "main.py")


def test_two_blocks_are_refused(make_main: MakeMain) -> None:
    file = make_main("dependencies = []")
    file.write_text(file.read_text() + "# /// script\n# dependencies = []\n# ///\n")

    assert refusal(file).startswith("2: there is a second `# /// script` block at line 6")


def test_what_is_not_toml_is_refused_with_its_line(make_main: MakeMain) -> None:
    assert refusal(make_main("requires-python = '>=3.11'", "dependencies = [rig]")).startswith(
        "4: the `# /// script` block is not TOML: Invalid value"
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("dependencies = 'rig'", "dependencies is not a list of strings"),
        ("dependencies = ['rig', 2]", "dependencies is not a list of strings"),
        ("dependencies = ['--index-url https://example.org']", "is no dependency"),
        ("dependencies = ['-r other.txt']", "is no dependency"),
        ("dependencies = ['./rig']", "is no dependency"),
        ("dependencies = ['rig', '']", "is no dependency"),
        ('dependencies = ["rig\\n--pre"]', "is no dependency"),
        ("requires-python = 3.11", "requires-python is not a string"),
        ("requires-python = '3.11'", "requires-python is not understood"),
        ("tool = 1", "tool is no table"),
        ("tool.uv.no-build = 'yes'", "no-build is neither true nor false"),
        ("tool.uv.sources = {rig = {path = '..'}}", "tool.uv.sources would change what is"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(
    make_main: MakeMain, line: str, fault: str
) -> None:
    message = refusal(make_main("", line))

    assert message.startswith("4: ")
    assert fault in message
