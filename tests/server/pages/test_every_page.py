"""What holds of every page: all can use it, it reads without scripts, and nothing in it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page

from dendro_local.local_hub import LocalHub
from tests.hub.conftest import Worker
from tests.server.pages.conftest import Visit
from tests.server.pages.every_page import Furnished, addresses, furnish

pytestmark = pytest.mark.process

AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

VIOLATIONS = """async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    const how = {runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]}
    const found = await axe.run(document, how)
    return found.violations.map(each =>
        `${each.id}: ${each.nodes.slice(0, 3).map(node => node.html.slice(0, 150)).join(" | ")}`)
}"""

OPEN_DETAILS = "document.querySelectorAll('details').forEach(each => each.open = true)"

RUNS = """() => [...document.querySelectorAll("*")].flatMap(each => [...each.attributes]
    .filter(({name, value}) => name.startsWith("on")
        || name !== "title" && /^\\s*(javascript|data:text|vbscript):/i.test(value)
            && ["href", "src", "action", "formaction", "srcdoc", "xlink:href"].includes(name))
    .map(({name, value}) => `${each.tagName} ${name}=${value}`))"""

WRONG = (
    "\"'><img src=x onerror='window.hasRun=1'><svg onload=window.hasRun=1>` javascript:alert(1) "
    "</script><script>window.hasRun=1</script></textarea></title> <!-- {{ 1234567 * 7654321 }}"
)
"""What would run, or break out of where it stands, if any page took it for more than a text."""

Furnisher = Callable[[str], Furnished]


@pytest.fixture
def furnished(hub: LocalHub, worker: Worker, tmp_path: Path) -> Furnisher:
    """Fill the store: ``furnished('a text')``."""
    return lambda text: furnish(hub, worker, tmp_path / "app", text)


def go(page: Page, visit: Visit, path: str, status: int) -> None:
    """Lead to a page and wait until its scripts have begun."""
    reply = page.goto(visit.live.url + path)
    assert reply is not None
    assert reply.status == status, path


def test_no_page_is_hard_to_use_for_anybody(visit: Visit, furnished: Furnisher) -> None:
    seen = addresses(furnished("plain"))
    page = visit()
    faults: list[tuple[str, ...]] = []

    for each in seen:
        page.set_viewport_size({"width": 1280, "height": 800})
        go(page, visit, each.path, each.status)
        page.evaluate(OPEN_DETAILS)
        page.evaluate(AXE)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            for theme in THEMES if width == 1280 else THEMES[:1]:
                page.emulate_media(color_scheme=theme)
                found = page.evaluate(VIOLATIONS)
                faults += [(each.path, str(width), theme, fault) for fault in found]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append((each.path, str(width), "it is wider than its window"))
    assert faults == []

    page.evaluate("document.querySelector('main').append(new Image())")
    assert page.evaluate(VIOLATIONS) == ["image-alt: <img>"]


def test_every_page_reads_without_a_script(visit: Visit, furnished: Furnisher) -> None:
    seen = addresses(furnished("plain"))
    page = visit(java_script_enabled=False)

    for each in seen:
        go(page, visit, each.path, each.status)

        assert each.says in page.inner_text("main"), each.path
        assert page.locator(".needs-script:visible").count() == 0, each.path
        assert page.inner_text("nav[aria-label=Main] .last") == "local|owner", each.path


def test_nothing_runs_whatever_is_in_any_field(visit: Visit, furnished: Furnisher) -> None:
    seen = addresses(furnished(WRONG))
    page = visit()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))

    for each in seen:
        go(page, visit, each.path, each.status)
        page.evaluate(OPEN_DETAILS)

        assert page.evaluate(RUNS) == [], each.path
        assert page.evaluate("window.hasRun") is None, each.path
        assert page.locator("main :is(script:not([type]), iframe, object)").count() == 0, each.path
        assert str(1234567 * 7654321) not in page.content(), each.path
    assert dialogs == []
