"""axe-core over a page: WCAG 2.2 AA, nothing found."""

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "webui" / "node_modules" / "axe-core" / "axe.min.js"
ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


@cache
def axe() -> str:
    """The library's text."""
    return AXE.read_text("utf-8")


def faults(page: Page, minds: dict[str, Any] = ALL) -> list[str]:
    """Faults that axe finds on the page as it is now: the rule, and the first places with the reason.

    It reads a page's styles one after the other, so elements that changed meanwhile are checked again.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe())
    return look(page, minds) and look(page, minds)


def look(page: Page, minds: dict[str, Any]) -> list[str]:
    """Runs axe on a page and lists its violations."""
    found: list[dict[str, Any]] = page.evaluate(
        "minds => axe.run(document, {runOnly: minds, resultTypes: ['violations'], iframes: false}).then(({violations}) => violations)",
        minds,
    )
    return [f"{one['id']}: {one['help']}: {[(node['html'][:160], node['failureSummary']) for node in one['nodes'][:3]]}" for one in found]
