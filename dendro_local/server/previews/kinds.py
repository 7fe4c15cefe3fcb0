"""As what a file is shown: by the ending of its name, and by how it begins."""

import re

from dendro_local.v1 import FileFormat

__all__ = ["HEAD_BYTES", "file_format"]

HEAD_BYTES = 4096
"""So much of the beginning is looked at."""

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
LINDI_ENTRY = b".tar_entry.json\0"
"""The name of the first member of a tar that is a LINDI file."""

_BY_ENDING: dict[str, FileFormat] = {
    ".csv": "table",
    ".tsv": "table",
    ".json": "json",
    ".ipynb": "json",
    ".geojson": "json",
    ".aac": "audio",
    ".flac": "audio",
    ".m4a": "audio",
    ".mp3": "audio",
    ".oga": "audio",
    ".ogg": "audio",
    ".wav": "audio",
    ".m4v": "video",
    ".mov": "video",
    ".mp4": "video",
    ".webm": "video",
}

_IMAGES = {
    ".gif": re.compile(rb"GIF8[79]a"),
    ".jpeg": re.compile(rb"\xff\xd8\xff"),
    ".jpg": re.compile(rb"\xff\xd8\xff"),
    ".png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    ".webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
"""How an image of this ending begins. SVG is none of them: it may run scripts."""

_is_no_text = re.compile(rb"[\0-\x07\x0e-\x1a]").search


def file_format(name: str, head: bytes) -> FileFormat:
    """As what a file is shown.

    Args:
        name: of the file.
        head: its first bytes, `HEAD_BYTES` of them or all.
    """
    lowered = name.lower()
    ending = lowered[lowered.rfind(".") :] if "." in lowered else ""
    if head.startswith(HDF5_MAGIC):
        return "hdf5"
    if head.startswith(LINDI_ENTRY) or lowered.endswith((".lindi.json", ".lindi.tar")):
        return "lindi"
    image = _IMAGES.get(ending)
    if image is not None and image.match(head):
        return "image"
    found = _BY_ENDING.get(ending)
    if found in ("audio", "video"):
        return found
    if _is_no_text(head):
        return "bytes"
    return found or "text"
