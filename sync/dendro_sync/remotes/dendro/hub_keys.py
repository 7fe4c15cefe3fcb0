"""Who somebody is to an original hub: the key of a user, and that of a compute client."""

import re
from pathlib import Path

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.reasons import reason_of

__all__ = ["HubKeys", "hub_keys_in", "read_hub_keys"]

_looks_like_key = re.compile(r"[A-Za-z0-9+=_-]{16}").search


class HubKeys(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """Keys of a hub; what is None is not known.

    With a compute client's key, jobs are pushed as by that compute client. Without, they are
    pushed as run by the user.
    """

    api_key: str | None = None
    compute_client_id: str | None = None
    compute_client_private_key: str | None = None

    def __repr__(self) -> str:
        # Whatever it is part of may come into a message or a log.
        return "HubKeys(...)"


def read_hub_keys(file: Path) -> HubKeys:
    """The keys in a file: JSON with the fields of `HubKeys`, or the API key of the user alone.

    Raises:
        InvalidRequest: the file cannot be read, or holds something else.
    """
    try:
        text = file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The key file {file} cannot be read: it is no text.") from error
    except OSError as error:
        shown = "" if _may_be_key(file) else f" {file}"
        raise InvalidRequest(
            f"The key file{shown} cannot be read: {reason_of(error)}. --key-file takes the name "
            "of a file with the key in it, and not the key."
        ) from None  # its text has the name, too
    return hub_keys_in(text, f"the key file {file}")


def hub_keys_in(text: str, where: str) -> HubKeys:
    """The keys in a text; see `read_hub_keys`.

    Args:
        text: JSON, or a key.
        where: what it is, for people, such as ``the key file x``.

    Raises:
        InvalidRequest: it holds something else.
    """
    shown = where[:1].upper() + where[1:]
    if not text:
        raise InvalidRequest(f"{shown} is empty. The key is to be in it, and nothing else.")
    try:
        keys = msgspec.json.decode(text, type=HubKeys) if text[:1] == "{" else HubKeys(api_key=text)
    except msgspec.MsgspecError as error:
        # Not with what the error says: it may quote a key.
        raise InvalidRequest(
            f"{shown} is no JSON with apiKey, computeClientId and "
            "computeClientPrivateKey, of which the last two may be left out."
        ) from error
    given = (keys.api_key, keys.compute_client_id, keys.compute_client_private_key)
    if not all(key is None or _can_be_sent(key) for key in given):
        raise InvalidRequest(
            f"What is in {where} can be no key: that is one word of plain letters and digits."
        )
    if (keys.compute_client_id is None) != (keys.compute_client_private_key is None):
        raise InvalidRequest(
            f"{shown} has one of computeClientId and computeClientPrivateKey. Give "
            "both, or neither."
        )
    return keys


def _may_be_key(file: Path) -> bool:
    """Whether somebody may have given a key instead of the name of a file."""
    try:
        return not file.parent.is_dir() or _looks_like_key(file.name) is not None
    except OSError:
        return True  # such as for a name that is too long


def _can_be_sent(key: str) -> bool:
    return key.isascii() and key.isprintable() and key != "" and " " not in key
