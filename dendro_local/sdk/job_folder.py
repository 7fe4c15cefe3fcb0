"""The folder of one run of a job: all that passes between the runner and the app.

    <folder>/
      job.json      runner -> app   what to do; there before the app starts
      secrets.json  runner -> app   the job's secrets, if it has any; removed once read
      work/         the app's current directory
      tmp/          its TMPDIR
      console.txt   its stdout and stderr
      outputs/      app -> runner   one file an output
      other/        app -> runner   files that the app adds to its job
      result.json   app -> runner   how it went; appears last, and whole

The runner makes the folder new for every run, starts the app in ``work/`` with
``DENDRO_JOB_FOLDER`` set to the folder, and waits for its process to end. No ``result.json`` means
that the app never came to its end. The exit code is 0 if the job completed and 1 if it failed.

``job.json``::

    {
      "formatVersion": 1,
      "jobId": "TR4Gr2HPFe3JcHFlkZjP",
      "serviceName": "hello_world_service",
      "definition": {"appName": ..., "processorName": ..., "inputFiles": [...],
                     "outputFiles": [...], "parameters": [...]},
      "inputs": {"input": {"path": "/.../blobs/ab/ab12...", "url": "file:///.../ab12..."},
                 "others[0]": {"path": null, "url": "https://example.org/x.nwb"}}
    }

The definition is the contract's, with the URLs that identify its inputs. ``inputs`` says, by the
name of an input file, where its bytes are now: ``path`` on this machine, or null, and ``url``
for whoever reads by URL. Files at a ``path`` belong to the store or the user: the app's side
never moves or deletes them.

``result.json``::

    {
      "formatVersion": 1,
      "status": "completed",               or "failed"
      "error": null,                       or "ValueError: boom"
      "traceback": null,                   or the text that is on the console too
      "outputs": {"output": {"path": "outputs/output"},
                  "published": {"url": "https://example.org/new.nwb"}},
      "otherOutputs": {"figs/a.png": {"path": "other/figs/a.png"}}
    }

Paths are relative to the folder, and only these are to be read: a name that starts with a dot is
a copy that was never finished. A completed job has every output of its definition; a failed one
lists what it had given by then.
"""

from __future__ import annotations

import errno
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

FORMAT_VERSION = 1
WORK_NAME = "work"
CONSOLE_NAME = "console.txt"
HOST_VARIABLE = "DENDRO_APP_HOST"
"""Asks the app to be a warm host: the number of the socket to the compute client."""

FOLDER_VARIABLE = "DENDRO_JOB_FOLDER"
"""Names the job folder to the app, and to every process that it starts."""

_UNQUOTED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.~")


class JobFolder:
    """The app's side of a job folder.

    Args:
        path: the folder.

    Raises:
        ValueError: ``job.json`` is of a format that this SDK does not know.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        with open(os.path.join(self.path, "job.json"), "rb") as file:
            job: dict[str, Any] = json.loads(file.read())
        if job.get("formatVersion") != FORMAT_VERSION:
            raise ValueError(
                f"job.json is of format {job.get('formatVersion')!r}, and this SDK reads "
                f"format {FORMAT_VERSION}: the runner and the app's SDK must be of one version."
            )
        self.job_id: str = job["jobId"]
        self.service_name: str = job["serviceName"]
        self.definition: dict[str, Any] = job["definition"]
        self._inputs: dict[str, dict[str, str | None]] = job["inputs"]

    def input_location(self, name: str) -> tuple[str | None, str | None]:
        """Path on this machine, and URL that can be read now, of an input file; None if unknown."""
        location = self._inputs.get(name, {})
        return location.get("path"), location.get("url")

    def keep_file(
        self, source: str, relative_path: str, *, delete_source: bool, purpose: str
    ) -> int:
        """Takes a file of the app into this folder, where it appears whole or not at all.

        Args:
            source: the file, relative to the app's current directory.
            relative_path: where it goes, relative to this folder.
            delete_source: the app does not need the file any longer, so it is moved if possible.
            purpose: what the file is, for messages.

        Returns:
            Its size in bytes.

        Raises:
            FileNotFoundError: there is no such file.
            IsADirectoryError: it is a directory.
        """
        if os.path.isdir(source):
            raise IsADirectoryError(
                f"{purpose}: {source!r} is a directory; pack it into one file first."
            )
        if not os.path.exists(source):
            raise FileNotFoundError(f"{purpose}: there is no file {source!r} in {os.getcwd()}.")
        destination = os.path.join(self.path, relative_path)
        os.makedirs(os.path.dirname(destination), exist_ok=True)
        if not (delete_source and self._can_rename(source) and _rename(source, destination)):
            _copy(source, destination)
            if delete_source and not self._is_input(source):
                os.remove(source)
        return os.path.getsize(destination)

    def write_result(
        self, *, error: str | None, traceback: str | None, outputs: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Writes ``result.json``; nothing may be added to the folder after that.

        Args:
            error: why the job failed; None if it completed.
            traceback: where it failed, if an exception says so.
            outputs: by name, the ``path`` or the ``url`` of each output that was given.
        """
        result = {
            "formatVersion": FORMAT_VERSION,
            "status": "completed" if error is None else "failed",
            "error": error,
            "traceback": traceback,
            "outputs": outputs,
            "otherOutputs": {name: {"path": f"other/{name}"} for name in self._other_names()},
        }
        # Not synced to the disk: after a power cut the job is run again anyway.
        partial = os.path.join(self.path, ".result.json.partial")
        with open(partial, "wb") as file:
            file.write(json.dumps(result).encode())
        os.replace(partial, os.path.join(self.path, "result.json"))

    def _other_names(self) -> list[str]:
        # Read from the disk because processes that the app starts may add files as well.
        top = os.path.join(self.path, "other")
        if not os.path.isdir(top):
            return []
        return sorted(
            os.path.relpath(os.path.join(folder, name), top).replace(os.sep, "/")
            for folder, _, names in os.walk(top)
            for name in names
            if not name.startswith(".")
        )

    def _can_rename(self, source: str) -> bool:
        # A link would be moved instead of the file, and a file with a second name could still be
        # written to under that one.
        return (
            not os.path.islink(source)
            and os.stat(source).st_nlink == 1
            and not self._is_input(source)
        )

    def _is_input(self, source: str) -> bool:
        return any(os.path.samefile(source, path) for path in self._input_paths())

    def _input_paths(self) -> Iterator[str]:
        for location in self._inputs.values():
            path = location.get("path")
            if path is not None and os.path.exists(path):
                yield path


def output_path(name: str) -> str:
    """Where the output of this name goes, relative to the job folder.

    Percent-encoded as in a URL, and a leading dot too, so that it is a plain file name whatever
    the output is called.
    """
    quoted = "".join(
        chr(byte) if chr(byte) in _UNQUOTED else f"%{byte:02X}" for byte in name.encode()
    )
    return "outputs/" + ("%2E" + quoted[1:] if quoted.startswith(".") else quoted)


def _rename(source: str, destination: str) -> bool:
    try:
        os.replace(source, destination)
    except OSError as error:
        if error.errno != errno.EXDEV:  # the two are on different devices
            raise
        return False
    return True


def _copy(source: str, destination: str) -> None:
    import shutil

    folder, name = os.path.split(destination)
    partial = os.path.join(folder, f".{name}.partial")
    shutil.copyfile(source, partial)
    os.replace(partial, destination)
