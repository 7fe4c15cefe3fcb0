"""The exchange of jobs with other stores, as a hub has it: imported when it is asked for."""

import functools
from typing import TYPE_CHECKING

from dendro_local.local_hub.submitting import Submitting

if TYPE_CHECKING:
    from dendro_local.local_hub.arriving_jobs import ArrivingJobs
    from dendro_local.local_hub.shared_jobs import SharedJobs

__all__ = ["Sharing"]


class Sharing(Submitting):
    """Jobs on their way out and in."""

    @functools.cached_property
    def shared(self) -> "SharedJobs":
        """What other stores are told."""
        from dendro_local.local_hub.shared_jobs import SharedJobs

        return SharedJobs(self.store)

    @functools.cached_property
    def arriving(self) -> "ArrivingJobs":
        """What other stores tell."""
        from dendro_local.local_hub.arriving_jobs import ArrivingJobs

        return ArrivingJobs(self)
