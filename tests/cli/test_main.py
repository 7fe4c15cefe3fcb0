"""What all commands have in common: the store, errors, help and the shell."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from dendro_local import __version__
from dendro_local.cli.group import COMMANDS
from dendro_local.cli.reference import commands
from tests.cli.conftest import LIMIT_SEC, Run, RunInTerminal, RunJson, Start, Submit

ENTRIES = {name: entry for section in COMMANDS.values() for name, entry in section.items()}


def test_a_store_can_be_chosen_for_one_call(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    other = tmp_path / "other"

    run("--store", other, "submit", "hello_world", "hello_world_1")

    assert len(run_json("--store", other, "jobs")) == 1
    assert run_json("jobs") == []


def test_an_empty_path_is_no_store(run: Run) -> None:
    assert "the path is empty" in run("--store", "", "jobs", code=2).stderr


def test_a_store_that_cannot_be_made_is_an_error(run: Run) -> None:
    assert run("--store", "/dev/null/store", "jobs", code=40).stderr.startswith("Error: ")


def test_a_file_is_no_store(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.touch()

    refused = run("--store", file, "jobs", code=40).stderr

    assert f"{file} is a file, and a store is a folder" in refused
    assert "--store" in refused


def test_a_file_that_is_no_store_is_an_error(run: Run, store_folder: Path) -> None:
    store_folder.mkdir()
    (store_folder / "store.db").write_text("not a database, and long enough to be seen as such")

    run("jobs", code=42)


def test_a_hub_that_is_not_there_is_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENDRO_API_URL", "http://127.0.0.1:1")

    assert "http://127.0.0.1:1 does not answer" in run("jobs", code=50).stderr


def test_what_the_system_says_is_told_in_words_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DENDRO_API_URL", "http://127.0.0.1:1")

    assert "does not answer: Connection refused." in run("jobs", code=50).stderr


def test_an_archive_that_is_not_there_is_a_wrong_argument(run: Run) -> None:
    assert "there is no file no.zip." in run("import", "no.zip", code=2).stderr


def test_an_error_shows_its_traceback_only_when_asked(run: Run) -> None:
    plain = run("job", "abc", code=11).stderr
    debug = run("--debug", "job", "abc", code=11).stderr

    assert "Traceback" not in plain
    assert debug.startswith("Traceback")
    assert debug.endswith(plain)


def test_info_says_where_each_setting_is_from(
    run: Run, run_json: RunJson, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("info")
    (store_folder / "config.toml").write_text('service = "lab"\nuser = "me"')
    monkeypatch.setenv("DENDRO_MAX_ATTEMPTS", "3")

    settings = {each["key"]: each for each in run_json("info")["settings"]}

    assert settings["service"] == {"key": "service", "value": "lab", "origin": "config.toml"}
    assert settings["max_attempts"]["origin"] == "DENDRO_MAX_ATTEMPTS"
    assert settings["store"]["origin"] == "DENDRO_LOCAL_DIR"
    assert settings["api_url"]["origin"] == "default"


def test_info_counts_what_the_store_holds(run: Run, run_json: RunJson, submit: Submit) -> None:
    submit("hello_world_2", "--wait")
    submit("hello_world_1")

    info = run_json("info")

    assert info["store"]["jobs_by_status"] == {"completed": 1, "pending": 1}
    assert info["store"]["blob_bytes"] == len("Hello, world!")
    assert info["versions"]["dendro-local"] == __version__
    assert "1 pending, 1 completed" in run("info").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion(run: Run, shell: str) -> None:
    assert "_DENDRO_LOCAL_COMPLETE" in run("completion", shell).stdout


def test_a_shell_that_is_not_known_is_refused(run: Run) -> None:
    run("completion", "csh", code=2)


@pytest.mark.process
def test_commands_are_completed(start: Start) -> None:
    asked = {"COMP_WORDS": "dendro-local jo", "COMP_CWORD": "1"}
    variables = {**os.environ, **asked, "_DENDRO_LOCAL_COMPLETE": "bash_complete"}

    assert start(env=variables).communicate(timeout=LIMIT_SEC)[0] == "plain,jobs\nplain,job\n"


@pytest.mark.parametrize("name", ENTRIES)
def test_the_help_of_the_list_is_that_of_the_command(run: Run, name: str) -> None:
    assert f"\n  {ENTRIES[name].help}\n" in run(name, "--help").stdout


def test_every_command_says_in_one_line_what_it_does() -> None:
    for words, help_text in commands():
        line = help_text.split("\n\n")[1].strip()
        assert line[0].isupper(), words
        assert line.endswith("."), words
        assert len(line) <= 72, words


def test_help_is_in_the_list_of_every_command(run: Run) -> None:
    for name in ENTRIES:
        assert "-h, --help" in run(name, "-h").stdout


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version").stdout == f"dendro-local {__version__}\n"


def test_a_command_that_is_not_there_is_wrong_usage(run: Run) -> None:
    assert "No such command 'nope'" in run("nope", code=2).stderr


@pytest.mark.process
def test_help_imports_nothing_that_takes_long() -> None:
    code = (
        "import sys; from dendro_local.cli import main; main(['--help'], standalone_mode=False); "
        "print(*sys.modules, file=sys.stderr)"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stderr.split()

    heavy = {"msgspec", "sqlite3", "sqlite_utils", "httpx", "icu", "asyncio", "logging"}
    assert not heavy & set(loaded)
    assert not {name for name in loaded if name.startswith("dendro_local.client")}


@pytest.mark.process
def test_a_reader_that_is_gone_is_no_traceback(start: Start, submit: Submit) -> None:
    submit("hello_world_1")
    reading, writing = os.pipe()
    os.close(reading)

    listing = start("jobs", "--json", stdout=writing)

    os.close(writing)
    assert listing.communicate(timeout=LIMIT_SEC)[1] == ""
    assert listing.returncode == 141


@pytest.mark.process
def test_a_terminal_gets_colours_unless_it_wants_none(
    submit: Submit, run_in_terminal: RunInTerminal
) -> None:
    submit("hello_world_1", "--wait")

    assert click.style("completed", fg="green") in run_in_terminal("jobs")[1]
    assert "\x1b" not in run_in_terminal("jobs", NO_COLOR="1")[1]
