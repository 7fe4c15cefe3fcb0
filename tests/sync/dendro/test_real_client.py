"""The original's own client finds and reads what was pushed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_sync.remotes.dendro import DendroRemote, HubKeys
from tests.sync.dendro.contract_only import ContractOnly
from tests.sync.dendro.records import SERVICE, made_job, push

pytestmark = pytest.mark.process

CLIENT = Path(__file__).parents[2] / "server" / "real_client"

SUBMIT_BOTH = """
from asking import *

parent = submit(
    "make", app="shapes", outputs=["output"], parameters=[("name", "disk")], tags=["theirs"]
)
child = submit(
    "count",
    app="shapes",
    inputs=[("input", parent.outputFileResults[0].url)],
    parameters=[("name", "six")],
)
tell(
    status=[parent.status, child.status],
    ids=[parent.jobId, child.jobId],
    outputs=[read(job.outputFileResults[0].url).decode() for job in (parent, child)],
    console=read(parent.consoleOutputUrl).decode(),
)
"""


def asked_by_the_original(contract: ContractOnly, key: str, code: str, folder: Path) -> Any:
    """What a script of the original's client tells, whose user has this key."""
    script = f"import sys; sys.path.insert(0, {str(CLIENT)!r})\n{code}"
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DENDRO_API_URL": contract.url,
            "DENDRO_API_KEY": key,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_the_originals_client_hits_what_was_pushed_and_reads_it(
    remote: DendroRemote, user_keys: HubKeys, contract: ContractOnly, there: LocalHub,
    tmp_path: Path,
) -> None:  # fmt: skip
    parent = made_job("disk", output=b"a disk", console=b"making\n")
    child = made_job("six", parent=parent, output=b"6")
    assert push(remote, tmp_path / "files", parent, child) == []

    told = asked_by_the_original(contract, user_keys.api_key or "", SUBMIT_BOTH, tmp_path)

    assert told["status"] == ["completed", "completed"]
    assert told["outputs"] == ["a disk", "6"]
    assert told["console"] == "making\n"
    jobs = there.find_jobs(JobQuery(service=SERVICE))
    assert {job.jobId for job in jobs} == set(told["ids"])
