"""`users` and `clients`: who may ask the hub, and who runs its jobs."""

import json
import shlex
import stat
from pathlib import Path

import pytest

from dendro_local.local_hub import LocalHub
from tests.cli.conftest import Run, RunJson

ADA = "github|ada"


@pytest.fixture
def ada(run: Run) -> str:
    run("users", "add", ADA, "--name", "Ada")
    return ADA


# users


def test_a_new_key_is_printed_as_json_with_nothing_else(run_json: RunJson, hub: LocalHub) -> None:
    answer = run_json("users", "key")

    assert set(answer) == {"apiKey"}
    assert hub.user_of_key(answer["apiKey"]) == hub.user_id


def test_a_key_is_shown_this_once(run: Run, run_json: RunJson, ada: str) -> None:
    made = run("users", "key", "--user", ada, "--label", "laptop")
    key = made.stdout.strip()
    [known] = run_json("users", "keys", "--user", ada)

    assert len(key) == 32
    assert known["key_id"] in made.stderr
    assert key not in made.stderr
    for words in (["keys", "--user", ada], ["keys", "--user", ada, "--json"], ["list", "--json"]):
        assert key not in run("users", *words).output
    assert (known["label"], known["last_used_at"]) == ("laptop", None)


def test_the_command_that_is_told_revokes_the_key_of_any_user(
    run: Run, hub: LocalHub, tmp_path: Path, ada: str
) -> None:
    for options in ([], ["--user", ada], ["--user", ada, "--to", tmp_path / "ada.key"]):
        made = run("users", "key", *options)
        key = made.stdout.strip() if len(options) < 3 else (tmp_path / "ada.key").read_text()
        assert hub.user_of_key(key.strip()) is not None
        command = made.stderr.partition("`dendro-local ")[2].partition("`")[0]

        run(*shlex.split(command))

        assert hub.user_of_key(key.strip()) is None
        assert ("not shown again" in made.stderr) == (len(options) < 3)


def test_who_has_no_key_is_told_the_command_that_makes_one(run: Run, ada: str) -> None:
    told = run("users", "keys", "--user", ada).stderr

    run(*shlex.split(told.partition("`dendro-local ")[2].partition("`")[0]))
    assert len(run("users", "keys", "--user", ada).stdout.splitlines()) == 2


def test_a_key_is_written_to_a_new_file_in_a_folder_alone(
    run: Run, hub: LocalHub, tmp_path: Path
) -> None:
    (tmp_path / "there.key").write_text("mine")

    there = run("users", "key", "--to", tmp_path / "there.key", code=2).stderr
    nowhere = run("users", "key", "--to", tmp_path / "none" / "a.key", code=2).stderr

    assert "there.key already, and no key was made. Give --to another name" in there
    assert f"no folder {tmp_path / 'none'}, and no key was made. Make the folder" in nowhere
    assert (tmp_path / "there.key").read_text() == "mine"
    assert hub.api_keys(hub.user_id) == []


def test_users_are_listed_with_the_number_of_their_keys(run: Run, ada: str) -> None:
    run("users", "key", "--user", ada)

    [header, ada_line, own_line] = run("users", "list").stdout.splitlines()

    assert header.split() == ["USER", "NAME", "KEYS", "IN", "USE", "SINCE"]
    assert ada_line.split()[:3] == [ADA, "Ada", "1"]
    assert own_line.split()[-1] == "0"


def test_a_revoked_key_is_out_of_use(run: Run, run_json: RunJson, hub: LocalHub, ada: str) -> None:
    key = run_json("users", "key", "--user", ada)["apiKey"]
    [known] = run_json("users", "keys", "--user", ada)

    run("users", "revoke", known["key_id"], "--user", ada)

    assert hub.user_of_key(key) is None
    assert "revoked" in run("users", "keys", "--user", ada).stdout
    run("users", "revoke", known["key_id"], "--user", ada, code=15)


def test_removing_a_user_needs_yes(run: Run, run_json: RunJson, ada: str) -> None:
    run("users", "key", "--user", ada)

    assert "1 key in use" in run("users", "remove", ada, code=2).stderr
    run("users", "remove", ada, "--yes")
    assert len(run_json("users", "list")) == 1
    run("users", "remove", ada, "--yes", code=15)


def test_users_as_json_have_their_fields(run_json: RunJson) -> None:
    added = run_json("users", "add", ADA, "--email", "ada@example.org")

    assert added["info"] == {"email": "ada@example.org"}
    assert added in run_json("users", "list")


def test_what_cannot_be_done_with_users_has_an_exit_code(run: Run, ada: str) -> None:
    assert "no user 'nobody'" in run("users", "key", "--user", "nobody", code=15).stderr
    assert "already exists" in run("users", "add", ada, code=21).stderr
    assert "cannot be called" in run("users", "add", "*", code=3).stderr


# services


def test_services_are_added_and_removed(run: Run, run_json: RunJson, ada: str) -> None:
    service = run_json("services", "add", "lab", "--owner", ada)

    assert service == {"serviceName": "lab", "userId": ADA, "users": []}
    assert service in run_json("services", "list")
    assert "0 apps" in run("services", "remove", "lab", code=2).stderr
    run("services", "remove", "lab", "--yes")
    run("services", "remove", "lab", "--yes", code=12)


