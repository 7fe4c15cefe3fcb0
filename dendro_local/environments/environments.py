"""The environments of a store.

The folder, ``envs/`` in that of the store, holds for each environment:

KEY/             the virtual environment; ``ready.json`` in it says that it is finished
KEY.log          what its last build printed
KEY.failed.json  why its last build failed, if it did
KEY.lock         the lock of a build or removal, while it goes on
"""

import contextlib
import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Generator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from dendro_local.environments.build_lock import build_lock, is_locked
from dendro_local.environments.folder import python_in, size_bytes_of, write_whole
from dendro_local.environments.key import environment_key, platform_tag, python_tag
from dendro_local.environments.records import (
    BuildFailure,
    EnvironmentInfo,
    ReadyMarker,
    Requirements,
)
from dendro_local.environments.torch_variant import torch_variant
from dendro_local.errors import (
    Conflict,
    DendroError,
    DiskFull,
    EnvironmentFailed,
    NotFound,
    StoreError,
)
from dendro_local.reasons import reason_of

__all__ = ["Environments"]

REMOVAL_WAIT_SEC = 0.5

_KEY = r"[0-9a-f]{32}"


class Environments:
    """The environments in one folder. Safe for use by many threads and processes."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        """Name the folder; it need not be there yet.

        Args:
            folder: ``envs/`` in the folder of a store.
            environ: the environment variables; those of the process by default.
        """
        self._folder = folder.absolute()  # the tools run in another folder than this process
        self._environ: Mapping[str, str] = os.environ if environ is None else environ

    def key(self, requirements: Requirements) -> str:
        """The key of the environment for an app on this machine.

        Raises:
            InvalidRequest: ``DENDRO_TORCH`` is none of its values.
        """
        return environment_key(
            requirements,
            python=python_tag(requirements),
            platform=platform_tag(),
            torch=torch_variant(self._environ),
        )

    def log(self, requirements: Requirements) -> Path:
        """Where what a build prints is kept."""
        return self._log(self.key(requirements))

    def ready(self, requirements: Requirements) -> Path | None:
        """The Python of the finished environment for an app; None if it must be prepared.

        Counts as a use. Starts no process and needs no network.
        """
        return self._ready(self.key(requirements))

    def prepare(
        self,
        requirements: Requirements,
        tell: Callable[[str], None],
        should_stop: Callable[[], bool],
    ) -> Path | None:
        """Build the environment for an app, unless it is there or another process builds it.

        Args:
            requirements: what the app needs.
            tell: hears what is done, line by line; the log has the same.
            should_stop: asked again and again, about ten times a second.

        Returns:
            The environment's Python; None if it was to stop.

        Raises:
            EnvironmentFailed: a tool failed; the message has the end of what it printed and
                names the log.
            InvalidApp: no Python that the app asks for can be had.
            StoreError: the folder cannot be written, or its disk is full.
        """
        key = self.key(requirements)
        asked_at = datetime.now(UTC)
        has_waited = False

        def may_wait() -> bool:
            nonlocal has_waited
            if not has_waited:
                tell(f"Waiting for environment {key}, which another process prepares")
            has_waited = True
            return not should_stop()

        with self._translated():
            self._folder.mkdir(parents=True, exist_ok=True)
            with build_lock(self._lock(key), may_wait) as lock:
                if lock is None:
                    return None
                python = self._ready(key)
                if python is not None:
                    return python
                failure = self._failure(key)
                if has_waited and failure is not None and failure.failed_at >= asked_at:
                    # That of the build which was waited for: another would fail the same way.
                    raise EnvironmentFailed(failure.message)
                return self._build(key, requirements, tell, should_stop, lock)

    def all(self) -> list[EnvironmentInfo]:
        """Every environment, the one that was used last first; then those that are not ready."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        keys = {name.partition(".")[0] for name in names if not name.endswith((".log", ".lock"))}
        found = [self._info(key) for key in keys if re.fullmatch(_KEY, key)]
        long_ago = datetime.min.replace(tzinfo=UTC)
        return sorted(found, key=lambda each: (each.last_used_at or long_ago, each.key))[::-1]

    def find(self, text: str) -> EnvironmentInfo:
        """The environment whose key is given whole or by its unique beginning.

        Raises:
            NotFound: there is none, or several.
        """
        found = [each for each in self.all() if text and each.key.startswith(text)]
        if len(found) == 1:
            return found[0]
        how_many = f"{len(found)} environments have keys that begin" if found else "No key begins"
        raise NotFound(
            f"{how_many} with {text!r}. `dendro-local envs` lists the keys of the environments "
            f"in {self._folder}."
        )

    def unused_for(self, length: timedelta) -> list[EnvironmentInfo]:
        """The environments that no job was started in for so long, and those that never can be."""
        limit = datetime.now(UTC) - length
        return [
            each
            for each in self.all()
            if each.state != "building"
            and (each.last_used_at is None or each.last_used_at <= limit)
        ]

    def remove(self, keys: Collection[str]) -> None:
        """Remove environments, with their logs. One that is asked for again is built again.

        Args:
            keys: whole keys.

        Raises:
            NotFound: there is no such environment.
            Conflict: one is being built, or a process runs its Python; none was removed.
            StoreError: one cannot be removed.
        """
        for key in keys:
            self._check_unused(self.find(key))
        for key in keys:
            deadline = time.monotonic() + REMOVAL_WAIT_SEC
            with (
                self._translated(),
                build_lock(
                    self._lock(key),
                    lambda: time.monotonic() < deadline,  # noqa: B023 - called at once
                ) as lock,
            ):
                if lock is None:
                    raise _being_built(key)
                self._discard(key)
                self._log(key).unlink(missing_ok=True)

    def _build(
        self,
        key: str,
        requirements: Requirements,
        tell: Callable[[str], None],
        should_stop: Callable[[], bool],
        lock: int,
    ) -> Path | None:
        """Build an environment whose lock is held; of one that fails, only its log is left."""
        # Here because they cost every process that only looks for an environment 15 ms.
        from dendro_local.environments.build_log import BuildLog, BuildStopped
        from dendro_local.environments.building import Build

        self._discard(key)
        torch = torch_variant(self._environ)
        with BuildLog(self._log(key), tell, should_stop) as log:
            try:
                return Build(
                    self._folder / key, requirements, torch, self._environ, log, lock
                ).run()
            except BuildStopped:
                self._discard(key)
                log.file.unlink(missing_ok=True)
                return None
            except BaseException as error:
                self._discard(key)
                if isinstance(error, DendroError):
                    self._note_failure(key, requirements, str(error))
                raise

    def _ready(self, key: str) -> Path | None:
        folder = self._folder / key
        marker = folder / "ready.json"
        try:
            os.utime(marker)  # when it was used last is when this file was changed last
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            if not marker.is_file():  # it may be another user's, and ready all the same
                return None
        python = python_in(folder)
        # A link to the Python that it was made from, which may have been removed since.
        return python if python.exists() else None

    def _info(self, key: str) -> EnvironmentInfo:
        folder, log = self._folder / key, self._log(key)
        log_if_kept = log if log.exists() else None
        try:
            marker_file = folder / "ready.json"
            marker = msgspec.json.decode(marker_file.read_bytes(), type=ReadyMarker)
            used_at = datetime.fromtimestamp(marker_file.stat().st_mtime, UTC)
        except (OSError, ValueError):
            return self._info_of_unready(key, folder, log_if_kept)
        return EnvironmentInfo(
            key=key,
            state="ready",
            created_at=marker.created_at,
            last_used_at=used_at,
            size_bytes=marker.size_bytes,
            dependencies=marker.dependencies,
            requires_python=marker.requires_python,
            torch=marker.torch,
            python_version=marker.python_version,
            packages=marker.packages,
            built_for=marker.built_for,
            built_by=marker.built_by,
            folder=folder,
            log=log_if_kept,
        )

    def _info_of_unready(self, key: str, folder: Path, log: Path | None) -> EnvironmentInfo:
        size_bytes = size_bytes_of(folder)
        if is_locked(self._lock(key)):
            return EnvironmentInfo(
                key=key, state="building", size_bytes=size_bytes, folder=folder, log=log
            )
        failure = self._failure(key)
        if failure is None:
            return EnvironmentInfo(
                key=key, state="unfinished", size_bytes=size_bytes, folder=folder, log=log
            )
        return EnvironmentInfo(
            key=key,
            state="failed",
            size_bytes=size_bytes,
            dependencies=failure.dependencies,
            requires_python=failure.requires_python,
            built_for=failure.built_for,
            error=failure.message,
            folder=folder,
            log=log,
        )

    def _check_unused(self, environment: EnvironmentInfo) -> None:
        from dendro_local.environments.in_use import processes_of  # costs as much

        if environment.state == "building":
            raise _being_built(environment.key)
        running = processes_of(environment.folder)
        if running:
            shown = ", ".join(map(str, running[:5]))
            raise Conflict(
                f"Environment {environment.key} is in use by the processes {shown}; nothing was "
                "removed. Wait for their jobs to end, or cancel them."
            )

    def _note_failure(self, key: str, requirements: Requirements, message: str) -> None:
        failure = BuildFailure(
            failed_at=datetime.now(UTC),
            built_for=str(requirements.file),
            dependencies=requirements.dependencies,
            requires_python=requirements.requires_python,
            message=message,
        )
        with contextlib.suppress(OSError):  # the failure itself is what counts
            write_whole(self._failed(key), msgspec.json.encode(failure))

    def _failure(self, key: str) -> BuildFailure | None:
        try:
            return msgspec.json.decode(self._failed(key).read_bytes(), type=BuildFailure)
        except (OSError, ValueError):
            return None

    def _discard(self, key: str) -> None:
        """Remove what there is of an environment but its log: first what says that it is ready."""
        folder = self._folder / key
        with contextlib.suppress(NotADirectoryError):
            (folder / "ready.json").unlink(missing_ok=True)
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)
        self._failed(key).unlink(missing_ok=True)

    def _log(self, key: str) -> Path:
        return self._folder / f"{key}.log"

    def _failed(self, key: str) -> Path:
        return self._folder / f"{key}.failed.json"

    def _lock(self, key: str) -> Path:
        return self._folder / f"{key}.lock"

    @contextlib.contextmanager
    def _translated(self) -> Generator[None]:
        """Turn what the system says of the folder into errors that say what to do."""
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(
                    f"No room is left on the disk of {self._folder}. `dendro-local envs prune` "
                    "removes environments that are not used any more."
                ) from error
            raise StoreError(
                f"The folder of the environments, {self._folder}, cannot be written: "
                f"{reason_of(error)}. Check its permissions."
            ) from error


def _being_built(key: str) -> Conflict:
    return Conflict(f"Environment {key} is being built; nothing was removed. Wait for its end.")
