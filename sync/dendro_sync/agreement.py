"""Whether as many producers as are required gave the same outputs for the same definition."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from dendro_local.errors import DendroError
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.arriving_jobs import JudgedJob, same_outputs
from dendro_local.local_hub.trust import Refused, TrustPolicy
from dendro_local.signed_records import Entry, JobEntry
from dendro_sync.remotes.remote import Remote

__all__ = ["Agreement"]


class Agreement:
    """Looks for other producers: among the jobs of this store, and on remotes.

    Args:
        hub: of the store.
        policy: whose signatures count, and how many are required.
        remotes: gives where to look, nearest first.
    """

    def __init__(
        self, hub: LocalHub, policy: TrustPolicy, remotes: Callable[[], Iterable[Remote]]
    ) -> None:
        self._hub = hub
        self._policy = policy
        self._strict = replace(policy, allow_unsigned=False)
        self._remotes = remotes
        self._own = hub.shared.signing_key.public.key_id

    def is_needed(self) -> bool:
        """Whether one trusted producer is not enough."""
        return self._policy.require > 1

    def check(self, judged: JudgedJob, beside: Sequence[JudgedJob] = ()) -> None:
        """Refuse a completed job on whose outputs too few agree.

        Args:
            judged: the job.
            beside: other jobs that have come with it.

        Raises:
            Refused: with code ``agreement``.
        """
        signers = {judged.key_id} - {None}
        for key_id in self._hub.arriving.signers_of_equal(judged.record):
            signers.add(key_id or self._own)
        signers |= {each.key_id for each in beside if _agree(each, judged)} - {None}
        for remote in self._remotes():
            if len(signers) >= self._policy.require:
                return
            signers |= self._signers_at(remote, judged)
        if len(signers) < self._policy.require:
            raise Refused(
                "agreement",
                f"{self._policy.require} trusted producers must agree on its outputs, and "
                f"{len(signers) or 'none'} is known to have given these.",
                judged.record.jobId,
            )

    def by_definition(self, jobs: Iterable[JudgedJob]) -> dict[str, list[JudgedJob]]:
        """Jobs that may agree with each other."""
        found: dict[str, list[JudgedJob]] = defaultdict(list)
        for each in jobs:
            found[each.record.jobDefinitionHash].append(each)
        return found

    def _signers_at(self, remote: Remote, judged: JudgedJob) -> set[str | None]:
        record = judged.record
        try:
            entries = list(
                remote.find(
                    record.serviceName,
                    record.jobDefinitionHash,
                    None,
                    definition=record.jobDefinition,
                )
            )
        except DendroError:
            return set()  # whoever is not there agrees to nothing
        found: set[str | None] = set()
        for entry in entries:
            other = self._judge(entry)
            if other is not None and _agree(other, judged):
                found.add(other.key_id)
        return found

    def _judge(self, entry: Entry) -> JudgedJob | None:
        if not isinstance(entry, JobEntry):
            return None
        try:
            judged = self._hub.arriving.judge(entry, self._strict)
        except Refused:
            return None
        return judged if isinstance(judged, JudgedJob) else None


def _agree(one: JudgedJob, other: JudgedJob) -> bool:
    return (
        one.record.serviceName == other.record.serviceName
        and one.record.jobDefinitionHash == other.record.jobDefinitionHash
        and same_outputs(one.record, other.record)
    )
