"""Make a demo store and screenshots of its pages: ``python -m tests.screenshots [FOLDER]``.

The store has real jobs, which are run here; it is removed in the end.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from tests.screenshots.demo_store import DemoJobs, submit_demo_jobs
from tests.screenshots.shots import SHOTS, Shot

FOLDER = Path(__file__).parents[2] / "docs" / "images"
LIMIT_SEC = 120.0
LINES = 25
"""So many lines the job that runs has printed when it is shown."""


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dendro-demo-") as temporary:
        store = Path(temporary) / "store"
        os.environ["DENDRO_LOCAL_DIR"] = str(store)
        os.environ["DENDRO_LOCAL_USER"] = "github|ada"
        with closing(LocalHub(store)) as hub, _served() as url:
            jobs = submit_demo_jobs(hub)
            _wait(hub, jobs)
            _push(Path(temporary) / "shared")
            try:
                _take(url, hub, jobs, folder)
            finally:
                hub.cancel(jobs.running.jobId)
    total = sum(file.stat().st_size for file in folder.glob("*.png"))
    print(f"{len(SHOTS)} screenshots in {folder}, {total / 1e6:.2f} MB")


@contextmanager
def _served() -> Iterator[str]:
    """A block in which a process serves the store and runs its jobs; gives its address."""
    command = [sys.executable, "-m", "dendro_local.cli", "up", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def _wait(hub: LocalHub, jobs: DemoJobs) -> None:
    """Until all that ends has ended, and the one that goes on has printed some lines."""
    until = time.monotonic() + LIMIT_SEC
    while True:
        are_done = all(
            hub.get_job(each.jobId).status in ("completed", "failed") for each in jobs.ended
        )
        if are_done and hub.console(jobs.running.jobId).count(b"\n") >= LINES:
            return
        if time.monotonic() > until:
            statuses = [(each.jobId, each.status) for each in hub.find_jobs(JobQuery())]
            raise TimeoutError(f"The jobs of the demo store do not end: {statuses}")
        time.sleep(0.2)


def _push(remote: Path) -> None:
    """Have a remote take what has ended so far."""
    command = [sys.executable, "-m", "dendro_local.cli"]
    subprocess.run([*command, "remote", "add", "shared", str(remote)], check=True)
    subprocess.run([*command, "push", "shared"], check=True)


def _take(url: str, hub: LocalHub, jobs: DemoJobs, folder: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for shot in SHOTS:
            context = browser.new_context(
                viewport={"width": shot.width, "height": 800},
                color_scheme="dark" if shot.is_dark else "light",
            )
            page = context.new_page()
            page.goto(f"{url}/login?token={hub.new_login_token(hub.user_id)}")
            page.goto(url + shot.path(jobs))
            _show(page, shot)
            page.screenshot(path=folder / f"{shot.name}.png")
            context.close()
        browser.close()


def _show(page: Page, shot: Shot) -> None:
    page.locator(shot.waits_for).first.wait_for()
    page.locator(shot.at).first.evaluate("each => each.scrollIntoView()")
    if shot.at == "h1":
        page.evaluate("scrollTo(0, 0)")


if __name__ == "__main__":
    main()
