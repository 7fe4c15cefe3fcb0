"""Environments that are not needed any more."""

import os
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from dendro_local.environments import Environments, Requirements
from dendro_local.errors import Conflict, NotFound
from tests.environments.conftest import Gate, Needs

pytestmark = pytest.mark.process


def prepare(environments: Environments, requirements: Requirements) -> Path:
    python = environments.prepare(requirements, lambda line: None, lambda: False)
    assert python is not None
    return python


def test_nothing_is_left_of_one_that_is_removed(
    environments: Environments, needs: Needs, tmp_path: Path
) -> None:
    prepare(environments, needs("rig"))

    environments.remove([environments.key(needs("rig"))])

    assert list((tmp_path / "store" / "envs").iterdir()) == []
    assert environments.ready(needs("rig")) is None


def test_one_that_was_removed_is_built_again(environments: Environments, needs: Needs) -> None:
    prepare(environments, needs("rig"))
    environments.remove([environments.key(needs("rig"))])

    assert prepare(environments, needs("rig")).exists()


def test_one_that_a_process_runs_is_not_removed(environments: Environments, needs: Needs) -> None:
    unused, used = needs("probe", app="a"), needs("rig", app="b")
    prepare(environments, unused)
    python = prepare(environments, used)
    keys = [environments.key(unused), environments.key(used)]

    code = "print('up', flush=True); input()"
    with subprocess.Popen(
        [python, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()  # until then the system may still show what it was before
        with pytest.raises(Conflict, match=f"in use by the processes {running.pid}; nothing was"):
            environments.remove(keys)
        assert len(environments.all()) == 2
        running.kill()
    environments.remove(keys)

    assert environments.all() == []


def test_one_that_is_being_built_is_not_removed(
    environments: Environments,
    needs: Needs,
    preparing: Callable[[Requirements], "subprocess.Popen[str]"],
    gate: Gate,
) -> None:
    preparing(needs("gated"))
    gate.wait_for_build()

    with pytest.raises(Conflict, match="is being built"):
        environments.remove([environments.key(needs("gated"))])

    assert environments.unused_for(timedelta(0)) == []


def test_one_that_is_not_there_leaves_all_as_they_are(
    environments: Environments, needs: Needs
) -> None:
    prepare(environments, needs("rig"))

    with pytest.raises(NotFound, match=r"No key begins with 'zz'. `dendro-local envs` lists"):
        environments.remove([environments.key(needs("rig")), "zz"])

    assert len(environments.all()) == 1


def test_a_use_is_noted(environments: Environments, needs: Needs) -> None:
    for name in ("rig", "probe"):
        python = prepare(environments, needs(name))
        long_ago = time.time() - 40 * 86_400
        os.utime(python.parents[1] / "ready.json", (long_ago, long_ago))
    assert len(environments.unused_for(timedelta(days=30))) == 2

    environments.ready(needs("rig"))

    assert [info.packages for info in environments.all()] == [("rig==2.0",), ("probe==1.0",)]
    [unused] = environments.unused_for(timedelta(days=30))
    assert unused.packages == ("probe==1.0",)
