"""What a store signs of its jobs stays true, also of what comes after a job's end."""

from pathlib import Path

from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.trust import TrustPolicy, trusted_signer
from dendro_local.model import Job
from tests.hub.conftest import NewJobMaker, Worker


def signer(hub: LocalHub, job: Job) -> str | None:
    """The id of the key that signed a job as it is told to others, which is verified."""
    [entry] = hub.shared.shared_entries([job.jobId])
    key = hub.shared.signing_key.public
    policy = TrustPolicy(keys={key.key_id: key})
    return trusted_signer(bytes(entry.statement), entry.signatures, policy)


def test_a_job_is_signed_again_when_its_console_came_after_its_end(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker, tmp_path: Path
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)
    hub.cancel(job.jobId)
    own_key = hub.shared.signing_key.public.key_id
    assert signer(hub, job) == own_key

    hub.fail(claim, "canceled", worker.file("console", b"so far\n"))

    assert hub.console(job.jobId) == b"so far\n"
    assert signer(hub, job) == own_key
    assert signer(hub, job) == own_key  # also by what was kept of it
