"""The order of names: ICU root collation, as the original hub sorts a job definition's entries.

The definition hash is over entries in the order of their names, so the order is part of the
format: contract.md, section 2. The original sorts with JavaScript's ``localeCompare``, which is
ICU's root collation (Unicode TR 10 with the CLDR root table, https://unicode.org/reports/tr10/).

For names in ASCII that order is one small table, and it is applied here in plain Python. As soon
as one name of a list is not in ASCII, ICU itself gives the keys of the whole list: keys of the
two kinds are never compared with each other.
"""

import functools
from array import array
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

__all__ = ["sort_keys", "sorted_by_name"]

T = TypeVar("T")

# The printing characters and white space of ASCII by primary rank; letters stand for both cases.
_ASCII_ORDER = b"\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"

# What the order does not see: 0x00-08, 0x0e-1f and 0x7f.
_IGNORED = bytes([*range(0x09), *range(0x0E, 0x20), 0x7F])

# Ranks begin at 1, so that the 0 which ends them in a key is less than any of them.
_PRIMARY_RANKS = bytes.maketrans(
    _ASCII_ORDER + _ASCII_ORDER[-26:].upper(),
    bytes(
        [*range(1, len(_ASCII_ORDER) + 1), *range(len(_ASCII_ORDER) - 25, len(_ASCII_ORDER) + 1)]
    ),
)


class _Collator(Protocol):
    """The part of ICU's collator that is used here; the binding has no types."""

    def getSortKey(self, source: str, /) -> bytes:  # noqa: N802 - ICU's name
        """Bytes that compare as the collator compares the strings that they are made of."""
        ...


def sort_keys(names: Sequence[str]) -> list[bytes]:
    """The names as bytes that compare as the names do in the root collation.

    Keys are comparable only with keys of the same call. Names that the order does not tell apart
    (equal, or different only in control characters) have equal keys.
    """
    if "".join(names).isascii():
        return _ascii_sort_keys(names)
    key_of = _root_collator().getSortKey
    return [key_of(_as_icu_reads_it(name)) for name in names]


def sorted_by_name(items: list[T], name: Callable[[T], str]) -> list[T]:
    """The items in the order of their names; equal names keep the order that they have.

    Args:
        items: what is to be sorted; it is left as it is.
        name: gives an item's name. It is not called for fewer than two items.

    Returns:
        A new list, or ``items`` itself if it is in order already.
    """
    if len(items) < 2:
        return items
    keys = sort_keys([name(item) for item in items])
    if sorted(keys) == keys:
        return items
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return [items[index] for index in order]


def _ascii_sort_keys(names: Sequence[str]) -> list[bytes]:
    """Ranks without case; where two names tie, then also lower case before upper."""
    ranks = [name.encode().translate(_PRIMARY_RANKS, _IGNORED) for name in names]
    if len(set(ranks)) == len(ranks):
        return ranks
    # Names that tie differ in case only, and in ASCII it is upper case that comes first.
    cases = [name.encode().translate(None, _IGNORED).swapcase() for name in names]
    return [rank + b"\0" + case for rank, case in zip(ranks, cases, strict=True)]


@functools.cache
def _root_collator() -> _Collator:
    """ICU's root collator, loaded when it is first needed: that takes some 20 milliseconds."""
    import icu

    binding: Any = icu  # it has no types
    return cast("_Collator", binding.Collator.createInstance(binding.Locale.getRoot()))


def _as_icu_reads_it(name: str) -> str:
    """The name in a form that PyICU hands to ICU as JavaScript would.

    PyICU copies a string of characters below U+10000 as it stands, lone surrogates included, but
    replaces lone surrogates by U+FFFD in one that has a character above. So such a name is given
    as its UTF-16 code units, one character each, which is what ICU works on anyway.
    """
    if max(name, default="") < "\U00010000":
        return name
    return "".join(map(chr, array("H", name.encode("utf-16", "surrogatepass"))[1:]))
