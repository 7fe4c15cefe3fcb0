"""`push`, `pull`, `sync`, `export`, `import`, `verify` and `key`."""

import zipfile
from pathlib import Path
from typing import Literal

import pytest

from dendro_local.hub import JobQuery
from dendro_sync import export_jobs
from dendro_sync.progress import OnProgress, Progress
from dendro_sync.remotes.bucket.layout import segment_name
from dendro_sync.report import Report
from tests.cli.conftest import Run, RunJson, run, run_json  # noqa: F401 - fixtures
from tests.sync.conftest import Stores, greeting, ids_in


def test_a_job_from_elsewhere_says_whose_key_signed_it_and_where_its_files_are(
    run: Run,  # noqa: F811
    bucket: str,
    key: str,
    stores: Stores,
) -> None:
    run("key", "trust", "ada", key)
    run("remote", "add", "disk", bucket)
    pulled = run("pull", "--outputs", "lazy").stdout
    assert "when first read" in pulled
    count = run("remote", "show", "disk").stdout.partition("To come")[2].split()[0]
    assert f"; {count} files (" in pulled
    [first] = ids_in(stores["a"]) - {
        job.jobId for job in stores["a"].find_jobs(JobQuery(processor="count_characters"))
    }

    shown = run("job", first).stdout

    assert "signature verified: key ada (" in shown
    assert "on remote disk, not fetched yet (5 B)" in shown
    assert "It did not run here: it came from remote disk." in shown
    assert "No job had this definition" not in shown


def test_jobs_are_pulled_and_pushed(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
    tmp_path: Path,
) -> None:
    run("remote", "add", "pub", bucket, "--trust", key)

    assert run("pull", "--dry-run").stdout == "Would pull 2 jobs and 2 files (6 B) from pub.\n"
    assert run("pull").stdout == "Pulled 2 jobs and 2 files (6 B) from pub.\n"
    assert run("pull").stdout == "Pulled 0 jobs from pub.\n"
    report = run_json("sync")
    assert (report["push"]["new"], report["pull"]["new"]) == (0, 0)
    assert run("sync").stdout == "Pushed 0 jobs to pub.\nPulled 0 jobs from pub.\n"
    run("remote", "add", "further", tmp_path / "further")
    assert run("push", "further", "--tag", "t").stdout == (
        "Pushed 1 job and 1 file (5 B) to further.\n"
    )
    assert run_json("push", "further")["new"] == 1


def test_what_is_refused_is_listed_and_the_exit_code_says_so(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
    stores: Stores,
) -> None:
    run("remote", "add", "pub", bucket)

    result = run("pull", code=33)
    report = run_json("pull", "--full", code=33)

    job_ids = ids_in(stores["a"])
    assert "Refused 2 jobs (untrusted): It is signed by" in result.stderr
    assert result.stderr.count(f"`dendro-local key trust NAME {key}`") == 1
    assert all(job_id in result.stderr for job_id in job_ids)
    assert {each["job_id"] for each in report["refused"]} == job_ids
    assert {each["code"] for each in report["refused"]} == {"untrusted"}
    assert "not trusted is looked at again once they are." in result.stderr
    assert "damaged" not in result.stderr


def test_an_archive_whose_list_of_jobs_is_damaged_is_to_be_had_again(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    stores: Stores,
    key: str,
    tmp_path: Path,
) -> None:
    stores.complete("a", greeting("x"))
    export_jobs(stores["a"], file := tmp_path / "jobs.zip")
    with zipfile.ZipFile(file) as archive:
        [info] = [each for each in archive.infolist() if each.filename == segment_name(0)]
    raw = bytearray(file.read_bytes())
    raw[raw.index(b"\x28\xb5\x2f\xfd", info.header_offset) + 30] ^= 255
    file.write_bytes(raw)
    run("key", "trust", "a", key)

    told = run("import", file, code=33).stderr
    report = run_json("import", file, code=33)

    assert f"Refused a part of the list of jobs (structure): {segment_name(0)} cannot be" in told
    assert "The archive is damaged: get the file again." in told
    assert "all else was done. Get the file again, and import that." in told
    assert "an entry" not in told
    assert [each["code"] for each in report["refused"]] == ["structure"]


def test_who_imports_what_a_stranger_signed_is_told_to_trust_and_import_again(
    run: Run,  # noqa: F811
    stores: Stores,
    tmp_path: Path,
) -> None:
    stores.complete("a", greeting("x"))
    export_jobs(stores["a"], tmp_path / "jobs.zip")

    told = run("import", tmp_path / "jobs.zip", code=33).stderr

    assert "trust them and import the file again." in told
    assert "the next time" not in told


