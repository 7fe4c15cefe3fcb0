"""The file with the keys of a hub, and telling what is a hub."""

import json
from pathlib import Path

import pytest

from dendro_local.errors import InvalidRequest, NotAHub
from dendro_sync.remotes.dendro import HubKeys, read_hub_keys
from dendro_sync.remotes.dendro.journal import Journal
from dendro_sync.remotes.dendro.pushed_jobs import PushedJob
from dendro_sync.remotes.remote import Remote
from tests.sync.dendro.conftest import RemoteMaker
from tests.sync.dendro.contract_only import ContractOnly

CLIENT = {"computeClientId": "c" * 12, "computeClientPrivateKey": "k" * 32}


def test_a_key_file_has_the_key_of_the_user_alone_or_more(tmp_path: Path) -> None:
    file = tmp_path / "key"

    file.write_text("abc123\n")
    assert read_hub_keys(file) == HubKeys(api_key="abc123")
    file.write_text(json.dumps({"apiKey": "abc123"}))
    assert read_hub_keys(file) == HubKeys(api_key="abc123")
    file.write_text(json.dumps({"apiKey": "abc123", **CLIENT}))
    assert read_hub_keys(file).compute_client_id == "c" * 12


@pytest.mark.parametrize(
    "text",
    [
        "",
        "two secret words",
        "sécret",
        '{"apiKey": "secret',
        '{"apiKey": "secret", "more": 1}',
        '{"apiKey": ["secret"]}',
        '{"apiKey": "secret", "computeClientId": "secret"}',
    ],
)
def test_what_is_no_key_file_is_refused_without_telling_what_is_in_it(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "key").write_text(text)

    with pytest.raises(InvalidRequest) as refusal:
        read_hub_keys(tmp_path / "key")

    assert "secret" not in str(refusal.value)
    with pytest.raises(InvalidRequest, match="No such file"):
        read_hub_keys(tmp_path / "no such file")


def test_keys_are_not_printed() -> None:
    assert "abc123" not in repr(HubKeys(api_key="abc123"))


def test_a_hub_of_the_contract_is_told_from_what_is_none(
    open_remote: RemoteMaker, contract: ContractOnly
) -> None:
    assert open_remote().facts().kind == "dendro"

    contract.changes["getJob"] = lambda _: {"hello": "world"}
    with pytest.raises(NotAHub):
        open_remote().facts()
    contract.gone.add("/api/getJob")
    with pytest.raises(NotAHub):
        open_remote().facts()


def test_it_is_a_remote(open_remote: RemoteMaker, contract: ContractOnly) -> None:
    remote: Remote = open_remote()

    assert remote.url == contract.url


def test_a_line_that_a_crash_has_cut_off_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    journal = Journal(file, PushedJob)
    jobs = [PushedJob(here=f"{n}", there=f"{n}", digest="d") for n in range(3)]  # type: ignore[arg-type]  # ids
    journal.add(jobs[:2])
    file.write_bytes(file.read_bytes()[:-5])

    journal.add(jobs[2:])

    assert list(journal.new_records()) == [jobs[0], jobs[2]]


def test_what_another_process_adds_is_read_once(tmp_path: Path) -> None:
    journal, other = (Journal(tmp_path / "folder" / "journal", PushedJob) for _ in range(2))
    job = PushedJob(here="a", there="b", digest="d")  # type: ignore[arg-type]  # ids
    assert list(journal.new_records()) == []

    other.add([job])

    assert list(journal.new_records()) == [job]
    assert list(journal.new_records()) == []


def test_nothing_is_written_by_asking_what_it_is(open_remote: RemoteMaker, tmp_path: Path) -> None:
    open_remote(folder="new").facts()

    assert not (tmp_path / "new").exists()
