"""Exchanges with remotes as a person follows them, in a real browser and between real hubs."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dendro_local.errors import Conflict
from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_local.v1 import NewExchange, RemoteEntry
from dendro_sync import add_remote, pull, trust_key
from tests.hub.conftest import NewJobMaker
from tests.live_hub import LiveHub
from tests.server.pages.conftest import Visit
from tests.server.pages.far_hub import FarHub
from tests.server.pages.gated_proxy import GatedProxy

pytestmark = pytest.mark.process

LIMIT_SEC = 60.0

SIZE = 3_000_000

STAY = "window.isTheSamePage = true"


def state_of(remote: RemoteEntry) -> str:
    """How the exchange with a remote stands, and whether bytes have moved."""
    exchange = remote.exchange
    assert exchange is not None
    progress = exchange.progress
    has_moved_some = progress is not None and progress.bytes_done > 0
    return f"{exchange.status} {'with' if has_moved_some else 'without'} bytes"


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    ends_at = time.monotonic() + LIMIT_SEC
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


@pytest.fixture
def far(tmp_path: Path, greeting: NewJobMaker) -> Iterator[FarHub]:
    """Another hub, with a job that left a larger file."""
    far = FarHub(tmp_path, greeting)
    far.complete("far", b"x" * SIZE)
    yield far
    far.close()


@pytest.fixture
def gate(far: FarHub) -> Iterator[GatedProxy]:
    """A way there, which is shut in the middle of the file."""
    gate = GatedProxy(far.live.port, SIZE // 2)
    yield gate
    gate.close()


def test_a_remote_is_added_asked_trusted_tried_and_pulled_from(
    visit: Visit, hub: LocalHub, far: FarHub, gate: GatedProxy
) -> None:
    page = visit("/remotes", viewport={"width": 390, "height": 800})
    page.fill("#name", "far")
    page.fill("#url", gate.url)
    page.fill("#key", far.key())
    page.click("text=Add the remote")
    expect(page.locator("h1")).to_have_text("far")

    page.click("text=Ask it what it has")
    expect(page.locator("#answer")).to_contain_text("not trusted")
    page.click("text=Trust this key")
    expect(page.locator("#answer .is-ok")).to_have_text("trusted")
    page.click("text=Show what would move")
    expect(page.locator("#report-pull")).to_contain_text("3.0 MB")
    expect(page.locator("#exchange [role=status]")).to_have_text("done")
    assert hub.find_jobs(JobQuery()) == []

    page.click("button:has-text('Pull')")
    expect(page.locator("#exchange [role=status]")).to_have_text("pulling")
    page.evaluate(STAY)
    figures = page.locator("#exchange .figures")
    expect(figures).to_contain_text("MB of 3.0 MB")
    expect(page.locator("#exchange progress")).to_have_attribute("max", str(SIZE))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    listed = visit("/remotes")
    expect(listed.locator("#remote-far")).to_contain_text("pulling")

    gate.open()
    expect(page.locator("#exchange [role=status]")).to_have_text("done")
    expect(listed.locator("#remote-far .status")).to_have_text("done")
    expect(page.locator("#report-pull")).to_contain_text("3.0 MB")
    expect(page.locator("#facts")).to_contain_text("Last push\nnever", use_inner_text=True)
    expect(page.locator("#facts")).not_to_contain_text("Last pull\nnever", use_inner_text=True)
    assert page.evaluate("window.isTheSamePage === true")
    assert [job.status for job in hub.find_jobs(JobQuery())] == ["completed"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_pull_that_is_canceled_goes_on_later_from_where_it_was(
    visit: Visit, hub: LocalHub, far: FarHub, gate: GatedProxy
) -> None:
    trust_key(hub, "far", far.public_key)
    add_remote(hub, "far", gate.url)
    page = visit("/remotes/far")
    status = page.locator("#exchange [role=status]")
    page.click("button:has-text('Pull')")
    expect(page.locator("#exchange .figures")).to_contain_text("MB of 3.0 MB")

    page.click("button:has-text('Cancel')")
    expect(status).to_have_text("ending")
    expect(page.locator("button:has-text('Cancel')")).to_be_disabled()
    gate.open()
    expect(status).to_have_text("canceled")
    assert hub.find_jobs(JobQuery()) == []

    page.click("button:has-text('Pull')")
    expect(status).to_have_text("done")
    moved = page.locator("#report-pull [data-label=Bytes] .num").get_attribute("title")
    assert moved is not None
    assert int(moved.removesuffix(" bytes").replace(",", "")) < SIZE
    [job] = hub.find_jobs(JobQuery())
    assert hub.output_file(job.jobId, "output").stat().st_size == SIZE


def test_one_exchange_goes_on_at_a_time_and_ends_with_the_hub(
    hub: LocalHub, live: LiveHub, far: FarHub, gate: GatedProxy
) -> None:
    trust_key(hub, "far", far.public_key)
    add_remote(hub, "far", gate.url)
    exchanges = live.site.exchanges()
    exchanges.start("far", NewExchange(direction="pull"))
    with pytest.raises(Conflict, match="under way already"):
        exchanges.start("far", NewExchange(direction="pull"))
    with pytest.raises(Conflict, match="Cancel it first"):
        exchanges.remove("far")
    until(lambda: state_of(exchanges.remote("far")) == "running with bytes")

    stopping = threading.Thread(target=live.stop)
    stopping.start()
    until(lambda: state_of(exchanges.remote("far")) == "canceling with bytes")
    gate.open()
    stopping.join(LIMIT_SEC)

    assert exchanges.cancel("far").status == "canceled"
    with pytest.raises(Conflict, match="about to end"):
        exchanges.start("far", NewExchange(direction="pull"))
    assert pull(hub, "far").new == 1


def test_without_a_script_an_exchange_is_begun_followed_and_read(
    visit: Visit, hub: LocalHub, far: FarHub, gate: GatedProxy
) -> None:
    trust_key(hub, "far", far.public_key)
    add_remote(hub, "far", gate.url)
    page = visit("/remotes", java_script_enabled=False)

    page.click("#remote-far button:has-text('Sync')")
    expect(page.locator("h1")).to_have_text("far")

    def read_again() -> str:
        with page.expect_navigation():
            page.click("noscript a")  # Playwright finds no texts in there
        return page.inner_text("#exchange")

    until(lambda: "MB of 3.0 MB" in read_again())
    gate.open()
    until(lambda: "done" in read_again())
    expect(page.locator("#exchange [role=status]")).to_have_text("done")
    expect(page.locator("#report-pull")).to_contain_text("3.0 MB")
