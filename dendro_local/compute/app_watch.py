"""Following the folders of apps while a compute client runs, so that an edit counts at once.

A submit and a job look at their app's folder anyway. What watching adds: an edit is registered by
itself, or it is told why it cannot be, and the host that imported the earlier code ends.

Watched are just the folders whose files count for an app's digest, one by one and not with all
that is below them: an environment or a git repository in an app's folder costs nothing.
"""

import logging
import threading
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

from dendro_local.app_source import AppFolder
from dendro_local.errors import DendroError, InvalidApp
from dendro_local.hub import Hub, RegisteredApp
from dendro_local.reasons import reason_of

__all__ = ["AppWatch"]

logger = logging.getLogger(__name__)

STEP_MS = 250
"""How often to ask whether there was an event, and for how long there is to be no other one.

A step costs the same whatever it finds: every 50 ms takes 0.08 % of a core, every 250 ms 0.03 %.
"""

LOOK_MS = 1000
"""How often to look for what no event tells of: other apps, and folders that are there again."""

STOP_SEC = 5.0
"""How long an end waits for an app that is being registered."""

MOST_RESTLESS = 3
"""How often in a row a folder may change while its app is registered."""

_FOLDER = "folder:"

AppKey = tuple[str, str]
"""Service and name of an app."""


class AppWatch:
    """Keeps the registration of apps true to their folders, in a thread of its own, until `close`.

    Args:
        hub: whose apps to follow.
        on_state: is told of each folder and the digest of the state that it is in now: when it
            is seen first, and when it changes. The digest is empty while it is no app's folder.
    """

    def __init__(self, hub: Hub, on_state: Callable[[Path, str], None]) -> None:
        self._hub = hub
        self._on_state = on_state
        self._events = _FolderEvents()
        self._apps: list[RegisteredApp] = []
        self._apps_may_differ = True
        self._folders: dict[Path, _Folder] = {}
        self._tried: dict[AppKey, str] = {}
        self._restless: dict[AppKey, int] = {}
        self._thread = threading.Thread(target=self._run, name="dendro-app-watch", daemon=True)
        self._thread.start()

    def note_change(self) -> None:
        """Something in the store has changed: it may be an app. Returns at once."""
        self._apps_may_differ = True

    def close(self) -> None:
        """Follow no more."""
        self._events.stop()
        self._thread.join(STOP_SEC)

    def _run(self) -> None:
        may_be_edited, has_failed = True, False
        while not self._events.is_stopped:
            try:
                self._look(may_be_edited=may_be_edited)
                has_failed = False
            except DendroError as error:
                if not has_failed:
                    logger.warning("the apps could not be looked at, but will be: %s", error)
                self._apps_may_differ = has_failed = True
            may_be_edited = self._events.wait(self._watched()) or has_failed
        self._events.close()

    def _look(self, *, may_be_edited: bool) -> None:
        """Bring everything up to date with what is in the store and in the folders now."""
        if self._apps_may_differ:
            self._apps_may_differ = False  # before it is read: what changes then is seen next time
            self._apps = [app for app in self._hub.apps() if (app.source or "").startswith(_FOLDER)]
        roots = dict.fromkeys(_root(app) for app in self._apps)
        self._folders = {root: self._folder(root, may_be_edited) for root in roots}
        for app in self._apps:
            self._follow(app, self._folders[_root(app)].digest)

    def _watched(self) -> dict[str, int]:
        """The folders in which an event may mean an edit, each with its inode."""
        return {
            path: inode for each in self._folders.values() for path, inode in each.watched.items()
        }

    def _folder(self, root: Path, may_be_edited: bool) -> "_Folder":
        known = self._folders.get(root)
        if known is not None and known.is_current(may_be_edited=may_be_edited):
            return known
        found = _Folder(root)
        if known is None or known.digest != found.digest:
            self._on_state(root, found.digest)
        return found

    def _follow(self, app: RegisteredApp, digest: str) -> None:
        """Register an app again if its folder is in another state, one that was not tried yet."""
        service, name = key = app.record.serviceName, app.record.appName
        if app.folder_digest == digest:
            self._restless.pop(key, None)
            if self._tried.pop(key, None) is not None:
                logger.info("app %s of %s is as it was registered", name, service)
            return
        if self._tried.get(key) == digest or self._restless.get(key, 0) >= MOST_RESTLESS:
            return
        self._tried[key] = digest
        try:
            registered = self._hub.app(service, name)
        except (DendroError, OSError) as error:  # such as a folder that is removed meanwhile
            logger.warning(
                "app %s of %s stays as it was registered: %s", name, service, reason_of(error)
            )
        else:
            self._apps_may_differ = True
            if registered.folder_digest != app.folder_digest:
                del self._tried[key]
                logger.info("registered app %s of %s again: its folder has changed", name, service)
        self._note_restless(key, is_so=_Folder(_root(app)).digest != digest)

    def _note_restless(self, key: AppKey, *, is_so: bool) -> None:
        """Do not register an app for ever that changes its folder whenever it is imported."""
        self._restless[key] = self._restless.get(key, 0) + 1 if is_so else 0
        if self._restless[key] == MOST_RESTLESS:
            logger.warning(
                "app %s of %s changes files in its own folder when it is imported: from now on, "
                "an edit of it counts from the next submit on",
                *reversed(key),
            )


