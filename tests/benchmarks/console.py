"""Consoles in a browser: one of a gigabyte, and one that very many pages follow while it grows."""

import os
import selectors
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

from dendro_local.compute import machine_capacity, machine_slots
from dendro_local.hub import Claim
from dendro_local.local_hub import LocalHub
from tests.benchmarks.figure import Figure, duration
from tests.benchmarks.processes import ProcessFailed
from tests.benchmarks.served_jobs import new_greeting, server_of
from tests.benchmarks.stores import Stores
from tests.benchmarks.upload import served

__all__ = ["console"]

VIEW_LIMIT_SEC = 0.3
BEHIND_LIMIT_SEC = 2.0
LINES_A_SECOND = 1_000
LINE = "epoch 17, batch 4,711 of 10,000: loss 0.0173, 412 units, 3.2 s ........................\n"
FOLLOWED_SEC = 15.0
WARM_UP_SEC = 5.0
GIVE_UP_SEC = 60.0

WATCH = """
    document.addEventListener("DOMContentLoaded", () => {
        const look = () => document.getElementById("console")?.dataset.isReady
            ? (window.consoleReadyMs = performance.now()) : requestAnimationFrame(look)
        look()
    })
"""
"""When the console was shown, from when the page was asked for."""

READY = """async () => {
    while (window.consoleReadyMs === undefined) await new Promise(requestAnimationFrame)
    return window.consoleReadyMs
}"""

SCROLL = """async place => {
    const view = document.getElementById("console-view")
    const lines = document.querySelector(".console-lines")
    const isShown = () => {
        const inView = view.getBoundingClientRect()
        return [...lines.children].some(each => {
            const box = each.getBoundingClientRect()
            return box.bottom > inView.top && box.top < inView.bottom
        })
    }
    const begun = performance.now()
    view.scrollTop = place * view.scrollHeight
    do { await new Promise(requestAnimationFrame) } while (!isShown())
    return performance.now() - begun
}"""


def console(stores: Stores) -> Iterator[Figure]:
    """The first view of a very long console and steps in it; and how far followers fall behind."""
    folder = stores.folder("console")
    hub = LocalHub(folder)
    yield from _long(hub, stores.size(1 << 30, quick=1 << 26), stores.size(40, quick=10))
    yield from _followed(hub, stores.size(500, quick=50))
    hub.close()


def _long(hub: LocalHub, size: int, num_steps: int) -> Iterator[Figure]:
    claim = _running(hub, "long")
    _write(claim.folder / "console.txt", size)
    token = hub.new_login_token(hub.user_id)
    with served(hub.store.folder.root) as url, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.add_init_script(WATCH)
        page.goto(f"{url}/login?token={token}")
        views = [_first_view(page, f"{url}/jobs/{claim.job.jobId}") for _ in range(10)][1:]
        page.uncheck("#console-follow")
        # Places that are far from each other, and all over it.
        places = [(number * 0.381966) % 1 for number in range(1, num_steps + 1)]
        steps = [float(page.evaluate(SCROLL, place)) / 1e3 for place in places]
        browser.close()
    what = f"first view of a job with a console of {size >> 20:,} MiB"
    yield _within(what, views, median(views))
    yield _within("  scrolled to anywhere in it, the slowest", steps, max(steps))


def _within(what: str, times: Sequence[float], judged: float) -> Figure:
    return Figure(
        what=what,
        measured=f"p50 {duration(median(times))}, slowest {duration(max(times))}",
        budget=f"at most {duration(VIEW_LIMIT_SEC)}",
        is_met=judged <= VIEW_LIMIT_SEC,
    )


def _first_view(page: Page, url: str) -> float:
    page.goto(url)
    page.wait_for_selector("#console[data-is-ready]")
    return float(page.evaluate(READY)) / 1e3


