"""The console on the page of a job, in a real browser: as a terminal shows it, however long."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dendro_local.hub import Claim, NewJob, RunResult
from dendro_local.local_hub import LocalHub
from tests.hub.conftest import Worker
from tests.live_hub import LiveHub
from tests.server.pages.conftest import LIMIT_MS, Visit
from tests.server.test_browser import browser  # noqa: F401 - a fixture

pytestmark = pytest.mark.process

Greeting = Callable[..., NewJob]

GIB = 1 << 30

INJECTIONS = (
    "<script>window.hasRun = 1</script>",
    "<img src=x onerror='window.hasRun = 1'>",
    "</pre></section><svg onload='window.hasRun = 1'>",
    "\x1b]8;;javascript:window.hasRun=1\x07click\x1b]8;;\x07",
    "\x1b[38;5;<script>window.hasRun=1</script>m",
    "{{ 7 * 7 }} ${window.hasRun = 1} `window.hasRun = 1`",
    "&lt;b&gt; &#60;script&#62;",
    "\x1b[31m<style>*{display:none}</style>\x1b[0m",
    "\x00\x01\x9b31m\u202ereversed\u2028line",
)

SHOW = """async text => {
    const {Line} = await import("/static/pages/console_terminal.js")
    const line = new Line()
    for (const piece of text) line.print(piece)
    return line.segments()
}"""

IN_VIEW = """() => {
    const inView = document.getElementById("console-view").getBoundingClientRect()
    const isShown = each => {
        const box = each.getBoundingClientRect()
        return box.bottom > inView.top + 1 && box.top < inView.bottom - 1
    }
    return [...document.querySelectorAll(".console-lines > div")].filter(isShown)
        .map(each => each.textContent)
}"""

MIDDLE = b"5 is in the middle\n" * 500_000

SCROLL = """place => {
    const view = document.getElementById("console-view")
    view.scrollTop = place * (view.scrollHeight - view.clientHeight)
}"""

SETTLED = """async () => {
    const view = document.getElementById("console-view")
    const heights = () => [...view.children].map(each => each.offsetHeight)
    const state = () => [view.scrollTop, ...heights()].join()
    for (let same = 0, last = null; same < 8; ) {
        await new Promise(requestAnimationFrame)
        const now = state()
        same = now === last ? same + 1 : 0
        last = now
    }
}"""
"""When nothing has moved for some frames: longer than the page waits before it asks for more."""

NUM_LINES = "document.querySelectorAll('.console-lines > div').length"


@pytest.fixture
def running(hub: LocalHub, worker: Worker, greeting: Greeting) -> Claim:
    """A job that runs and has printed nothing."""
    hub.submit([greeting("a")])
    claim = worker.claim()
    hub.set_running(claim)
    claim.folder.mkdir(parents=True)
    return claim


def prints(claim: Claim, text: str | bytes) -> None:
    """The job prints more."""
    content = text if isinstance(text, bytes) else text.encode()
    with (claim.folder / "console.txt").open("ab") as console:
        console.write(content)


def page_of(visit: Visit, claim: Claim, **options: Any) -> Page:
    """The page of a job, when its console is shown."""
    page = visit(f"/jobs/{claim.job.jobId}", **options)
    page.wait_for_selector("#console[data-is-ready]")
    return page


def lines_in_view(page: Page) -> list[str]:
    found: list[str] = page.evaluate(IN_VIEW)
    return found


def scroll(page: Page, place: float) -> None:
    """Scroll to a part of all, between 0 and 1."""
    page.evaluate(SCROLL, place)


def shown(page: Page, text: str) -> None:
    """Wait until a line with this text is loaded."""
    expect(page.locator(".console-lines")).to_contain_text(text)


def numbers(lines: list[str]) -> list[int]:
    """The numbers with which lines begin."""
    return [int(line.split()[0]) for line in lines]


def test_a_console_is_followed_while_its_job_prints(
    visit: Visit, hub: LocalHub, worker: Worker, running: Claim
) -> None:
    page = page_of(visit, running)
    expect(page.locator("#console-told")).to_have_text("Nothing yet.")
    expect(page.locator("#console-follow")).to_be_checked()

    prints(running, "".join(f"{number} printed\n" for number in range(200)) + "half a li")
    shown(page, "half a li")
    prints(running, "ne\nthe caf\xc3".encode("latin-1"))
    prints(running, b"\xa9\n")

    shown(page, "half a line")
    shown(page, "the caf\u00e9")
    assert lines_in_view(page)[-1] == "the caf\u00e9"
    console = running.folder / "console.txt"
    hub.complete(running, RunResult(outputs={"output": worker.file("o", b"x")}, console=console))
    expect(page.locator("#console-follow")).to_be_disabled()
    expect(page.locator("#job-head .status")).to_have_text("completed")
    assert page.evaluate(NUM_LINES) == 202


def test_whoever_scrolls_back_is_left_there_and_can_follow_again(
    visit: Visit, running: Claim
) -> None:
    prints(running, "".join(f"{number} printed\n" for number in range(500)))
    page = page_of(visit, running)
    shown(page, "499 printed")

    scroll(page, 0.3)
    expect(page.locator("#console-follow")).not_to_be_checked()
    before = lines_in_view(page)
    prints(running, "".join(f"{number} printed\n" for number in range(500, 600)))
    page.check("#console-follow")
    shown(page, "599 printed")

    assert before[0] != "0 printed"
    assert before[-1] != "499 printed"
    assert lines_in_view(page)[-1] == "599 printed"


def test_a_job_that_runs_anew_begins_its_console_anew(
    visit: Visit, hub: LocalHub, worker: Worker, running: Claim
) -> None:
    prints(running, "of the first attempt\n")
    page = page_of(visit, running)
    shown(page, "of the first attempt")

    hub.give_up(running)
    second = worker.claim()
    second.folder.mkdir(parents=True)
    prints(second, "of the second\n")

    shown(page, "of the second")
    assert lines_in_view(page) == ["of the second"]


def test_a_console_goes_on_when_the_hub_is_back(
    browser: Browser,  # noqa: F811 - the fixture
    hub: LocalHub,
    running: Claim,
) -> None:
    live = LiveHub(hub)
    visit = Visit(browser, live)
    prints(running, "before\n")
    page = page_of(visit, running)
    shown(page, "before")

    live.stop()
    expect(page.locator("#connection")).to_have_text("Connection lost, trying again")
    prints(running, "meanwhile\n")
    again = LiveHub(hub, port=live.port)
    shown(page, "meanwhile")
    prints(running, "after\n")
    shown(page, "after")

    assert lines_in_view(page) == ["before", "meanwhile", "after"]
    visit.close()
    again.stop()


def test_it_is_shown_as_a_terminal_would_show_it(visit: Visit, running: Claim) -> None:
    page = page_of(visit, running)
    red, bold, none = "\x1b[31m", "\x1b[1m", "\x1b[0m"

    def terminal(*pieces: str) -> Any:
        return page.evaluate(SHOW, list(pieces))

    assert terminal("plain\ttext") == [["plain\ttext", ""]]
    assert terminal("  0%|   |", "\r 50%|#  |\r", "100%|###|") == [["100%|###|", ""]]
    assert terminal("a long line\rshort") == [["shortg line", ""]]
    assert terminal("a long line\r\x1b[Kshort") == [["short", ""]]
    assert terminal("abc\b\bX") == [["aXc", ""]]
    assert terminal("ends with a return\r") == [["ends with a return", ""]]
    assert terminal(f"a {red}red {bold}b{none} c") == [
        ["a ", ""],
        ["red ", "t-front-1"],
        ["b", "t-bold t-front-1"],
        [" c", ""],
    ]
    assert terminal("\x1b[38;5;196mr\x1b[38;2;0;200;0mg\x1b[39;44mb") == [
        ["r", "t-front-9"],
        ["g", "t-front-2"],
        ["b", "t-back-4"],
    ]
    assert terminal("cut \x1b", "[3", "2mgreen") == [["cut ", ""], ["green", "t-front-2"]]
    assert terminal("\x1b]0;title\x07\x1b(Bx\x1b[?25l\x1b[2Ay\x07") == [["xy", ""]]
    assert terminal("\x1b]8;;http://a", "\x1b", "\\link") == [["link", ""]]
    assert terminal("\U0001f600\rx") == [["x", ""]]


def test_colours_and_progress_bars_are_shown_on_the_page(visit: Visit, running: Claim) -> None:
    bar = "".join(f"\r{percent:3}%|{'#' * (percent // 10):10}|" for percent in range(101))
    prints(running, f"\x1b[32mgreen\x1b[0m\n{bar}\n\x1b[1mstill\nbold\x1b[0m\n")

    page = page_of(visit, running)

    assert lines_in_view(page) == ["green", "100%|##########|", "still", "bold"]
    green = page.locator(".console-lines .t-front-2")
    assert green.inner_text() == "green"
    assert green.evaluate("each => getComputedStyle(each).color") != page.evaluate(
        "getComputedStyle(document.body).color"
    )
    assert page.locator(".console-lines .t-bold").all_inner_texts() == ["still", "bold"]


def test_nothing_that_is_printed_runs(visit: Visit, running: Claim) -> None:
    prints(running, "\n".join(INJECTIONS) + "\n")

    page = page_of(visit, running)
    prints(running, "\n".join(INJECTIONS) + "\nend\n")
    shown(page, "end")

    assert page.evaluate("window.hasRun") is None
    assert "<img src=x onerror='window.hasRun = 1'>" in lines_in_view(page)
    assert page.locator("#console-view").locator("script, img, svg, a, style").count() == 0
    plain = visit(f"/jobs/{running.job.jobId}", java_script_enabled=False)
    assert plain.locator("#console-view").locator("script, img, svg, a, style").count() == 0
    assert "{{ 7 * 7 }}" in plain.inner_text("#console-view")


def test_a_console_is_searched_in_both_directions(visit: Visit, running: Claim) -> None:
    lines = [f"{number} nothing" for number in range(30_000)]
    lines[100] = "100 Needle \x1b[31mone\x1b[0m"
    lines[20_000] = "20000 needle two"
    prints(running, "\n".join(lines) + "\n")
    page = page_of(visit, running)
    told = page.locator("#console-found")
    marked = page.locator(".console-lines .is-found")

    page.fill("#console-search input", "needle")
    page.press("#console-search input", "Enter")
    expect(marked).to_have_text("100 Needle one")
    page.press("#console-search input", "Enter")
    expect(marked).to_have_text("20000 needle two")
    page.press("#console-search input", "Enter")
    expect(marked).to_have_text("100 Needle one")
    expect(told).to_have_text("Found at 0 %, from the beginning on")
    page.press("#console-search input", "Shift+Enter")
    expect(marked).to_have_text("20000 needle two")
    assert "20000 needle two" in lines_in_view(page)
    assert page.evaluate("CSS.highlights.get('found').size") == 1
    page.fill("#console-search input", "not there at all")
    page.click("#console-search button[value=before]")
    expect(told).to_have_text("Not found")


def test_scrolling_shows_line_after_line_and_keeps_few_of_them(
    visit: Visit, running: Claim
) -> None:
    prints(running, "".join(f"{number} {'x' * (number % 90)}\n" for number in range(40_000)))
    page = page_of(visit, running)
    page.hover("#console-view")
    seen = numbers(lines_in_view(page))
    assert seen[-1] == 39_999

    for _ in range(12):
        page.mouse.wheel(0, -4000)
        scrolled_above(page, seen[0])
        settled(page)
        now = numbers(lines_in_view(page))
        assert now == list(range(now[0], now[-1] + 1))
        assert now[0] < seen[0]
        seen = now
        assert page.evaluate(NUM_LINES) < 8_000
    assert seen[0] < 39_000
    page.focus("#console-view")
    page.keyboard.press("Home")
    expect(page.locator(".console-lines > div").first).to_have_text("0 ")
    settled(page)
    assert lines_in_view(page)[0] == "0 "
    for _ in range(4):
        page.keyboard.press("PageDown")
        settled(page)
    now = numbers(lines_in_view(page))
    assert now == list(range(now[0], now[-1] + 1))
    assert now[0] > 40


def scrolled_above(page: Page, number: int) -> None:
    """Wait until the line with a number is not the first one in view any more."""
    ends_at = time.monotonic() + LIMIT_MS / 1000
    while (lines := lines_in_view(page)) and numbers(lines)[0] >= number:
        assert time.monotonic() < ends_at
        page.wait_for_timeout(20)


def settled(page: Page) -> None:
    """Wait until what is scrolled to is shown, and nothing is on its way."""
    page.evaluate(SETTLED)


def test_a_console_of_a_gigabyte_is_shown_and_searched_anywhere(
    visit: Visit, running: Claim
) -> None:
    # Its holes take no room on the disk; they read as what no terminal shows.
    with (running.folder / "console.txt").open("wb") as console:
        console.write(b"1 is the first line\n")
        console.seek(GIB // 2 - len(MIDDLE) // 2)
        console.write(MIDDLE)
        console.seek(GIB - 5000)
        console.write(b"\nneedle 8\n9 is the last line\n")
    page = page_of(visit, running)
    assert lines_in_view(page)[-1] == "9 is the last line"

    scroll(page, 0)
    shown(page, "1 is the first line")
    scroll(page, 0.5)
    shown(page, "5 is in the middle")
    settled(page)
    assert set(lines_in_view(page)) == {"5 is in the middle"}
    assert page.evaluate(NUM_LINES) < 20_000
    page.fill("#console-search input", "needle")
    page.press("#console-search input", "Enter")
    expect(page.locator(".console-lines .is-found")).to_have_text("needle 8")


def test_long_lines_are_wrapped_on_wish(visit: Visit, running: Claim) -> None:
    prints(running, f"{'long ' * 400}\nend\n")
    page = page_of(visit, running)
    wide = "document.getElementById('console-view').scrollWidth"
    assert page.evaluate(wide) > 2000

    page.check("#console-wrap")

    assert page.evaluate(wide) < 1300
    page.reload()
    page.wait_for_selector("#console[data-is-ready]")
    expect(page.locator("#console-wrap")).to_be_checked()


def test_it_is_downloaded_as_it_is(visit: Visit, running: Claim, tmp_path: Path) -> None:
    prints(running, b"\x1b[31mraw\xff\r\n")
    page = page_of(visit, running)

    with page.expect_download() as download:
        page.click("#console a[download]")

    assert download.value.suggested_filename == f"console-{running.job.jobId}.txt"
    assert download.value.path().read_bytes() == b"\x1b[31mraw\xff\r\n"


def test_without_a_script_its_end_is_read_as_plain_text(visit: Visit, running: Claim) -> None:
    prints(running, "old\n" * 40_000 + "10%\r\x1b[32m100%\x1b[0m\nabc\b\bX\n")

    page = visit(f"/jobs/{running.job.jobId}", java_script_enabled=False)

    text = page.inner_text("#console-view")
    assert text.startswith("The last 65.5 kB of 160.0 kB.")
    assert text.rstrip().endswith("old\n100%\naXc")