class _Folder:
    """An app's folder in one state, which may be that there is no app in it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._identity = _identity(root)
        self._state: AppFolder | None = None
        self.watched: Mapping[str, int] = {}
        if self._identity is not None:
            self.watched = {str(root): self._identity[0]}
        try:
            self._state = AppFolder(root)
            self.watched = self._state.folders()
        except InvalidApp:
            pass  # registering it says what is wrong

    @property
    def digest(self) -> str:
        """Names the state; empty where there is no app."""
        return "" if self._state is None else self._state.digest

    def is_current(self, *, may_be_edited: bool) -> bool:
        """Whether it is in this state still; files are looked at only if they may be edited."""
        if _identity(self._root) != self._identity:
            return False
        return not may_be_edited or (self._state is not None and self._state.is_current())


class _FolderEvents:
    """Waits for events in folders, other ones each time, where the system tells of them."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._watched: Mapping[str, int] = {}
        self._events: Generator[object] | None = None
        self._can_watch = True

    @property
    def is_stopped(self) -> bool:
        """Whether nobody waits any more."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """End the wait, from another thread."""
        self._stopping.set()

    def close(self) -> None:
        """Let go of what the system keeps for it, in the thread that waited."""
        if self._events is not None:
            self._events.close()

    def wait(self, folders: Mapping[str, int]) -> bool:
        """Wait for an event in one of the folders, or for the next look.

        Args:
            folders: their inodes, by path.

        Returns:
            Whether files in them may have changed.
        """
        if not self._can_watch or not folders:
            self._stopping.wait(LOOK_MS / 1000)
            return False
        # What happened just before a folder was watched is told by no event.
        is_new = folders != self._watched
        try:
            if self._events is None or is_new:
                self._watched = folders
                self._events = self._open()
            return bool(next(self._events, None)) or is_new
        except FileNotFoundError:  # removed since it was looked at
            self._watched = {}
            return True
        except (OSError, RuntimeError) as error:
            self._can_watch = False
            logger.warning(
                "the folders of apps cannot be watched: %s. An edit counts from the next submit "
                "on. On Linux, fs.inotify.max_user_watches and max_user_instances set the limits.",
                reason_of(error),
            )
            return False

    def _open(self) -> Generator[object]:
        from watchfiles import watch  # 30 ms and 10 MB, for those who have such apps

        self.close()
        return watch(
            *self._watched,
            recursive=False,
            watch_filter=None,
            step=STEP_MS,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            stop_event=self._stopping,
            ignore_permission_denied=True,
            raise_interrupt=False,
        )


def _root(app: RegisteredApp) -> Path:
    return Path((app.source or "").removeprefix(_FOLDER))


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from another one of its name, and from itself with other permissions."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mode
