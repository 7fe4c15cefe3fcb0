"""Secrets that whoever submitted a job gave to it, such as a key for files that are not public."""

from __future__ import annotations

import json
import os

SECRETS_NAME = "secrets.json"
"""In the job's folder, for its user's eyes only: a JSON object of strings, by name.

The runner writes it just before the app starts, and the app removes it as soon as it has read it:
the environment of a process can be listed, and is inherited by all that it starts.
"""

_secrets: dict[str, str] = {}


def job_secret(name: str) -> str | None:
    """A secret of the job that runs, such as ``DANDI_API_KEY``; None if it was not given one.

    It is to be used, and neither printed nor written into an output. Processes that the app
    starts anew, other than by a fork, do not have it.
    """
    return _secrets.get(name)


def take_secrets(folder: str) -> None:
    """Reads the secrets of the job in a folder, and removes them from there."""
    path = os.path.join(folder, SECRETS_NAME)
    _secrets.clear()
    try:
        with open(path, encoding="utf-8") as file:
            _secrets.update(json.load(file))
    except FileNotFoundError:
        return
    os.unlink(path)
