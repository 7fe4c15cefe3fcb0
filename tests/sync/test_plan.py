"""Decisions of an exchange, and what is told of its progress."""

from msgspec.structs import replace

from dendro_local.model import JobDefinition, JobId, JobInputFile, RequiredResources
from dendro_local.signed_records import FilesRecord, JobRecord
from dendro_sync.plan import id_in, parents_first, parents_of, portions
from dendro_sync.progress import Meter

RECORD = JobRecord(
    jobId=JobId("j"),
    serviceName="s",
    userId="u",
    batchId="",
    jobDefinition=JobDefinition(
        appName="a", processorName="p", inputFiles=[], outputFiles=[], parameters=[]
    ),
    jobDefinitionHash="",
    appVersion=None,
    contentKey=None,
    mustRun=False,
    jobDependencies=[],
    requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=1),
    status="completed",
    canceled=False,
    error=None,
    timestampCreatedSec=0,
    timestampStartingSec=None,
    timestampStartedSec=None,
    timestampFinishedSec=None,
    computeClientId=None,
    computeClientName=None,
    computeClientUserId=None,
    imageUri=None,
    attempts=1,
    files=FilesRecord(),
)


def record(job_id: str, *parents: str, url: str | None = None) -> JobRecord:
    definition = RECORD.jobDefinition
    if url is not None:
        definition = replace(
            definition, inputFiles=[JobInputFile(name="i", fileBaseName="f", url=url)]
        )
    return replace(
        RECORD,
        jobId=JobId(job_id),
        jobDefinition=definition,
        jobDependencies=[JobId(parent) for parent in parents],
    )


def order(*records: JobRecord) -> list[str]:
    return [str(each) for each in parents_first({record.jobId: record for record in records})]


def test_parents_are_those_that_a_job_waited_for_and_those_whose_files_it_took() -> None:
    job = record("j", "p1", url="dendro:f/s/a/p/p2/output/f.txt")

    assert parents_of(job) == {"p1", "p2"}


def test_parents_come_first_and_all_else_stays_in_order() -> None:
    assert order(record("c", "b"), record("x"), record("b", "a"), record("a")) == [
        "a",
        "b",
        "c",
        "x",
    ]
    assert order(record("b"), record("a")) == ["b", "a"]
    assert order(record("child", "elsewhere")) == ["child"]


def test_a_long_chain_is_put_in_order() -> None:
    chain = [record(f"{number}", f"{number + 1}") for number in range(5000)]

    assert order(*chain) == [f"{number}" for number in reversed(range(5000))]


def test_a_circle_of_parents_does_not_hold_up() -> None:
    assert sorted(order(record("a", "b"), record("b", "a"))) == ["a", "b"]


def test_the_id_in_a_broken_line_is_found() -> None:
    assert id_in(b'{"kind":"job","statement":{"jobId":"abcdefghij0123456789","x') == (
        "abcdefghij0123456789"
    )
    assert id_in(b'{"kind":"job"') is None


def test_portions_hold_everything_once() -> None:
    assert list(portions(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(portions([], 2)) == []


def test_a_meter_tells_the_rate_of_lately_and_what_is_left() -> None:
    now = 0.0
    meter = Meter(lambda: now)

    assert meter.left_sec(0, 100) is None
    now = 5.0
    assert meter.rate(50) == 10
    assert meter.left_sec(50, 100) == 5
    now = 30.0
    assert meter.rate(50) == 0
