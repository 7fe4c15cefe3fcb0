"""Fetching an input file over HTTP."""

from __future__ import annotations

import http.client
import os
import tempfile
import time
import urllib.error
import urllib.request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Readable(Protocol):
        """The part of an HTTP response that is read here."""

        def read(self, size: int, /) -> bytes:
            """The next bytes, at most ``size``; none at the end."""
            ...


CHUNK_BYTES = 1024 * 1024
SILENCE_SEC = 60.0
"""A server that sends nothing for so long is given up."""

PROGRESS_SEC = 10.0
"""How often the console says how far a download is; a shorter one says nothing."""


class DownloadError(OSError):
    """An input file could not be fetched."""


def download_file(url: str, destination: str, *, label: str) -> None:
    """Fetches ``url`` into the file ``destination``, which appears whole or not at all.

    Args:
        url: ``http`` or ``https``.
        destination: replaced if it exists.
        label: what the progress on the console calls the file.

    Raises:
        DownloadError: no such file, no answer, or fewer bytes than were announced.
    """
    shown_url = url.partition("?")[0]  # what follows may be a signature, and is nobody's business
    if not url.lower().startswith(("http://", "https://")):
        raise DownloadError(f"Cannot download {shown_url}: only http and https URLs can be read.")
    partial = f"{destination}.partial"
    try:
        _fetch(url, partial, label)
        os.replace(partial, destination)
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadError(
            f"Cannot download {shown_url}: HTTP status {error.code} {error.reason}."
        ) from None
    except urllib.error.URLError as error:
        raise DownloadError(f"Cannot download {shown_url}: {_words(error.reason)}.") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DownloadError(f"Cannot download {shown_url}: {_words(error)}.") from error
    finally:
        if os.path.exists(partial):
            os.unlink(partial)


def _words(reason: object) -> str:
    """Why it failed, without the number of the system's error and the file."""
    words = reason.strerror if isinstance(reason, OSError) else None
    return words or str(reason) or repr(reason)


def download_to_temporary_file(url: str, file_base_name: str, *, label: str) -> str:
    """Fetches ``url`` into a new file of the temporary folder; arguments as for `download_file`.

    The file has all extensions of ``file_base_name``, as in ``.nwb.lindi.tar``, since readers go
    by them.

    Returns:
        The path of the file.
    """
    extensions = file_base_name.replace("/", "_").split(".")[1:][-3:]
    suffix = "".join(f".{extension}" for extension in extensions)[-64:]
    # TMPDIR is read anew: `tempfile` remembers what it was when the process first asked.
    handle, path = tempfile.mkstemp(
        prefix="dendro_input_", suffix=suffix, dir=os.environ.get("TMPDIR") or None
    )
    os.close(handle)
    try:
        download_file(url, path, label=label)
    except BaseException:
        os.unlink(path)
        raise
    return path


def _fetch(url: str, path: str, label: str) -> None:
    # Identity: the bytes of the file, not a compressed form of them.
    request = urllib.request.Request(  # noqa: S310 (the scheme was checked)
        url, headers={"Accept-Encoding": "identity", "User-Agent": "dendro-local-sdk"}
    )
    with urllib.request.urlopen(request, timeout=SILENCE_SEC) as response:  # noqa: S310
        announced = response.headers.get("Content-Length")
        total = None if announced is None else int(announced)
        received = _write_all(response, path, label, total)
    if total is not None and received != total:
        raise OSError(f"received {received} of {total} bytes")


def _write_all(response: Readable, path: str, label: str, total: int | None) -> int:
    received = 0
    told_at = time.monotonic()
    with open(path, "wb") as file:
        while chunk := response.read(CHUNK_BYTES):
            file.write(chunk)
            received += len(chunk)
            if time.monotonic() - told_at >= PROGRESS_SEC:
                told_at = time.monotonic()
                of_total = "" if total is None else f" of {_megabytes(total)}"
                print(  # noqa: T201 (the console of the job is where its user looks)
                    f"Downloading {label}: {_megabytes(received)}{of_total} MB", flush=True
                )
    return received


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f}"
