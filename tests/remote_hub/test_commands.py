"""The command line and scripts with DENDRO_API_URL set: the hub elsewhere, as if it were here."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from dendro_local import DendroJobInputFile, get_job
from dendro_local.cli import main
from dendro_local.client.default_hub import default_hub
from dendro_local.compute import ComputeClient
from dendro_local.local_hub import LocalHub
from dendro_local.model import ServiceUser
from dendro_local.remote_hub import RemoteHub
from tests.client.conftest import Submitter
from tests.live_hub import LIMIT_SEC, LiveHub

Run = Callable[..., Result]


@pytest.fixture
def elsewhere(
    hub: RemoteHub, live: LiveHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> LiveHub:
    """The hub of the settings, from a machine with a store of its own."""
    monkeypatch.setenv("DENDRO_LOCAL_DIR", str(tmp_path / "here"))
    monkeypatch.setenv("DENDRO_API_URL", live.url)
    return live


@pytest.fixture
def run(elsewhere: LiveHub) -> Run:
    """Call a command in this process: ``run('jobs')``; ``code`` is what it must end with."""

    def call(*arguments: str | Path, code: int = 0) -> Result:
        result = CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return call


@pytest.fixture
def working(elsewhere: LiveHub) -> Iterator[ComputeClient]:
    """A compute client of the other machine, at work."""
    client = ComputeClient(default_hub())
    thread = threading.Thread(target=client.serve)
    thread.start()
    yield client
    client.stop()
    thread.join(LIMIT_SEC)


def test_jobs_are_submitted_waited_for_and_looked_at(
    run: Run, working: ComputeClient, elsewhere: LiveHub, tmp_path: Path
) -> None:
    recording = tmp_path / "recording.txt"
    recording.write_text("spikes")

    told = run("submit", "hello_world", "count_characters", "-i", f"input={recording}", "--wait")
    job_id = told.stdout.strip()
    printed = run("submit", "hello_world", "hello_world_1", "-p", "name=Ada", "--wait")

    assert "Found a job" not in told.stderr
    assert json.loads(run("output", job_id).stdout) == {"num_characters": len("spikes")}
    assert run("logs", printed.stdout.strip()).stdout == "Hello, Ada!\n"
    assert run("logs", "-f", printed.stdout.strip()).stdout == "Hello, Ada!\n"
    assert run("jobs", "--input-url", recording).stdout.count("completed") == 1
    assert run("why", job_id[:8]).stdout.startswith("Completed on far")
    again = run("submit", "hello_world", "hello_world_1", "-p", "name=Ada")
    assert again.stdout == printed.stdout
    assert "Found a job" in again.stderr
    assert len(json.loads(run("jobs", "--json").stdout)) == 2
    assert "There are more" in run("jobs", "--limit", "1").stderr


def test_a_job_is_shown_without_fetching_what_it_gave(
    run: Run, working: ComputeClient, elsewhere: LiveHub
) -> None:
    job_id = run(
        "submit", "hello_world", "hello_world_2", "-p", "name=Ada", "--wait"
    ).stdout.strip()

    shown = run("job", f"{elsewhere.url}/jobs/{job_id}").stdout
    run("output", job_id)
    then = run("job", job_id).stdout

    assert "`dendro-local output" in shown
    assert f"{elsewhere.url}/f/hello_world_service" in shown
    assert "outputs" in then
    assert "fetches it" not in then
    assert json.loads(run("job", job_id, "--json").stdout)["jobId"] == job_id


def test_jobs_are_ended_and_run_again(run: Run, elsewhere: LiveHub) -> None:
    job_id = run("submit", "hello_world", "hello_world_1", "-p", "name=Ada").stdout.strip()

    assert "No compute client is running" in run("why", job_id).stdout
    run("cancel", job_id)
    again = run("rerun", job_id).stdout.strip()
    assert run("delete", job_id, code=2).stderr.endswith("Add --yes to delete.\n")
    run("delete", job_id, again, "--yes")

    assert elsewhere.hub.facts().jobs_by_status == {}
    assert "No jobs yet" in run("jobs").stderr


def test_apps_services_and_the_hub_are_shown(run: Run, elsewhere: LiveHub, tmp_path: Path) -> None:
    assert "hello_world_service" in run("services").stdout
    assert "hub:bundled" in run("apps", "list").stdout
    assert "count_characters" in run("apps", "show", "hello_world").stdout
    told = run("info").stdout
    assert told.startswith(f"Hub              {elsewhere.url} (dendro-local 0.")
    facts = json.loads(run("info", "--json").stdout)["store"]
    assert (facts["url"], facts["folder"]) == (elsewhere.url, None)
    assert (
        "run `dendro-local apps add FOLDER` on the hub's own machine"
        in run("apps", "add", tmp_path, code=51).stderr
    )


def test_an_app_is_added_and_removed_by_its_spec(
    run: Run, elsewhere: LiveHub, tmp_path: Path
) -> None:
    app = elsewhere.hub.app("hello_world_service", "hello_world").record.appSpecification
    spec = tmp_path / "spec.json"
    spec.write_bytes(msgspec.json.encode(replace(app, name="another")))

    run("apps", "add", spec)
    assert "another" in run("apps", "list").stdout
    run("apps", "remove", "another", "--yes")

    assert "another" not in run("apps", "list").stdout
    assert "has no app 'another'" in run("apps", "remove", "another", "--yes", code=13).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("doctor",),
        ("prune", "--older-than", "1d"),
        ("pins",),
        ("users", "key"),
        ("clients", "list"),
        ("services", "add", "lab"),
        ("backup", "copy"),
    ],
)
def test_what_is_done_on_the_store_says_so(
    run: Run, elsewhere: LiveHub, arguments: tuple[str, ...]
) -> None:
    told = run(*arguments, code=51).stderr

    assert f"DENDRO_API_URL is set to {elsewhere.url}" in told


def test_a_script_uses_it(
    submit: Submitter,
    elsewhere: LiveHub,
    working: ComputeClient,
    tmp_path: Path,
) -> None:
    recording = tmp_path / "recording.txt"
    recording.write_text("spikes")
    first = submit("hello_world_2", name="Ada")
    by_job = DendroJobInputFile(
        name="input", fileBaseName="input.txt", url=first.get_output("output")
    )

    second = submit("count_characters", inputs=[by_job]).wait_until_done()
    third = submit(
        "count_characters", inputs=[DendroJobInputFile(name="input", path=recording)]
    ).wait_until_done()

    assert second.get_output("output").json() == {"num_characters": len("Hello, Ada!")}
    assert third.get_output("output").json() == {"num_characters": len("spikes")}
    assert second.job_url == f"{elsewhere.url}/jobs/{second.jobId}"
    assert get_job(second.job_url).jobId == second.jobId
    assert "output.txt" in first.refresh()._repr_html_()


def test_another_key_is_another_user(
    submit: Submitter,
    elsewhere: LiveHub,
    local_hub: LocalHub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = submit("hello_world_1", name="Ada")
    local_hub.add_user("grace", {})
    local_hub.change_service_users(
        "hello_world_service",
        [ServiceUser(userId="grace", admin=False, createJobs=True, processJobs=False)],
        [],
    )
    monkeypatch.setenv("DENDRO_API_KEY", local_hub.add_api_key("grace", "test")[1])

    assert (mine.userId, submit("hello_world_1", name="Grace").userId) == (
        local_hub.user_id,
        "grace",
    )