def _followed(hub: LocalHub, count: int) -> Iterator[Figure]:
    claim = _running(hub, "followed")
    with served(hub.store.folder.root) as url:
        process = server_of(url)
        before = process.memory_info().rss
        followers = [_follow(url, claim) for _ in range(count)]
        has_ended = threading.Event()
        printing = threading.Thread(target=_print, args=(claim.folder / "console.txt", has_ended))
        printing.start()
        cpu = process.cpu_times()
        try:
            behind = _furthest_behind(followers)
        finally:
            has_ended.set()
            printing.join()
        used = process.cpu_times()
        more_mb = (process.memory_info().rss - before) / 1e6
        for each in followers:
            each.close()
    busy = (used.user + used.system - cpu.user - cpu.system) / (FOLLOWED_SEC + WARM_UP_SEC)
    yield Figure(
        what=f"{count:,} followers of a console, {LINES_A_SECOND:,} lines a second",
        measured=f"furthest behind: {duration(behind)}",
        budget=f"at most {duration(BEHIND_LIMIT_SEC)}",
        is_met=behind <= BEHIND_LIMIT_SEC,
    )
    yield Figure(
        what="  the server meanwhile",
        measured=f"{more_mb:.0f} MB more, {100 * busy:.0f} % of a core",
    )


def _running(hub: LocalHub, name: str) -> Claim:
    """A job that runs and has printed nothing."""
    hub.submit([new_greeting(name)])
    capacity = machine_capacity()
    slots = machine_slots(capacity)
    claim = hub.claim_next(hub.begin_run(slots, serves_all=True), slots, capacity)
    if claim is None:
        raise ProcessFailed("the job cannot be claimed")
    hub.set_running(claim)
    claim.folder.mkdir(parents=True, exist_ok=True)
    (claim.folder / "console.txt").touch()
    return claim


def _write(file: Path, size: int) -> None:
    piece = "".join(f"{number:7d} {LINE}" for number in range(10_000)).encode()
    with file.open("wb", buffering=0) as stream:
        for _ in range(size // len(piece)):
            stream.write(piece)


def _print(file: Path, has_ended: threading.Event) -> None:
    """Print lines that begin with the time, as many a second as there are to be."""
    begun = time.time()
    printed = 0
    with file.open("ab", buffering=0) as stream:
        while not has_ended.wait(0.02):
            due = int((time.time() - begun) * LINES_A_SECOND)
            stream.write(f"@{time.time():.3f} {LINE}".encode() * (due - printed))
            printed = due


def _follow(url: str, claim: Claim) -> socket.socket:
    parts = urlsplit(url)
    follower = socket.create_connection((parts.hostname, parts.port), timeout=GIVE_UP_SEC)
    follower.sendall(
        f"GET /v1/jobs/{claim.job.jobId}/console HTTP/1.1\r\nHost: localhost\r\n"
        "Accept: text/event-stream\r\n\r\n".encode()
    )
    return follower


def _furthest_behind(followers: Sequence[socket.socket]) -> float:
    """The greatest age that the last line of any follower reached before it got the next.

    Raises:
        ProcessFailed: one was hung up on.
    """
    begun = time.time()
    latest = {each.fileno(): begun + WARM_UP_SEC for each in followers}
    furthest = 0.0
    with selectors.DefaultSelector() as selector:
        for each in followers:
            selector.register(each, selectors.EVENT_READ)
        while (now := time.time()) < begun + WARM_UP_SEC + FOLLOWED_SEC:
            for key, _ in selector.select(0.1):
                piece = os.read(key.fd, 1 << 18)
                if not piece:
                    raise ProcessFailed("a follower was hung up on")
                at = piece.rfind(b"@", 0, len(piece) - 20)
                if at < 0:
                    continue
                if now > begun + WARM_UP_SEC:
                    furthest = max(furthest, now - latest[key.fd])
                latest[key.fd] = max(float(piece[at + 1 : at + 15]), latest[key.fd])
    return max(furthest, *(time.time() - each for each in latest.values()))