def test_rights_on_a_service_are_given_and_taken(run: Run, run_json: RunJson) -> None:
    run("services", "add", "lab")
    options = ["--set", ADA, "createJobs,processJobs", "--set", "*", "createJobs"]

    users = run_json("services", "users", "lab", *options)
    run("services", "users", "lab", "--drop", "*")

    assert users[0] == {"userId": ADA, "admin": False, "createJobs": True, "processJobs": True}
    assert [user["userId"] for user in users] == [ADA, "*"]
    shown = run("services", "users", "lab").stdout
    assert shown.splitlines()[1:] == [f"{ADA}  createJobs, processJobs"]


def test_rights_of_a_user_who_is_not_there_are_given_with_a_note(run: Run, ada: str) -> None:
    run("services", "add", "lab")
    rights = ["--set", "nobody", "createJobs", "--set", "*", "createJobs"]

    told = run("services", "users", "lab", "--set", ADA, "createJobs", *rights).stderr

    assert told.startswith("There is no user nobody yet: ")
    assert told.count("\n") == 1
    assert "no user noone yet" in run("services", "add", "other", "--owner", "noone").stderr


def test_rights_that_there_are_not_are_refused(run: Run) -> None:
    run("services", "add", "lab")

    refused = run("services", "users", "lab", "--set", ADA, "createJobs,fly", code=2).stderr
    assert "'fly' is no right; rights are admin, createJobs, processJobs" in refused
    run("services", "users", "lab", "--set", "*", "admin", code=3)
    assert "Only its owner" in run("services", "users", "lab").stderr


# clients


def test_a_registered_compute_client_is_known_by_its_key(
    run: Run, run_json: RunJson, hub: LocalHub
) -> None:
    made = run_json("clients", "register", "cluster")

    client_id, key = made["computeClientId"], made["computeClientPrivateKey"]
    assert made == {
        "computeClientId": client_id,
        "computeClientName": "cluster",
        "computeClientPrivateKey": key,
        "file": None,
    }
    assert hub.check_compute_client_key(client_id, key)
    assert run_json("clients", "show", client_id)["serviceNames"] == ["hello_world_service"]
    for words in (["list"], ["list", "--json"], ["show", client_id]):
        assert key not in run("clients", *words).output


def test_its_key_can_be_written_to_a_file_that_only_its_user_may_read(
    run: Run, hub: LocalHub, tmp_path: Path
) -> None:
    made = run("clients", "register", 'the "cluster"', "--to", tmp_path)

    file = tmp_path / "dendro-compute-client.yaml"
    lines = [line.partition(": ") for line in file.read_text().splitlines()]
    fields = {name: json.loads(value) for name, _, value in lines}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert fields["compute_client_name"] == 'the "cluster"'
    key = fields["compute_client_private_key"]
    assert hub.check_compute_client_key(fields["compute_client_id"], key)
    assert key not in made.output


def test_a_file_that_is_there_is_kept_and_nothing_is_registered(
    run: Run, run_json: RunJson, tmp_path: Path
) -> None:
    (tmp_path / "dendro-compute-client.yaml").write_text("mine")

    result = run("clients", "register", "c", "--to", tmp_path, code=1)

    assert "already" in result.stderr
    assert (tmp_path / "dendro-compute-client.yaml").read_text() == "mine"
    assert run_json("clients", "list") == []


def test_a_file_is_not_left_behind_where_nothing_is_registered(run: Run, tmp_path: Path) -> None:
    run("clients", "register", "c", "--service", "no", "--to", tmp_path, code=12)

    assert not (tmp_path / "dendro-compute-client.yaml").exists()


def test_a_compute_client_is_changed(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    client_id = run_json("clients", "register", "c")["computeClientId"]
    (tmp_path / "slots.json").write_text(
        '[{"numCpus": 2, "numGpus": 0, "memoryGb": 4, "timeSec": 60, "multiplicity": 3}]'
    )
    run("services", "add", "lab")

    options = ["--name", "cluster", "--service", "lab", "--for-user", ADA, "--slots"]
    changed = run_json("clients", "set", client_id, *options, tmp_path / "slots.json")

    assert (changed["computeClientName"], changed["serviceNames"]) == ("cluster", ["lab"])
    assert (changed["processJobsForUsers"], changed["description"]) == ([ADA], "")
    assert "3 slots of 2 CPUs, 0 GPUs, 4 GB" in run("clients", "show", client_id).stdout
    everybody = run_json("clients", "set", client_id, "--for-everybody")
    assert everybody == {**changed, "processJobsForUsers": None}


def test_what_is_to_be_changed_must_be_said(run: Run, run_json: RunJson) -> None:
    client_id = run_json("clients", "register", "c")["computeClientId"]

    run("clients", "set", client_id, code=2)
    run("clients", "set", client_id, "--for-user", ADA, "--for-everybody", code=2)
    run("clients", "set", "no", "--name", "x", code=16)


def test_removing_a_compute_client_needs_yes(run: Run, run_json: RunJson) -> None:
    client_id = run_json("clients", "register", "cluster")["computeClientId"]

    assert "cluster" in run("clients", "remove", client_id, code=2).stderr
    run("clients", "remove", client_id, "--yes")
    assert "No compute clients yet" in run("clients", "list").stderr
    run("clients", "remove", client_id, "--yes", code=16)


def test_compute_clients_are_listed_by_service(run: Run) -> None:
    run("services", "add", "lab")
    run("clients", "register", "c", "--service", "lab")

    [header, line] = run("clients", "list", "--service", "lab").stdout.splitlines()

    assert line.split()[1:] == ["c", *line.split()[2:3], "lab", "never"]
    assert run("clients", "list", "--service", "hello_world_service").stdout == ""
    assert header.startswith("ID")
