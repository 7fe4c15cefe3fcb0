"""What keeps a store in order: pins, pruning, the doctor and backups.

Commands ask for these, no job does, so that what they take is only imported when it is asked for.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dendro_local.local_hub.running import Running
from dendro_local.model import Job, JobId

if TYPE_CHECKING:
    from dendro_local.local_hub.backing_up import Backup
    from dendro_local.local_hub.findings import Examination
    from dendro_local.local_hub.pruning import PrunePlan, Pruner, PruneRules
    from dendro_local.local_hub.record_checks import RunFolders

__all__ = ["Maintenance"]


class Maintenance(Running):
    """What whoever keeps the store asks."""

    def pin(self, job_ids: Sequence[JobId]) -> None:
        """Keep jobs, and all that they depend on, from being pruned.

        Raises:
            JobNotFound: there is no such job; none was pinned.
        """
        with self.store.transaction():
            for job_id in job_ids:
                self.store.upkeep.pins.add(self.stored(job_id).number)

    def unpin(self, job_ids: Sequence[JobId]) -> list[JobId]:
        """Pin jobs no more; those that were pinned.

        Raises:
            JobNotFound: there is no such job; none was changed.
        """
        with self.store.transaction():
            numbers = {job_id: self.stored(job_id).number for job_id in job_ids}
            return [each for each in numbers if self.store.upkeep.pins.remove(numbers[each])]

    def pinned_jobs(self) -> list[Job]:
        """The jobs that are pinned, first pinned first."""
        with self.store.reading():
            return [stored.record for stored in self.store.upkeep.pins.jobs()]

    def plan_prune(self, rules: "PruneRules") -> "PrunePlan":
        """What pruning by these rules would remove now. Nothing is removed."""
        return self._pruner().plan(rules)

    def prune(self, plan: "PrunePlan") -> "PrunePlan":
        """Remove what a plan names, as far as its rules still have it; what was removed."""
        return self._pruner().prune(plan)

    def examine(
        self,
        run_folders: "RunFolders",
        *,
        repair: bool = False,
        quick: bool = False,
        young_sec: float | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> "Examination":
        """Look the store over for what is not as it should be.

        Args:
            run_folders: what is known of the folders in which jobs run.
            repair: put right what can be without losing anything that was whole.
            quick: believe blobs their bytes, and the database its indexes.
            young_sec: how old a file must be to count as left behind, if it could also be in
                the making; by default 10 minutes.
            on_progress: called now and then with the bytes of blobs read so far and all of them.
        """
        from dendro_local.local_hub.doctor import YOUNG_SEC, Doctor

        young = YOUNG_SEC if young_sec is None else young_sec
        doctor = Doctor(self, run_folders, self.remove_blobs, young)
        return doctor.examine(quick=quick, repair=repair, on_progress=on_progress)

    def back_up(self, folder: Path) -> "Backup":
        """Copy the store to a new folder while it is in use; the copy appears whole or not at all.

        Raises:
            InvalidRequest: there is something of this name, or no folder to make it in.
            StoreError: it could not be written; nothing is left of it.
        """
        from dendro_local.local_hub.backing_up import back_up

        with self.store.reading():
            return back_up(self.store, folder)

    def _pruner(self) -> "Pruner":
        from dendro_local.local_hub.pruning import Pruner

        return Pruner(self, remove_record=self.delete_stored, remove_blobs=self.remove_blobs)
