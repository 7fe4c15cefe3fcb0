"""An app's spec: from the app itself, from a file, or from a URL."""

import os
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

import msgspec

from dendro_local.app_source.sdk_path import python_path_with_sdk
from dendro_local.errors import InvalidApp
from dendro_local.model import AppSpecification, ProcessorSpecification
from dendro_local.reasons import reason_of

__all__ = [
    "declared_version",
    "decode_specification",
    "load_specification",
    "may_be_warm",
    "needs_network",
    "specification_of_folder",
]

SPEC_TIMEOUT_SEC = 120.0
"""An app's imports may take long the first time; its spec needs nothing else."""

SHOWN_LINES = 15


def declared_version(specification: AppSpecification) -> str | None:
    """The version that an app declares with ``App(..., version='1.2.0')``; None if it does not."""
    for processor in specification.processors:
        for attribute in processor.attributes:
            if attribute.name == "app_version" and isinstance(attribute.value, str):
                return attribute.value
    return None


def may_be_warm(specification: AppSpecification) -> bool:
    """Whether an app may be forked from a warm host: unless it says ``App(..., warm=False)``."""
    return not any(
        attribute.name == "app_warm" and attribute.value is False
        for processor in specification.processors
        for attribute in processor.attributes
    )


def needs_network(processor: ProcessorSpecification) -> bool:
    """Whether a processor asks for a network in its container, see `dendro_local.sdk.App`."""
    return any(
        attribute.name == "needs_network" and attribute.value is True
        for attribute in processor.attributes
    )


def decode_specification(raw: bytes, where: str) -> AppSpecification:
    """A spec from its JSON. ``where`` it came from is for the message.

    Raises:
        InvalidApp: it is not a spec.
    """
    try:
        # Null stands for absent in specs that older tools wrote.
        return msgspec.convert(_without_nulls(msgspec.json.decode(raw)), AppSpecification)
    except (ValueError, RecursionError) as error:  # msgspec's are ValueErrors
        raise InvalidApp(
            f"{where} is not an app's spec: {error}. Give a folder with main.py, a spec.json, or "
            "the URL of one."
        ) from error


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        return {key: _without_nulls(item) for key, item in entries.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in cast("list[object]", value)]
    return value


def specification_of_folder(folder: Path, sdk_folder: Path, python: Path) -> AppSpecification:
    """The spec that the app in a folder gives of itself, by running its ``main.py``.

    Args:
        folder: the app's.
        sdk_folder: where the store keeps what apps find on their path.
        python: runs it, see `dendro_local.app_python`.

    Raises:
        InvalidApp: it does not give one; the message has the end of what it printed.
    """
    folder = folder.absolute()
    import subprocess  # these two here, since they cost every start 6 ms
    import tempfile

    with tempfile.TemporaryDirectory(prefix="dendro-spec-") as temporary:
        target = Path(temporary) / "spec.json"
        environment = {
            **os.environ,
            "PYTHONPATH": python_path_with_sdk(sdk_folder),
            "PYTHONDONTWRITEBYTECODE": "1",  # the folder stays as its author left it
            "SPEC_OUTPUT_FILE": str(target),
        }
        environment.pop("JOB_ID", None)
        environment.pop("DENDRO_JOB_FOLDER", None)
        environment.pop("MPLBACKEND", None)  # a notebook's, which the app's Python may not know
        try:
            finished = subprocess.run(
                [str(python), str(folder / "main.py")],
                env=environment,
                cwd=temporary,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=SPEC_TIMEOUT_SEC,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise InvalidApp(
                f"{folder / 'main.py'} did not give its spec within {SPEC_TIMEOUT_SEC:.0f} s. It "
                "should do no work when it is imported."
            ) from error
        if finished.returncode != 0:
            raise InvalidApp(
                f"{folder / 'main.py'} failed with exit code {finished.returncode} when asked "
                f"for its spec. Mend what it says:\n{_end_of(finished.stdout)}"
            )
        if not target.exists():
            raise InvalidApp(
                f"{folder / 'main.py'} gave no spec. Its last line should be `app.run()`."
            )
        return decode_specification(target.read_bytes(), f"What {folder / 'main.py'} gave")


def _end_of(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return "\n".join(f"    {line}" for line in lines[-SHOWN_LINES:])


def load_specification(uri: str) -> AppSpecification:
    """A spec from a file (a path or ``file://`` URL) or an http(s) URL, a GitHub page included.

    Raises:
        InvalidApp: it cannot be read, or is not a spec.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise InvalidApp(f"{uri} cannot be read: {error}. Give the URL of a spec.") from error
    if parts.scheme in ("http", "https"):
        return decode_specification(_download(_raw_address(uri)), uri)
    file = Path(unquote(parts.path)) if parts.scheme == "file" else Path(uri).expanduser()
    try:
        return decode_specification(file.read_bytes(), str(file))
    except OSError as error:
        raise InvalidApp(
            f"{uri} cannot be read: {error.strerror}. Give a folder with main.py, a spec.json, "
            "or the URL of one."
        ) from error


def _raw_address(url: str) -> str:
    """The file itself where the URL is that of GitHub's page about it."""
    page = "https://github.com/"
    if url.startswith(page) and "/blob/" in url:
        return "https://raw.githubusercontent.com/" + url[len(page) :].replace("/blob/", "/", 1)
    return url


def _download(url: str) -> bytes:
    import httpx  # costs 120 ms, and only a URL needs it

    try:
        reply = httpx.get(url, follow_redirects=True, timeout=60)
        reply.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise InvalidApp(
            f"The spec at {url} cannot be fetched: {reason_of(error)}. Check the URL and the "
            "network."
        ) from error
    return reply.content
