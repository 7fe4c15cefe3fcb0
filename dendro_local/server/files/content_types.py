"""The content type of a file, by the ending of its name."""

__all__ = ["content_type", "runs_in_a_browser"]

BYTES = "application/octet-stream"

_BY_ENDING = {
    ".avi": "video/x-msvideo",
    ".bmp": "image/bmp",
    ".csv": "text/csv; charset=utf-8",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".h5": "application/x-hdf5",
    ".hdf5": "application/x-hdf5",
    ".htm": "text/html; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".log": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".nwb": "application/x-hdf5",
    ".ogg": "audio/ogg",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tar": "application/x-tar",
    ".tsv": "text/tab-separated-values; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".zip": "application/zip",
}
# Not `mimetypes`, which reads tables of the machine: the same file would be served differently.

_RUNS = frozenset({"text/html; charset=utf-8", "image/svg+xml", "application/xml"})


def content_type(name: str) -> str:
    """The content type of a file of this name; that of any bytes where the ending is not known."""
    _, dot, ending = name.rpartition(".")
    return _BY_ENDING.get(f".{ending.lower()}", BYTES) if dot else BYTES


def runs_in_a_browser(kind: str) -> bool:
    """Whether a browser that opens a file of this content type may run scripts in it."""
    return kind in _RUNS
