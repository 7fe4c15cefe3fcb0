"""The doctor: all checks of a store in their order, and their repairs."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from dendro_local.local_hub.blob_checks import BlobChecks, OnProgress
from dendro_local.local_hub.findings import Examination, Finding, Found
from dendro_local.local_hub.folder_checks import FolderChecks
from dendro_local.local_hub.record_checks import RecordChecks, RunFolders
from dendro_local.local_hub.running import Running
from dendro_local.model import Digest

__all__ = ["Doctor", "YOUNG_SEC"]

YOUNG_SEC = 600.0
"""How old a file must be to count as left behind, if it could also be in the making."""


class Doctor:
    """Looks a store over, and puts right what can be.

    Args:
        hub: whose store.
        run_folders: what is known of the folders in which jobs run.
        remove_blobs: removes those of the blobs that nobody holds, in a transaction of its own.
        young_sec: what is younger is left alone, since it may be in use.
    """

    def __init__(
        self,
        hub: Running,
        run_folders: RunFolders,
        remove_blobs: Callable[[Sequence[Digest]], None],
        young_sec: float,
    ) -> None:
        self._store = hub.store
        self._records = RecordChecks(hub, run_folders)
        self._blobs = BlobChecks(hub, remove_blobs, young_sec)
        self._folder = FolderChecks(hub, run_folders, young_sec)

    def examine(self, *, quick: bool, repair: bool, on_progress: OnProgress | None) -> Examination:
        """Look everything over, and repair at once what each check finds if that is wanted.

        Args:
            quick: believe blobs their bytes, and the database its indexes.
            repair: put right what can be.
            on_progress: called now and then with the bytes read so far and all of them.
        """
        # In this order, since one repair may bring to light what a later check is for: a blob
        # that was held for nothing is an orphan then.
        checks: list[Callable[[], Iterable[Found]]] = [
            lambda: self._records.database(quick=quick),
            self._records.claims,
            self._records.waiting,
            self._records.pending_apps,
            self._blobs.records,
            *(() if quick else (lambda: self._blobs.contents(on_progress),)),
            # After what takes files from records.
            self._records.sums,
            self._blobs.strays,
            self._folder.leftovers,
            self._folder.rights,
            self._folder.room,
        ]
        findings: list[Finding] = []
        with self._store.reading():
            for check in checks:
                findings += [_repaired(each) if repair else each.finding for each in list(check())]
        return Examination(
            findings=findings,
            jobs=self._blobs.jobs,
            blobs=self._blobs.blobs,
            blob_bytes=self._blobs.blob_bytes,
        )


def _repaired(each: Found) -> Finding:
    if each.repair is None:
        return each.finding
    each.repair()
    return msgspec.structs.replace(each.finding, is_repaired=True)