def test_jobs_that_wait_for_a_key_to_be_trusted_are_told_until_it_is(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
) -> None:
    run("remote", "add", "pub", bucket)
    run("pull", code=33)

    again = run("pull")

    assert f"2 jobs are signed by a key that is not trusted: {key}." in again.stderr
    [waiting] = run_json("pull")["awaiting_trust"]
    assert (waiting["public_key"], waiting["jobs"]) == (key, 2)
    assert (
        f"2 jobs signed by keys that are not trusted: {key}" in run("remote", "show", "pub").stdout
    )
    run("key", "trust", "a", key)
    assert "not trusted" not in run("pull").stderr
    assert run_json("remote", "show", "pub")["refused"] == 0


def test_a_job_tells_where_it_came_from(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
    stores: Stores,
) -> None:
    run("remote", "add", "pub", bucket, "--trust", key)
    run("pull")
    job_id = min(ids_in(stores["a"]))

    shown = run("job", job_id).stdout
    origin = run_json("job", job_id)["origin"]

    assert "Came from" in shown
    assert "signature verified: key pub (" in shown
    assert (origin["origin"], origin["is_verified"]) == ("pub", True)


def test_jobs_are_exported_and_imported(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    bucket: str,
    key: str,
    tmp_path: Path,
) -> None:
    run("remote", "add", "pub", bucket, "--trust", key)
    run("pull")
    [child] = [
        job for job in run_json("jobs") if job["jobDefinition"]["processorName"] != "hello_world_2"
    ]
    file = tmp_path / "jobs.zip"

    assert run_json("export", file, "--job", child["jobId"][:8])["new"] == 2
    other = ("--store", tmp_path / "other")
    assert run_json(*other, "import", file, code=33)["refused_count"] == 2
    run(*other, "key", "trust", "a", key)
    assert run(*other, "import", file).stdout == f"Imported 2 jobs and 2 files (6 B) from {file}.\n"
    verified = run_json(*other, "verify", child["jobId"])
    assert verified["isVerified"]
    assert len(verified["jobs"]) == 2
    assert "All is as it was signed: 2 jobs." in run(*other, "verify", child["jobId"]).stderr
    run(*other, "key", "untrust", "a")
    assert "NOT VERIFIED" in run(*other, "verify", child["jobId"], code=34).stdout


def test_keys_are_shown_and_trusted(run: Run, run_json: RunJson, key: str) -> None:  # noqa: F811
    own = run_json("key", "show")

    assert set(own) == {"keyId", "publicKey"}
    assert run("key", "show").stdout.strip() == own["publicKey"]
    assert run("key", "trust", "ada", key).stdout.startswith("Trusting ada")
    [listed] = run_json("key", "list")
    assert (listed["name"], listed["publicKey"]) == ("ada", key)
    assert "ada" in run("key", "list").stdout
    assert run("key", "trust", "bob", key).stdout.startswith("ada is called bob from now on")
    assert run("key", "trust", "bob", key).stdout.startswith("Trusting bob")
    run("key", "untrust", "bob")
    assert run_json("key", "list") == []


def test_progress_is_told_where_it_is_asked_for(
    run: Run,  # noqa: F811
    bucket: str,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dendro_local.cli import exchange_report

    monkeypatch.setattr(exchange_report, "SHOW_EVERY_SEC", 0.0)
    run("remote", "add", "pub", bucket, "--trust", key)

    assert run("pull", "--dry-run").stderr == ""
    told = run("pull", "--progress").stderr

    assert "Pulling: " in told
    assert "6 B of 6 B" in told


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("pull", "pub"), "Stopped. The same command goes on from here."),
        (("import", "there.zip"), "Stopped. What has come is kept"),
        (("export", "new.zip"), "Stopped. No archive was written."),
    ],
)
def test_who_stops_an_exchange_is_told_how_it_goes_on(
    run: Run,  # noqa: F811
    bucket: str,
    command: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dendro_local.cli import archives
    from dendro_sync.exchange import Exchange

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    run("remote", "add", "pub", bucket)
    monkeypatch.chdir(tmp_path)
    Path("there.zip").touch()
    monkeypatch.setattr(Exchange, "pull", stop)
    monkeypatch.setattr(archives, "import_jobs", stop)
    monkeypatch.setattr(archives, "export_jobs", stop)

    assert says in run(*command, code=130).stderr


@pytest.mark.parametrize(("verb", "keeps"), [("import", True), ("export", False)])
def test_who_stops_an_archive_is_told_what_has_come_and_of_no_file_that_is_not_there(
    run: Run,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    keeps: bool,
) -> None:
    from dendro_local.cli import archives

    def stop(*_: object, on_progress: OnProgress, **__: object) -> None:
        direction: Literal["pull", "push"] = "pull" if verb == "import" else "push"
        report = Report(direction=direction, remote="there.zip", new=2)
        on_progress(Progress(jobs_done=2, jobs_total=3, bytes_done=0, bytes_total=0, report=report))
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    Path("there.zip").touch()
    monkeypatch.setattr(archives, f"{verb}_jobs", stop)

    told = run(verb, "there.zip", code=130).stderr

    assert ("So far, and kept:\nImported 2 jobs from there.zip." in told) == keeps
    assert "Stopped." in told
