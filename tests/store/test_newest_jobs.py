"""The newest jobs of definitions are remembered until the feed tells of a change."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job, JobDefinition, JobParameter, RequiredResources
from dendro_local.store import StoredJob
from dendro_local.store.newest_jobs import MOST_CHANGES, MOST_TEXT, NewestJobs

SERVICE = "hello_world_service"


def request(name: str, *, skip_cache: bool = False) -> NewJob:
    """A greeting, which has no output."""
    return NewJob(
        serviceName=SERVICE,
        jobDefinition=JobDefinition(
            appName="hello_world",
            processorName="hello_world_1",
            inputFiles=[],
            outputFiles=[],
            parameters=[JobParameter(name="name", value=name)],
        ),
        requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60),
        skipCache=skip_cache,
    )


class Asking:
    """A hub that is asked for newest jobs, and another of the same store that changes it."""

    def __init__(self, folder: Path) -> None:
        self.hub = LocalHub(folder)
        self.other = LocalHub(folder)
        self.newest = NewestJobs()

    def submit(self, name: str, *, skip_cache: bool = False) -> Job:
        return self.other.submit([request(name, skip_cache=skip_cache)])[0]

    def get(self, job: Job) -> StoredJob | None:
        version = self.hub.store.version()
        assert version is not None
        stored = self.hub.store.jobs.by_id(job.jobId)
        app_version = None if stored is None else stored.app_version
        return self.newest.get(SERVICE, app_version or "1.0.0", job.jobDefinitionHash, version)


@pytest.fixture
def asking(store_folder: Path) -> Iterator[Asking]:
    asking = Asking(store_folder)
    yield asking
    asking.hub.close()
    asking.other.close()


def test_a_job_stays_the_same_object_while_others_change(asking: Asking) -> None:
    job = asking.submit("Ada")
    found = asking.get(job)
    assert found is not None
    assert found.record.jobId == job.jobId

    asking.submit("Bob")
    asking.other.cancel(asking.submit("Cy").jobId)

    assert asking.get(job) is found


def test_a_change_by_another_process_is_seen(asking: Asking) -> None:
    job = asking.submit("Ada")
    asking.get(job)

    asking.other.cancel(job.jobId)

    found = asking.get(job)
    assert found is not None
    assert found.record.status == "failed"


def test_a_newer_job_takes_the_place_of_the_one_remembered(asking: Asking) -> None:
    job = asking.submit("Ada")
    asking.get(job)

    again = asking.submit("Ada", skip_cache=True)

    found = asking.get(job)
    assert found is not None
    assert found.record.jobId == again.jobId != job.jobId


def test_a_deleted_job_is_forgotten(asking: Asking) -> None:
    job = asking.submit("Ada")
    asking.get(job)

    asking.other.delete([job.jobId])

    assert asking.get(job) is None


def test_a_change_is_seen_that_was_made_before_another_job_was_asked_for(asking: Asking) -> None:
    job = asking.submit("Ada")
    asking.get(job)
    asking.other.cancel(job.jobId)

    asking.get(asking.submit("Bob"))

    found = asking.get(job)
    assert found is not None
    assert found.record.status == "failed"


def test_a_change_among_very_many_is_seen(asking: Asking) -> None:
    job = asking.submit("Ada")
    asking.get(job)

    asking.other.cancel(job.jobId)
    asking.other.submit([request(f"name {number}") for number in range(MOST_CHANGES)])

    found = asking.get(job)
    assert found is not None
    assert found.record.status == "failed"


def test_a_job_of_another_version_of_the_app_is_not_given(asking: Asking) -> None:
    job = asking.submit("Ada")
    assert asking.get(job) is not None
    version = asking.hub.store.version()
    assert version is not None

    assert asking.newest.get(SERVICE, "another", job.jobDefinitionHash, version) is None


def test_no_more_text_is_remembered_than_there_is_room_for(asking: Asking) -> None:
    half = MOST_TEXT // 2
    first, second, whole = (
        asking.submit(letter * size) for letter, size in (("a", half), ("b", half), ("c", 2 * half))
    )
    kept = [asking.get(first), asking.get(second), asking.get(whole)]

    assert asking.get(second) is kept[1]
    assert asking.get(first) is not kept[0]
    assert asking.get(whole) is not kept[2]
