"""The action bar stands in one line in every language and at every width, and no button comes to stand where another one stood."""

import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests import effort
from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import NO_DMARC
from tests.webui.shell.test_places import FRAMES
from tests.webui.shell.test_snapshots import DRAWN_ALIKE, compared, fonts
from tests.webui.site import JOE, Site

WIDTHS = [
    1280,
    *map(effort.long, (1024, 1366, 1440, 1536, 1680, 1760, 1920, 2560)),
]
EVERY = (*range(320, 1000, 68), *range(1024, 2600, 64))
IN_SIGHT = {1024: 4, 1280: 4, 1366: 5, 1440: 5, 1536: 5, 1680: 5, 1760: 5, 1920: 5, 2560: 10}  # buttons of the line; more is better
EDGE = 12  # pixels that stay free at the right
LANGUAGES = ("en-GB", "de-DE")
LINE = ".acts > .button, .acts > .usual > .button"
WHERE = """(line) => Object.fromEntries([...document.querySelectorAll(line)].map((one) => {
    const {left, right, top, bottom} = one.getBoundingClientRect()
    const middle = Math.round((top + bottom) / 2), clipped = one.scrollWidth > one.clientWidth
    return [one.getAttribute('aria-keyshortcuts') ?? 'More', {left, right, middle, clipped}]
}))"""
Line = dict[str, dict[str, Any]]  # the buttons of the line by their keys


