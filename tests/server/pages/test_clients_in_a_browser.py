"""The page of compute clients in a real browser: live, and good for adding a machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dendro_local.local_hub import LocalHub
from tests.hub.conftest import NewJobMaker, Worker
from tests.server.conftest import SERVICE
from tests.server.pages.conftest import Visit

pytestmark = pytest.mark.process


def test_slots_fill_and_empty_while_one_looks(
    visit: Visit, hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    page = visit("/clients")
    alive = page.locator("#alive")
    expect(alive).to_contain_text("It waits for jobs.")

    job = hub.submit([greeting()])[0]
    expect(page.locator("#waiting")).to_contain_text(job.jobId[:8])
    claim = worker.claim()
    hub.set_running(claim)
    row = page.locator(f"#busy-{job.jobId}")
    expect(row).to_contain_text("running")
    expect(row).to_contain_text("1 CPU, 1 GB")
    expect(alive).to_contain_text("1 of ")
    expect(page.locator("#waiting")).to_contain_text("No job waits.")

    hub.fail(claim, "ValueError: boom", None)
    expect(row).to_have_count(0)


def test_the_command_that_is_shown_makes_a_machine_run_jobs(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    job = hub.submit([greeting("from afar")])[0]
    page = visit("/clients")
    page.fill("#name", "workstation")
    page.check(f"input[value={SERVICE}]")
    page.click("button:has-text('Register')")
    expect(page.locator("h1")).to_have_text("workstation is registered")
    command = page.inner_text(".command code")

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("DENDRO_")
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    finished = subprocess.run(
        ["bash", "-euc", f"{command} --exit-when-idle"],
        cwd=elsewhere,
        env={**environment, "PATH": path, "DENDRO_LOCAL_DIR": str(elsewhere / "store")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    ended = hub.get_job(job.jobId)
    assert (ended.status, ended.computeClientName) == ("completed", "workstation")
    key_file = elsewhere / "dendro-compute-client.yaml"
    assert key_file.stat().st_mode & 0o077 == 0
    [key] = re.findall("private_key: (.*)", key_file.read_text())
    page.click("text=Its page")
    state = page.locator("#state")
    expect(state).to_contain_text("Last seen")
    expect(state).not_to_contain_text("never")
    assert key not in page.content()
