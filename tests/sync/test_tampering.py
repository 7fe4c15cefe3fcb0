"""What somebody has changed on the way is refused, alone, and leaves nothing behind.

``SYNC_JOBS`` says of how many jobs the hundredth part is changed: of 300 by default.
"""

import random
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.model import Job
from dendro_sync import Report, pull, push
from dendro_sync.plan import id_in
from tests.sync.buckets import edit_feed
from tests.sync.conftest import JOBS as GRAPH_JOBS
from tests.sync.conftest import Graph, Stores, content_of, greeting, ids_in, left_in_uploads

JOBS = 40


def other_output(line: bytes, job: Job) -> bytes:
    """Other outputs, in the record and in what is signed."""
    was = sha256(content_of(job)).hexdigest().encode()
    return line.replace(was, b"0" * 64)


def other_definition(line: bytes, job: Job) -> bytes:
    return line.replace(b'"value":"job', b'"value":"Job')


def other_signature(line: bytes, job: Job) -> bytes:
    return re.sub(rb'"sig":"(....)', rb'"sig":"AAAA', line)


def no_signature(line: bytes, job: Job) -> bytes:
    return re.sub(rb',"signatures":\[[^]]*\]', b"", line)


def other_app(line: bytes, job: Job) -> bytes:
    return line.replace(b'"appName":"hello_world"', b'"appName":"Hello_world"')


