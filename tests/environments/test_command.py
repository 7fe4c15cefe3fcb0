"""``dendro-local envs``."""

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dendro_local.cli import main
from dendro_local.environments import Environments
from dendro_local.errors import EnvironmentFailed
from tests.environments.conftest import Needs

pytestmark = pytest.mark.process


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["envs", *arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def key(store_folder: Path, environments: Environments, needs: Needs) -> str:
    """The key of an environment of the default store."""
    environments.prepare(needs("rig<2", "probe"), lambda line: None, lambda: False)
    return environments.key(needs("rig<2", "probe"))


@pytest.fixture
def failed(store_folder: Path, environments: Environments, needs: Needs) -> str:
    """The key of one that could not be built."""
    with pytest.raises(EnvironmentFailed):
        environments.prepare(needs("nothing"), lambda line: None, lambda: False)
    return environments.key(needs("nothing"))


def test_a_store_without_any_says_so(store_folder: Path) -> None:
    result = run()

    assert result.stdout == ""
    assert result.stderr.startswith("No environments yet.")
    assert json.loads(run("--json").stdout) == []


def test_they_are_listed_with_their_sizes(key: str) -> None:
    [header, row] = run().stdout.splitlines()

    assert header.split()[:3] == ["KEY", "STATE", "SIZE"]
    assert row.split()[:2] == [key[:12], "ready"]
    assert row.endswith("rig<2, probe")
    assert run("list").stdout == run().stdout
    assert run().stderr.endswith(" in all\n")


def test_each_is_shown_as_json(key: str, failed: str) -> None:
    ready, other = json.loads(run("--json").stdout)

    assert (ready["key"], ready["state"]) == (key, "ready")
    assert ready["packages"] == ["probe==1.0", "rig==1.0"]
    assert ready["size_bytes"] > 1000
    assert (other["key"], other["state"]) == (failed, "failed")
    assert "nothing was not found" in other["error"]
    assert json.loads(run("show", key[:8], "--json").stdout) == ready
    assert json.loads(run("list", "--json").stdout) == [ready, other]


def test_one_is_shown_with_what_is_in_it_and_its_log(key: str, store_folder: Path) -> None:
    shown = run("show", key[:8]).stdout

    assert "rig==1.0" in shown
    assert str(store_folder / "envs" / f"{key}.log") in shown


def test_one_that_could_not_be_built_says_why(failed: str) -> None:
    assert "could not be built: uv ended with exit code 1." in run("show", failed).stdout


def test_one_is_removed_only_when_that_is_said(key: str) -> None:
    refused = run("remove", key[:8], code=2)
    assert key[:12] in refused.stdout
    assert "Nothing was removed: 1 environment of " in refused.stderr

    assert run("remove", key[:8], "--yes").stderr.startswith("Removed 1 environment of ")

    assert json.loads(run("--json").stdout) == []


def test_one_that_is_not_there_is_not_found(key: str) -> None:
    run("show", "zz", code=10)
    run("show", "", code=10)
    run("remove", key, "zz", "--yes", code=10)

    assert len(json.loads(run("--json").stdout)) == 1


def test_those_that_are_not_used_are_pruned(key: str, failed: str, store_folder: Path) -> None:
    run("prune", "--unused-for", "1h", "--yes")
    assert [each["key"] for each in json.loads(run("--json").stdout)] == [key]
    assert run("prune", "--yes").stderr == "No environment has been unused for so long.\n"
    long_ago = time.time() - 31 * 86_400
    os.utime(store_folder / "envs" / key / "ready.json", (long_ago, long_ago))

    run("prune", code=2)
    run("prune", "--yes")

    assert json.loads(run("--json").stdout) == []


@pytest.mark.parametrize("age", ["30", "d", "-1d", "1 month", "1e3d"])
def test_what_is_no_age_is_wrong_usage(store_folder: Path, age: str) -> None:
    assert "is no length of time" in run("prune", "--unused-for", age, code=2).stderr


def test_an_option_before_a_command_is_wrong_usage(store_folder: Path) -> None:
    assert "--json goes after the command" in run("--json", "list", code=2).stderr
