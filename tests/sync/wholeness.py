"""Whether all that can be seen in a store is whole, at any moment."""

import hashlib
import threading
from pathlib import Path

from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest
from tests.maintenance.conftest import Folders
from tests.sync.conftest import ids_in

__all__ = ["Onlooker", "check_nothing_is_half", "check_store_is_in_order"]


def check_nothing_is_half(hub: LocalHub) -> None:
    """Every job that is there has its files, and all that is a blob has its digest."""
    _Look(hub).again()


def check_store_is_in_order(hub: LocalHub) -> None:
    """The doctor finds nothing."""
    assert hub.examine(Folders()).findings == []


class Onlooker:
    """Looks at a store again and again, in a thread, for as long as a ``with`` block goes on.

    Args:
        folder: of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._hub = LocalHub(folder)
        self._is_over = threading.Event()
        self._has_looked = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._watch)
        self.looks = 0
        """How often it has looked."""

    def __enter__(self) -> "Onlooker":
        self._thread.start()
        self._has_looked.wait()  # or all may be over before it is at it
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._hub.close()
        if self._fault is not None:
            raise AssertionError("Something half was seen.") from self._fault

    def _watch(self) -> None:
        look = _Look(self._hub)
        try:
            while not self._is_over.is_set():
                look.again()
                self.looks += 1
                self._has_looked.set()
                self._is_over.wait(0.02)  # others want to get on, too
        except BaseException as error:  # noqa: BLE001 - told by whoever waits for the end
            self._fault = error
            self._has_looked.set()


class _Look:
    """What was found to be whole is not looked at again."""

    def __init__(self, hub: LocalHub) -> None:
        self._hub = hub
        self._blobs: set[Digest] = set()
        self._jobs: set[str] = set()

    def again(self) -> None:
        """Look at what is new."""
        jobs = ids_in(self._hub)
        for job_id in jobs - self._jobs:
            stored = self._hub.stored(job_id)  # type: ignore[arg-type]  # an id
            for file in stored.files.all():
                assert file.digest is None or file.digest in self._blobs or self._has(file.digest)
            for parent in stored.record.jobDependencies:
                assert self._hub.get_job(parent).status == "completed"
            self._jobs.add(job_id)
        for blob in self._hub.store.folder.blobs.glob("??/[!.]*"):
            assert blob.name in self._blobs or self._has(Digest(blob.name))

    def _has(self, digest: Digest) -> bool:
        """Whether the bytes of a blob are there, and are its own."""
        content = self._hub.store.blobs.path(digest).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        self._blobs.add(digest)
        return True
