"""A disk that has no room for an environment."""

from pathlib import Path

import pytest

from tests.environments.conftest import Needs
from tests.faults.small_disk import run_on_small_disk

pytestmark = pytest.mark.process

SCRIPT = """
import random
from dendro_local.environments import Environments, requirements_of
from dendro_local.errors import EnvironmentFailed

environments = Environments(store / "envs", {{**os.environ, **{environ!r}}})
requirements = requirements_of(Path({main!r}))
(store / "envs").mkdir(parents=True)

for but_bytes in () if disk.is_limit else (0, 1 << 13, 1 << 15, 1 << 17, 1 << 20):
    disk.fill(but_bytes=but_bytes)
    try:
        python = environments.prepare(requirements, lambda line: None, lambda: False)
    except (DiskFull, EnvironmentFailed) as error:
        assert "No room is left on" in str(error), error
        python = None
    assert environments.ready(requirements) == python
    assert (python is None) or but_bytes > 0
    assert (python is not None) or but_bytes < 1 << 20
    disk.empty()
environments.remove([each.key for each in environments.all()])

assert environments.prepare(requirements, lambda line: None, lambda: False)
"""


def test_a_full_disk_is_named_and_leaves_nothing_that_counts_as_ready(
    tmp_path: Path, environ: dict[str, str], needs: Needs
) -> None:
    changed = {name: value for name, value in environ.items() if name.startswith(("UV_", "PIP_"))}

    run_on_small_disk(
        SCRIPT.format(environ=changed, main=str(needs("rig", "probe").file)), tmp_path / "disk"
    )
