"""How a job looks in a notebook."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dendro_local.client.handle import DendroJob

__all__ = ["job_html"]

CONSOLE_LINES = 12
_MARKS = {"pending": "…", "starting": "…", "running": "▶", "completed": "✓", "failed": "✗"}


def job_html(job: "DendroJob") -> str:
    """Status, error, end of the console and outputs of a job, as it was last looked at."""
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
    cells = "".join(
        f'<tr><th style="text-align:left;vertical-align:top">{name}</th>'
        f'<td style="text-align:left">{value}</td></tr>'
        for name, value in rows
    )
    return f"<table>{cells}</table>"
