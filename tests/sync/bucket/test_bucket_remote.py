"""What a bucket does as a remote, wherever it is."""

import os
from pathlib import Path

import pytest

from dendro_local.errors import OutputNotFound
from dendro_local.model import Digest
from dendro_local.signed_records import (
    Entry,
    encode_entry,
)
from dendro_sync.selection import Selection
from tests.sync.bucket.conftest import Place
from tests.sync.bucket.made_entries import (
    KEY,
    app_entry,
    definition_hash,
    digest_of,
    digests,
    job_entries,
    job_entry,
    made_record,
    written,
)
from tests.sync.bucket.reading import ALL, end_of, lines_of, nothing


def test_what_was_put_is_read_as_it_was_with_the_signature_of_the_batch(place: Place) -> None:
    entries: list[Entry] = [app_entry(), *job_entries(3).values()]
    remote = place.filled(lambda bucket: nothing(bucket.put(entries)))

    batches = list(remote.changes("", ALL))

    assert [line + b"\n" for line in batches[0].lines] == [encode_entry(each) for each in entries]
    assert batches[0].signed_by([KEY.public]) == KEY.public
    assert batches[-1].lines == []


def test_with_nothing_new_one_request_is_made(place: Place) -> None:
    remote = place.filled(lambda bucket: nothing(bucket.put(list(job_entries(2).values()))))
    cursor = end_of(remote)
    before = remote.requests

    assert lines_of(remote, cursor) == []

    assert remote.requests == before + 1


def test_a_job_is_found_by_its_definition_with_one_request(place: Place) -> None:
    entries = job_entries(5)
    remote = place.filled(lambda bucket: nothing(bucket.put(list(entries.values()))))

    found = next(remote.find("lab", definition_hash(3), None))

    assert encode_entry(found) == encode_entry(list(entries.values())[3])
    assert remote.requests == 1
    assert list(remote.find("lab", definition_hash(77), None)) == []
    assert list(remote.find("other", definition_hash(3), None)) == []


def test_a_job_is_found_by_its_content(place: Place) -> None:
    record = made_record(4)
    remote = place.filled(lambda bucket: nothing(bucket.put([job_entry(record)])))

    assert [encode_entry(each) for each in remote.find("lab", "ab" * 20, record.contentKey)] == [
        encode_entry(job_entry(record))
    ]
    assert list(remote.find("lab", "ab" * 20, "cd" * 32)) == []


def test_jobs_are_had_by_id_and_the_others_are_lacking(place: Place) -> None:
    entries, others = job_entries(4), job_entries(2, first=10)
    remote = place.filled(lambda bucket: nothing(bucket.put(list(entries.values()))))

    wanted = dict.fromkeys([*list(entries)[:2], *others], "")
    assert [bytes(each.statement) for each in remote.entries_of(wanted)] == [
        bytes(each.statement) for each in list(entries.values())[:2]
    ]
    assert remote.lacking(digests({**entries, **others})) == set(others)


def test_a_job_that_is_there_with_another_statement_is_lacking(place: Place) -> None:
    entries = job_entries(1)
    remote = place.filled(lambda bucket: nothing(bucket.put(list(entries.values()))))

    assert remote.lacking(dict.fromkeys(entries, "00" * 32)) == set(entries)


@pytest.mark.parametrize("size", [0, 10, 9 << 20])
def test_a_blob_is_the_same_at_the_other_end(place: Place, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    digest, source = written(tmp_path, data)
    sent: list[int] = []
    remote = place.filled(lambda bucket: bucket.send(digest, source, sent.append))
    came: list[int] = []

    remote.fetch(digest, size, tmp_path / "came", came.append)

    assert (tmp_path / "came").read_bytes() == data
    assert sum(sent) == sum(came) == size
    assert remote.lacking_blobs({digest: size, Digest("ab" * 32): 1}) == {"ab" * 32}
    assert remote.lacking_blobs({digest: size + 1}) == {digest}


def test_a_fetch_goes_on_after_what_came_before(place: Place, tmp_path: Path) -> None:
    digest, source = written(tmp_path, bytes(range(200)))
    remote = place.filled(lambda bucket: bucket.send(digest, source, lambda _: None))
    file = tmp_path / "came"
    file.write_bytes(bytes(range(150)))

    remote.fetch(digest, 200, file, lambda _: None)

    assert file.read_bytes() == bytes(range(200))


def test_a_blob_that_is_not_there_is_told_so(place: Place, tmp_path: Path) -> None:
    remote = place.filled(lambda bucket: nothing(bucket.put([app_entry()])))

    with pytest.raises(OutputNotFound):
        remote.fetch(digest_of(b"x"), 1, tmp_path / "came", lambda _: None)


def test_only_what_is_selected_comes_and_is_still_covered_by_the_signature(place: Place) -> None:
    entries = [
        job_entry(made_record(number), tags=["night"] if number == 4 else []) for number in range(6)
    ]
    remote = place.filled(lambda bucket: nothing(bucket.put(entries)))

    def chosen(**conditions: object) -> list[int]:
        lines = lines_of(remote, selection=Selection(**conditions))  # type: ignore[arg-type]
        return [[encode_entry(each) for each in entries].index(line + b"\n") for line in lines]

    assert chosen(processor="part") == [1, 3, 5]
    assert chosen(service="other") == []
    assert chosen(app="hello", tags=("night",)) == [4]
    assert chosen(since=1003.0 + 4) == [4, 5]
    first, *_ = remote.changes("", Selection(processor="part"))
    assert first.signed_by([KEY.public]) == KEY.public
    assert first.end.count == 3


def test_a_cursor_of_another_bucket_begins_again(place: Place) -> None:
    remote = place.filled(lambda bucket: nothing(bucket.put(list(job_entries(2).values()))))

    assert len(lines_of(remote, "another.7")) == 2
    assert len(lines_of(remote, "nonsense")) == 2