@pytest.fixture(scope="module")
def browser(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium that draws letters alike on every machine."""
    alike = browser_peer.launch_browser(browser.browser_type, DRAWN_ALIKE, fonts(tmp_path_factory.mktemp("fonts")))
    yield alike
    alike.close()


@pytest.fixture(params=[effort.long("en-GB"), "de-DE"])
def desk(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A desk in each language."""
    context = browser.new_context(viewport={"width": 1440, "height": 800}, locale=request.param, reduced_motion="reduce")
    context.set_default_timeout(processes.HANG * 1000)
    yield context.new_page()
    context.close()


def resize(page: Page, width: int) -> None:
    """The window has another width, and everything has moved to its place."""
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(FRAMES)


def line(page: Page) -> Line:
    """Position of each button of the bar."""
    found: Line = page.evaluate(WHERE, LINE)
    return found


def wrong(buttons: Line, width: int) -> list[str]:
    """List the buttons that leave the line, are cut, or leave the window."""
    return [
        f"{width}: {name} {what}"
        for name, one in buttons.items()
        for what, is_so in (
            ("is on a line of its own", one["middle"] != next(iter(buttons.values()))["middle"]),
            ("is cut", one["clipped"]),
            ("leaves the window or its edge", one["right"] > width - EDGE + 1 or one["left"] < 0),
        )
        if is_so
    ]


def edges(buttons: Line) -> dict[str, tuple[float, float]]:
    """Left and right edge of each button."""
    return {key: (one["left"], one["right"]) for key, one in buttons.items()}


def taken(before: Line, now: Line) -> list[str]:
    """Buttons that stand where another one stood."""
    return [
        f"{name} where {other} was"
        for name, one in now.items()
        for other, was in before.items()
        if name != other and one["left"] < was["right"] - 1 and was["left"] < one["right"] - 1
    ]


def at_the_queue(site: Site, page: Page, who: str) -> None:
    """Rows of this sender, each a message of its own, the list in front."""
    site.open_console(page, path=f"/?q=from:{who}")
    expect(page.get_by_role("option").first).to_be_visible()
    expect(page.locator(".acts")).to_be_visible()
    browser_peer.load_fonts(page)


@pytest.mark.long
def test_the_bar_is_one_line_at_every_width(site: Site, desk: Page) -> None:
    site.come(JOE, author="line@bar.example", subject="To be decided")
    at_the_queue(site, desk, "line@bar.example")
    faults: list[str] = []
    for width in EVERY:
        resize(desk, width)
        if not desk.locator(".acts").is_visible():  # a phone shows the list first
            desk.get_by_role("option").first.click()
        buttons = line(desk)
        assert {"p", "a", "More"} <= buttons.keys(), width
        faults += wrong(buttons, width)
    assert faults == []


@pytest.mark.long
def test_what_gives_way_is_in_more(site: Site, desk: Page) -> None:
    site.come(JOE, author="more@bar.example", subject="To be decided")
    at_the_queue(site, desk, "more@bar.example")
    for width, least in IN_SIGHT.items():
        resize(desk, width)
        in_sight = line(desk)
        assert len(in_sight) >= least, (width, list(in_sight))
        desk.locator(".acts .toggle").click()
        others = desk.locator(".others .button")
        expect(others.first).to_be_visible()
        keys = [one.get_attribute("aria-keyshortcuts") for one in others.all()]
        assert Counter([*keys, *in_sight]) == Counter("pbramnced!hlZ") + Counter(["More"]), width
        assert wrong(line(desk), width) == []
        assert taken(in_sight, line(desk)) == [], "More moved the line"
        desk.keyboard.press("Escape")
        expect(others.first).to_be_hidden()


@pytest.mark.long
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_moves_under_the_hand(site: Site, desk: Page, width: int) -> None:
    """From row to row, with several selected, without the server, and once a row is decided."""
    resize(desk, width)
    who = f"hand{width}{desk.evaluate('navigator.language')}@bar.example".lower()
    for number in range(3):
        site.come(JOE, author=f"{number}{who}", subject=f"Letter {number}", dmarc=NO_DMARC)
    at_the_queue(site, desk, f"{who} subject:Letter")
    first = line(desk)
    assert wrong(first, width) == []
    seen = {"first": first}
    desk.keyboard.press("j")
    seen["another row"] = line(desk)
    desk.keyboard.press("x")
    desk.keyboard.press("J")
    expect(desk.locator(".acts").get_by_role("button", name=re.compile(r"^(Remove everywhere|Überall entfernen) 2$"))).to_be_visible()
    seen["two selected"] = line(desk)
    desk.keyboard.press("Escape")
    browser_peer.intercept(desk, "**/api/**", lambda route: route.abort())
    desk.evaluate("window.dispatchEvent(new Event('offline'))")
    seen["offline"] = line(desk)
    for name, now in seen.items():
        assert wrong(now, width) == [], name
        assert now.keys() == first.keys(), name
        assert edges(now) == edges(first), name


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_stands_where_release_stood(site: Site, desk: Page, width: int) -> None:
    resize(desk, width)
    who = f"gone{width}{desk.evaluate('navigator.language')}@bar.example".lower()
    site.come(JOE, author=who, subject="The only one")
    at_the_queue(site, desk, who)
    before = line(desk)
    desk.keyboard.press("r")
    decided = desk.locator(".decided .button")
    expect(decided).to_have_count(2)
    released = min(before[key]["left"] for key in ("r", "a") if key in before)
    for one in decided.all():
        box = one.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= released, one.inner_text()
    assert len({round(one.bounding_box()["y"]) for one in decided.all()}) == 1  # type: ignore[index]


@pytest.mark.long
def test_the_verbs_of_a_sender_are_one_line(site: Site, desk: Page) -> None:
    site.come(JOE, author="a.sender.with.a.long.name@a-long-domain-of-somebody.example", subject="One")
    site.open_console(desk, path="/senders/a.sender.with.a.long.name@a-long-domain-of-somebody.example")
    expect(desk.locator(".acts .button").first).to_be_visible()
    browser_peer.load_fonts(desk)
    faults: list[str] = []
    for width in EVERY:
        resize(desk, width)
        buttons = line(desk)
        assert {"p", "a"} <= buttons.keys(), width
        faults += wrong(buttons, width)
        assert width < 1024 or {"p", "b", "r", "a", "h"} <= buttons.keys(), f"{width}: {list(buttons)}"
    assert faults == []


def picture(site: Site, browser: Browser, language: str, width: int) -> Image.Image:
    """The bar alone, at rest."""
    context = browser.new_context(viewport={"width": width, "height": 800}, locale=language, reduced_motion="reduce", color_scheme="light")
    context.set_default_timeout(processes.HANG * 1000)
    page = context.new_page()
    at_the_queue(site, page, "looks@bar.example")
    page.evaluate(FRAMES)
    shot = page.locator(".acts").screenshot(animations="disabled")
    context.close()
    return Image.open(BytesIO(shot)).convert("RGB")


@pytest.mark.long
@pytest.mark.parametrize("width", WIDTHS)
def test_the_bar_looks_as_it_did(site: Site, browser: Browser, width: int) -> None:
    """In English, and in German below it."""
    site.come(JOE, author="looks@bar.example", subject="To be decided")
    bars = [picture(site, browser, language, width) for language in LANGUAGES]
    both = Image.new("RGB", (bars[0].width, sum(one.height for one in bars)))
    for place, one in enumerate(bars):
        both.paste(one, (0, place * bars[0].height))
    assert compared(f"action_bar/{width}", both) == ""
