"""Twelve screens at four widths, in light and dark: what is kept of each is a dot for each block (tests/webui/comparing.py), in 2 KB.

`make snapshots` takes them again and lays the pictures in var/snapshots/widths/. Look at each before you commit.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.webui import comparing
from tests.webui.shell.test_snapshots import (
    FAILED,
    RENEW,
    SCHEMES,
    Seat,
    ask,
    browser,
    decisions,
    desk,
    reports,
    rules,
    seat,
    sender,
    sign_in,
)
from tests.webui.site import Site

__all__ = ["browser", "desk", "seat"]

pytestmark = pytest.mark.long
WIDTHS = {390: 844, 1024: 768, 1440: 900, 1920: 1080}  # and heights, in pixels
KEPT = Path(__file__).parents[1] / "snapshots" / "widths"


def queue(desk: Site, page: Page) -> None:
    """The queue, nothing open."""
    desk.open_console(page, "ida")
    expect(page.get_by_role("option").nth(3)).to_be_visible()


def removal(desk: Site, page: Page) -> None:
    """The sheet of a removal of a wave."""
    desk.open_console(page, "ida", "/?sort=risk")
    page.get_by_role("option").filter(has_text="Your password expires today").first.click()
    expect(page.get_by_role("heading", name="Your password expires today")).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_role("dialog").get_by_role("heading", name="Will be blocked")).to_be_visible()


def place(path: str, title: str) -> Callable[[Site, Page], None]:
    """A page by its path."""

    def come(desk: Site, page: Page) -> None:
        desk.open_console(page, "ida", path)
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()

    return come


SCREENS: dict[str, Callable[[Site, Page], None]] = {
    "sign_in": sign_in,
    "queue": queue,
    "removal": removal,
    "campaigns": place("/campaigns", "Campaigns"),
    "decisions": decisions,
    "rules": rules,
    "contacts": place("/contacts", "Contacts"),
    "sender": sender,
    "reports": reports,
    "enforcement": place("/enforcement", "Enforcement"),
    "end_of_shift": place("/end-of-shift", "End of shift"),
    "ask": ask,
}


def differs(name: str, now: Image.Image) -> str:
    """Compares a screen with the dots that are kept of it: how it differs, or "" when it does not; renews them on request."""
    path, dots = KEPT / f"{name}.png", now.convert("RGB").reduce(comparing.BLOCK)
    seen = FAILED / "widths" / f"{name}.png"
    seen.parent.mkdir(parents=True, exist_ok=True)
    was = Image.open(path).convert("RGB") if path.exists() else None
    blocks = comparing.changed_dots(was, dots) if was else None
    if blocks and not comparing.number_of(blocks):
        return ""
    if os.environ.get(RENEW):
        now.save(seen)
        path.parent.mkdir(parents=True, exist_ok=True)
        dots.save(path, optimize=True)
        return ""
    (comparing.marked(now, blocks) if blocks else now).save(seen)
    return f"{name} looks different: {seen}. If that is what you want, `make snapshots`"


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_looks_as_it_did_at_each_width(desk: Site, seat: Seat, screen: str) -> None:
    seat.page.set_viewport_size({"width": 1440, "height": 900})
    SCREENS[screen](desk, seat.page)
    wrong = []
    for width, height in WIDTHS.items():
        seat.page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            seat.page.emulate_media(color_scheme=scheme)
            wrong.append(differs(f"{screen}/{width}-{scheme}", seat.look()))
    assert [one for one in wrong if one] == []
