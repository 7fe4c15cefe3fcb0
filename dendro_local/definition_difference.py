"""In what two job definitions differ, in words. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from dendro_local.model import JobDefinition

__all__ = ["differences", "nearest"]

SHOWN = 60
"""How many characters of a value are shown."""


def differences(earlier: JobDefinition, later: JobDefinition) -> list[str]:
    """Each field in which two definitions differ, with both values; empty if in none."""
    found: list[str] = []
    for field in ("appName", "processorName", "cacheBust"):
        before, now = getattr(earlier, field), getattr(later, field)
        if before != now:
            found.append(f"{field}: {_shown(before)} there, {_shown(now)} here")
    found += _compared(
        "parameter",
        {each.name: each.value for each in earlier.parameters},
        {each.name: each.value for each in later.parameters},
    )
    found += _compared(
        "url of input",
        {each.name: each.url for each in earlier.inputFiles},
        {each.name: each.url for each in later.inputFiles},
    )
    for kind, before_files, now_files in (
        ("input", earlier.inputFiles, later.inputFiles),
        ("output", earlier.outputFiles, later.outputFiles),
    ):
        found += _compared(
            f"fileBaseName of {kind}",
            {each.name: each.fileBaseName for each in before_files},
            {each.name: each.fileBaseName for each in now_files},
        )
    return found


def _compared(what: str, before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    found: list[str] = []
    for name in dict.fromkeys([*before, *now]):
        there, here = before.get(name, msgspec.UNSET), now.get(name, msgspec.UNSET)
        # 1 and 1.0 are the same number to the hash, True and 1 are not.
        if there != here or isinstance(there, bool) != isinstance(here, bool):
            found.append(f"{what} {name!r}: {_shown(there)} there, {_shown(here)} here")
    return found


def nearest(
    definition: JobDefinition, earlier: Sequence[JobDefinition]
) -> tuple[int, list[str]] | None:
    """The definition that differs in the fewest fields: its index, and the differences.

    Of several as near, the first. None if there is none at all.
    """
    compared = [(index, differences(each, definition)) for index, each in enumerate(earlier)]
    return min(compared, key=lambda each: len(each[1]), default=None)


def _shown(value: object) -> str:
    if value is msgspec.UNSET:
        return "not given"
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
