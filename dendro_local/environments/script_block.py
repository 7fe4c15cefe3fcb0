"""Reading what an app needs from the PEP 723 block of its ``main.py``.

The block and how it is found are specified in
https://packaging.python.org/en/latest/specifications/inline-script-metadata/.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from dendro_local.environments.python_versions import admits
from dendro_local.environments.records import Requirements
from dendro_local.errors import InvalidApp

__all__ = ["REQUIREMENT_NAME", "UV_KEYS", "requirements_of"]

# Expressions are compiled when they are first used: an app without a block needs none of them.

# That of the specification.
_BLOCK = r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"

REQUIREMENT_NAME = r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?"
"""The beginning of a PEP 508 requirement: name and extras."""

# What may follow it: a version, an address, a marker, or nothing.
_AFTER_NAME = r"\s*(?:$|[<>=!~(;@])"

UV_KEYS = (
    "constraint-dependencies",
    "exclude-newer",
    "extra-index-url",
    "find-links",
    "index-url",
    "no-build",
    "no-index",
    "prerelease",
)
"""What is carried out of the table ``[tool.uv]``."""


def requirements_of(main_py: Path) -> Requirements | None:
    """What an app needs; None if it does not say.

    Args:
        main_py: the app's ``main.py``.

    Raises:
        InvalidApp: it cannot be read, or what it says is not understood; the message names the
            line.
    """
    try:
        # What is not UTF-8 may stand anywhere but in the block, which would be seen there.
        text = main_py.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InvalidApp(f"{main_py} cannot be read: {error.strerror}.") from error
    if "# /// script" not in text:
        return None
    blocks = [found for found in re.finditer(_BLOCK, text) if found["type"] == "script"]
    if not blocks:
        return None
    block = _Block(main_py, text, blocks[0])
    if len(blocks) > 1:
        second = text.count("\n", 0, blocks[1].start()) + 1
        block.refuse(f"there is a second `# /// script` block at line {second}; leave one")
    return block.requirements()


class _Block:
    """One block, with what is needed to say where in it something is wrong."""

    def __init__(self, file: Path, text: str, found: re.Match[str]) -> None:
        self._file = file
        self._line = text.count("\n", 0, found.start()) + 1
        self._lines = [
            line[2:] if line.startswith("# ") else line[1:]
            for line in found["content"].splitlines()
        ]

    def refuse(self, fault: str, key: str | None = None) -> NoReturn:
        """Raise the error for something that is wrong, at the line of a key if it has one."""
        raise InvalidApp(f"{self._file}, line {self._line_of(key)}: {fault}.")

    def requirements(self) -> Requirements:
        """What the block declares."""
        table = self._table()
        requires_python = self._text(table, "requires-python")
        self._check_python(requires_python)
        options = self._uv_options(table)
        index_url = self._text(options, "index-url")
        return Requirements(
            file=self._file,
            line=self._line,
            dependencies=self._requirements(table, "dependencies"),
            requires_python=requires_python,
            index_url=index_url,
            extra_index_urls=self._texts(options, "extra-index-url"),
            find_links=tuple(map(self._place, self._texts(options, "find-links"))),
            no_index=self._flag(options, "no-index"),
            no_build=self._flag(options, "no-build"),
            constraints=self._requirements(options, "constraint-dependencies"),
            prerelease=self._text(options, "prerelease"),
            exclude_newer=self._text(options, "exclude-newer"),
        )

    def _table(self) -> Mapping[str, Any]:
        import tomllib  # only where there is such a block

        try:
            return tomllib.loads("\n".join(self._lines))
        except tomllib.TOMLDecodeError as error:
            where = re.search(r" \(at line (\d+), column \d+\)$", str(error))
            if where is None:
                self.refuse(f"the `# /// script` block is not TOML: {error}")
            line = self._line + int(where[1])
            fault = str(error)[: where.start()]
            raise InvalidApp(
                f"{self._file}, line {line}: the `# /// script` block is not TOML: {fault}."
            ) from error

    def _uv_options(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """The table ``[tool.uv]``, all of whose keys are carried out."""
        options = self._inner_table(self._inner_table(table, "tool"), "uv")
        for key in options:
            if key not in UV_KEYS:
                known = ", ".join(UV_KEYS)
                self.refuse(
                    f"tool.uv.{key} would change what is installed, and is not carried out "
                    f"here. Leave it out (an address goes into the dependency itself, as in "
                    f"`name @ https://...`); what is carried out is {known}",
                    key,
                )
        return options

    def _check_python(self, requires_python: str | None) -> None:
        try:
            admits(requires_python or "", (3,))
        except ValueError as error:
            self.refuse(f"requires-python is not understood: {error}", "requires-python")

    def _requirements(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        """A list of PEP 508 requirements: nothing that an installer would take for an option."""
        texts = self._texts(table, key)
        for text in texts:
            name = re.match(REQUIREMENT_NAME, text)
            if (
                not text.isprintable()
                or name is None
                or not re.match(_AFTER_NAME, text[name.end() :])
            ):
                self.refuse(
                    f"{text!r} is no dependency; one is a package's name, and what limits its "
                    "version, as in `numpy>=2`",
                    key,
                )
        return texts

    def _texts(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        texts: list[str] = []
        for item in cast("list[object]", value) if isinstance(value, list) else [None]:
            if not isinstance(item, str):
                self.refuse(f"{key} is not a list of strings", key)
            texts.append(item.strip())
        return tuple(texts)

    def _inner_table(self, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.refuse(f"{key} is no table", key)
        return cast("Mapping[str, Any]", value)

    def _text(self, table: Mapping[str, Any], key: str) -> str | None:
        value = table.get(key)
        if value is not None and not isinstance(value, str):
            self.refuse(f"{key} is not a string", key)
        return value

    def _flag(self, table: Mapping[str, Any], key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            self.refuse(f"{key} is neither true nor false", key)
        return value

    def _place(self, text: str) -> str:
        """A folder as a whole path; an address as it is."""
        if "://" in text:
            return text
        return str((self._file.parent / Path(text).expanduser()).absolute())

    def _line_of(self, key: str | None) -> int:
        if key is not None:
            for number, line in enumerate(self._lines, start=1):
                if re.match(rf"\s*(tool\.uv\.)?[\"']?{re.escape(key)}\b", line):
                    return self._line + number
        return self._line