def no_json(line: bytes, job: Job) -> bytes:
    return line[: len(line) // 2]


KINDS: dict[Callable[[bytes, Job], bytes], str] = {
    other_output: "signature",
    other_definition: "signature",
    other_signature: "signature",
    no_signature: "untrusted",
    no_json: "structure",
}


@pytest.fixture
def jobs(stores: Stores) -> list[Job]:
    """Jobs that were pushed by a store ``a`` that ``b`` trusts."""
    requests = [greeting(f"job {number}") for number in range(JOBS)]
    found: list[Job] = []
    for request in requests:
        [job] = stores["a"].submit([request])
        found.append(stores.complete("a", request, content_of(job)))
    push(stores["a"])
    stores.trust("b", "a")
    return found


def refusals(report: Report) -> dict[str | None, str]:
    assert report.refused_count == len(report.refused)
    return {each.job_id: each.code for each in report.refused}


def break_blob(bucket: Path, job: Job) -> None:
    """Change the bytes of a job's output in a bucket."""
    digest = sha256(content_of(job)).hexdigest()
    blob = bucket / "blobs" / digest[:2] / digest
    blob.chmod(0o644)
    blob.write_bytes(b"!" * 128)


def break_record(bucket: Path, job: Job) -> None:
    """Change the signature of the record of its own that a bucket has of a job."""
    name = job.jobDefinitionHash
    record = bucket / "records" / job.serviceName / name[:2] / name / "0.json"
    record.chmod(0o644)
    record.write_bytes(other_signature(record.read_bytes(), job))


def bytes_in(hub: LocalHub) -> set[bytes]:
    """What the files of a store's blobs and uploads have in them."""
    folders = (hub.store.folder.blobs, hub.store.folder.uploads)
    return {file.read_bytes() for folder in folders for file in folder.rglob("*") if file.is_file()}


def test_just_what_was_changed_is_refused(stores: Stores, jobs: list[Job]) -> None:
    bucket = Path(stores.url)
    changed: dict[str, tuple[Callable[[bytes, Job], bytes], Job]] = {
        job.jobId: (kind, job) for kind, job in zip(KINDS, jobs[3::7], strict=False)
    }
    assert len(changed) == len(KINDS)

    def edit(line: bytes) -> bytes:
        for job_id, (kind, job) in changed.items():
            if job_id.encode() in line:
                assert kind(line, job) != line
                return kind(line, job)
        return line

    edit_feed(bucket, edit)
    broken = jobs[0]
    break_blob(bucket, broken)

    report = pull(stores["b"])

    expected = {job_id: KINDS[kind] for job_id, (kind, _) in changed.items()}
    assert refusals(report) == expected | {broken.jobId: "digest"}
    assert ids_in(stores["b"]) == {job.jobId for job in jobs} - set(expected) - {broken.jobId}
    assert b"!" * 128 not in bytes_in(stores["b"])
    assert left_in_uploads(stores["b"]) == []


def test_a_file_of_another_size_is_refused(stores: Stores, jobs: list[Job]) -> None:
    sizes = {jobs[1].jobId: b"x" * 127, jobs[2].jobId: b"x" * 100_000, jobs[3].jobId: b""}
    for job in jobs[1:4]:
        digest = sha256(content_of(job)).hexdigest()
        blob = Path(stores.url) / "blobs" / digest[:2] / digest
        blob.chmod(0o644)
        blob.write_bytes(sizes[job.jobId])

    report = pull(stores["b"])

    assert set(refusals(report)) == set(sizes)
    assert set(refusals(report).values()) <= {"size", "digest", "missing"}
    assert report.new == JOBS - 3
    assert left_in_uploads(stores["b"]) == []


def test_what_was_refused_is_asked_for_again_and_taken_once_it_is_right(
    stores: Stores, jobs: list[Job]
) -> None:
    digest = sha256(content_of(jobs[0])).hexdigest()
    blob = Path(stores.url) / "blobs" / digest[:2] / digest
    right = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(right[:-1] + b"?")

    assert refusals(pull(stores["b"])) == {jobs[0].jobId: "digest"}
    assert refusals(pull(stores["b"])) == {jobs[0].jobId: "digest"}
    blob.write_bytes(right)
    healed = pull(stores["b"])

    assert (healed.new, healed.refused_count) == (1, 0)
    assert pull(stores["b"]).known == 0
    assert stores["b"].output_file(jobs[0].jobId, "output").read_bytes() == right


def test_a_line_that_names_no_job_is_looked_at_again(stores: Stores, jobs: list[Job]) -> None:
    def edit(line: bytes) -> bytes:
        return b'{"kind":"job","no' if jobs[5].jobId.encode() in line else line

    bucket = Path(stores.url)
    before = {file: file.read_bytes() for file in bucket.glob("feed/*.zst")}
    edit_feed(bucket, edit)

    report = pull(stores["b"])

    assert refusals(report) == {None: "structure"}
    assert report.new == JOBS - 1
    for file, content in before.items():
        file.write_bytes(content)
    assert pull(stores["b"]).new == 1


def test_who_is_not_trusted_is_refused_until_they_are(stores: Stores, jobs: list[Job]) -> None:
    c = stores["c"]

    report = pull(c)

    assert set(refusals(report).values()) == {"untrusted"}
    assert (report.refused_count, report.new) == (JOBS, 0)
    stores.trust("c", "a")
    assert pull(c).new == JOBS


def test_what_lost_its_signature_on_the_way_is_asked_for_again(
    stores: Stores, jobs: list[Job]
) -> None:
    def edit(line: bytes) -> bytes:
        return no_signature(line, jobs[7]) if jobs[7].jobId.encode() in line else line

    edit_feed(Path(stores.url), edit)

    assert refusals(pull(stores["b"])) == {jobs[7].jobId: "untrusted"}
    assert pull(stores["b"]).new == 1


@pytest.mark.timeout(3600)
def test_of_all_jobs_just_the_hundredth_part_that_was_changed_is_refused(
    stores: Stores, graph: Graph
) -> None:
    graph.copy(stores.folder / "a")
    push(stores["a"])
    stores.trust("b", "a")
    all_ids = ids_in(stores["a"])
    chosen = random.Random(1).sample(sorted(all_ids), max(4, GRAPH_JOBS // 100))
    jobs = {job_id: stores["a"].get_job(job_id) for job_id in chosen}  # type: ignore[arg-type]  # ids
    ways = [other_output, other_app, other_signature, None]
    changed = {job_id: ways[number % len(ways)] for number, job_id in enumerate(chosen)}

    def edit(line: bytes) -> bytes:
        job_id = id_in(line)
        change = changed.get(job_id or "")
        return line if change is None else change(line, jobs[job_id or ""])

    edit_feed(Path(stores.url), edit)
    for job_id, change in changed.items():
        spoil = break_blob if change is None else break_record
        spoil(Path(stores.url), jobs[job_id])
    report = pull(stores["b"])

    expected = {job_id: "digest" if way is None else "signature" for job_id, way in changed.items()}
    assert refusals(report) == expected
    assert report.refused_count == len(changed)
    assert ids_in(stores["b"]) == all_ids - set(changed)
    assert report.new == GRAPH_JOBS - len(changed)
    for request in graph.requests:
        if not any(job_id in str(request) for job_id in changed):  # as a parent
            [job] = stores["b"].submit([request])
            assert (job.status == "completed") == (job.jobId in all_ids)
    assert b"!" * 128 not in bytes_in(stores["b"])
    assert left_in_uploads(stores["b"]) == []
