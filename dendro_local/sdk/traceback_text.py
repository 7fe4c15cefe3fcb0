"""The text of an exception as the author of an app wants to read it."""

from __future__ import annotations

import os
import traceback

_OWN_FOLDER = os.path.dirname(__file__) + os.sep


def summary(error: BaseException) -> str:
    """The last line of its traceback, such as ``ValueError: boom``."""
    lines = traceback.TracebackException.from_exception(error).format_exception_only()
    return "".join(lines).strip()


def traceback_text(error: BaseException) -> str | None:
    """The traceback without the SDK's own frames; None if there are no others."""
    report = traceback.TracebackException.from_exception(error)
    _leave_out_own_frames(report)
    return "".join(report.format()) if report.stack else None


def _leave_out_own_frames(report: traceback.TracebackException) -> None:
    chained: list[traceback.TracebackException | None] = [report]
    while chained:
        part = chained.pop()
        if part is not None:
            part.stack[:] = [
                frame for frame in part.stack if not frame.filename.startswith(_OWN_FOLDER)
            ]
            chained += [part.__cause__, part.__context__]
