"""Every screenshot in the docs can be made again, and is small enough to be kept."""

import re
from pathlib import Path

from tests.screenshots.shots import SHOTS

DOCS = Path(__file__).parents[2] / "docs"
MOST_BYTES = 1_500_000


def test_every_screenshot_is_made_by_the_command_and_shown_with_words() -> None:
    shown = re.findall(r"!\[([^\]]+)\]\(images/([\w-]+)\.png\)", (DOCS / "pages.md").read_text())
    kept = list((DOCS / "images").glob("*.png"))

    assert sorted(name for _, name in shown) == sorted(each.name for each in SHOTS)
    assert sorted(file.stem for file in kept) == sorted(each.name for each in SHOTS)
    assert sum(file.stat().st_size for file in kept) < MOST_BYTES
