"""The stable URLs of files: what names a file without naming a host.

Hashes are over these, so that they survive a move: ``dendro:f/...`` for a file of a job,
``dendro:sha256/...`` for a file of a machine, by its content.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

import msgspec

from dendro_local.model import Digest

__all__ = [
    "FileUrl",
    "MAX_PART_BYTES",
    "blob_url",
    "console_url",
    "file_url",
    "is_path_part",
    "other_url",
    "parse_blob_url",
    "parse_file_url",
    "public_url",
    "stable_url",
    "usage_log_url",
]

MAX_PART_BYTES = 240
"""How long a name may be as UTF-8: file systems take 255 bytes, and some are for us."""


class FileUrl(msgspec.Struct, frozen=True, kw_only=True):
    """What the stable URL of a job's file says: whose it is and what it is called."""

    service_name: str
    app_name: str
    processor_name: str
    job_id: str
    output_name: str
    file_base_name: str


# What is no part of a path or URL, beside "." and "..": separators, control characters (Unicode
# category Cc) and half a surrogate pair.
_has_only_path_characters = re.compile("[^/\\\\\0-\x1f\x7f-\x9f\ud800-\udfff]+").fullmatch


def is_path_part(text: str) -> bool:
    """Whether the text can be the name of a file or folder, and one part of a URL's path."""
    if len(text) > MAX_PART_BYTES // 4 and len(text.encode(errors="replace")) > MAX_PART_BYTES:
        return False
    # No identifier holds any of the characters in question, and most names are identifiers.
    return text.isidentifier() or (
        _has_only_path_characters(text) is not None and text not in (".", "..")
    )


def file_url(
    service_name: str,
    app_name: str,
    processor_name: str,
    job_id: str,
    output_name: str,
    file_base_name: str,
) -> str:
    """The stable URL of an output file: ``dendro:f/`` and the six names, as they are.

    Nothing is percent-encoded: a hub does that where it serves the file over HTTP.
    """
    names = (service_name, app_name, processor_name, job_id, output_name, file_base_name)
    return "dendro:f/" + "/".join(names)


def console_url(service_name: str, app_name: str, processor_name: str, job_id: str) -> str:
    """The stable URL of what a job printed (the Dendro contract, Uploads)."""
    return file_url(service_name, app_name, processor_name, job_id, "console_output", "output.txt")


def usage_log_url(service_name: str, app_name: str, processor_name: str, job_id: str) -> str:
    """The stable URL of a job's resource utilization log (the Dendro contract, Uploads)."""
    return file_url(
        service_name, app_name, processor_name, job_id, "resource_utilization_log", "log.jsonl"
    )


def other_url(service_name: str, app_name: str, processor_name: str, job_id: str, name: str) -> str:
    """The stable URL of a file that an app added to its job; ``name`` may have several parts."""
    return file_url(service_name, app_name, processor_name, job_id, "other", name)


def parse_file_url(url: str) -> FileUrl | None:
    """What a stable URL of a job's file says; None if the URL is none.

    Every part is safe as the name of a file or folder. Only the name of a file under ``other``
    has several parts.
    """
    if not url.startswith("dendro:f/"):
        return None
    return _file_url_of(url.removeprefix("dendro:f/").split("/"))


def blob_url(digest: Digest) -> str:
    """The stable URL of a local file: ``dendro:sha256/`` and the digest of its bytes."""
    return f"dendro:sha256/{digest}"


def parse_blob_url(url: str) -> Digest | None:
    """The digest in the stable URL of a local file; None if the URL is none."""
    found = re.fullmatch("dendro:sha256/([0-9a-f]{64})", url)
    return Digest(found[1]) if found else None


_has_only_url_characters = re.compile("[A-Za-z0-9_.~/-]*").fullmatch


def public_url(url: str, base: str) -> str:
    """The URL at which a hub serves a file that has a stable URL; every other URL as it is.

    Args:
        url: any URL, such as ``dendro:f/...``.
        base: where the hub is served, such as ``http://127.0.0.1:61423``.
    """
    if url.startswith("dendro:f/"):
        path = url[9:]
    elif url.startswith("dendro:sha256/"):
        path = url[7:]
    else:
        return url
    return f"{base}/f/{path if _has_only_url_characters(path) else quote(path)}"


def stable_url(url: str, bases: Sequence[str]) -> str:
    """The URL of a file that a hub serves in its stable form; every other URL as it is.

    Args:
        url: any URL. It is taken for a file's if it is ``{base}/f/...``, has no query and no
            fragment, and its parts are safe names after percent-decoding.
        bases: where the hub is or was served, such as ``http://127.0.0.1:61423``.
    """
    if url.startswith("dendro:"):
        return url
    for base in bases:
        prefix = base.rstrip("/") + "/f/"
        if url.startswith(prefix) and "?" not in url and "#" not in url:
            try:
                parts = [unquote(part, errors="strict") for part in url[len(prefix) :].split("/")]
            except UnicodeDecodeError:
                return url
            stable = "dendro:" + "/".join(parts)
            if parse_blob_url(stable):
                return stable
            return "dendro:f/" + "/".join(parts) if _file_url_of(parts) else url
    return url


def _file_url_of(parts: Sequence[str]) -> FileUrl | None:
    has_one_part_each = len(parts) == 6 or (len(parts) > 6 and parts[4] == "other")
    if not has_one_part_each or not all(map(is_path_part, parts)):
        return None
    return FileUrl(
        service_name=parts[0],
        app_name=parts[1],
        processor_name=parts[2],
        job_id=parts[3],
        output_name=parts[4],
        file_base_name="/".join(parts[5:]),
    )
