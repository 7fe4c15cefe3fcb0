"""How a job looks in a notebook."""

import base64
from html import escape
from typing import TYPE_CHECKING

from dendro_local.errors import DendroError

if TYPE_CHECKING:
    from dendro_local.client.handle import DendroJob

__all__ = ["job_html"]

CONSOLE_LINES = 12
IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
MOST_IMAGE_BYTES = 2 << 20
"""Larger images would make the notebook's file large."""

_MARKS = {"pending": "…", "starting": "…", "running": "▶", "completed": "✓", "failed": "✗"}


def job_html(job: "DendroJob") -> str:
    """Status, error, end of the console, outputs and figures of a job, as it was last looked at."""
    definition = job.jobDefinition
    rows = [
        ("Job", f"<code>{escape(job.jobId)}</code>"),
        ("Processor", escape(f"{definition.appName} / {definition.processorName}")),
        ("Status", escape(f"{_MARKS[job.status]} {job.status}")),
    ]
    if job.error:
        rows.append(("Error", f"<pre>{escape(job.error)}</pre>"))
    console = job.console().strip().splitlines()[-CONSOLE_LINES:]
    if console:
        rows.append(("Console", f"<pre>{escape(chr(10).join(console))}</pre>"))
    for result in job.outputFileResults:
        size = "" if result.size is None else f" ({result.size:,} bytes)"
        rows.append(
            (
                f"Output {escape(result.name)}",
                f"{escape(result.fileBaseName)}{size}<br><code>{escape(result.url)}</code>",
            )
        )
    for other in job.otherFileOutputs or ():
        rows.append((f"File {escape(other.name)}", _image(job, other.name) or escape(other.url)))
    cells = "".join(
        f'<tr><th style="text-align:left;vertical-align:top">{name}</th>'
        f'<td style="text-align:left">{value}</td></tr>'
        for name, value in rows
    )
    return f"<table>{cells}</table>"


def _image(job: "DendroJob", name: str) -> str | None:
    """A figure that the app added; None if the file is none that a notebook shows."""
    media_type = next((kind for end, kind in IMAGES.items() if name.lower().endswith(end)), None)
    if media_type is None:
        return None
    try:
        file = job.get_output(name).path()
        if file.stat().st_size > MOST_IMAGE_BYTES:
            return None
        data = base64.b64encode(file.read_bytes()).decode()
    except (DendroError, OSError):
        return None  # its bytes are not here any more, or on a remote that is away
    return f'<img alt="{escape(name)}" src="data:{media_type};base64,{data}">'
