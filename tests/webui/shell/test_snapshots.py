"""The main screens look as they did, in light and dark; and whoever moves a panel, changes a colour or drops a caption is told.

`make snapshots` takes the pictures again. Look at each before you commit it.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image, ImageChops, ImageDraw
from playwright.sync_api import Browser, Locator, Page, Request, expect

from tests import effort
from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.peers.company import ROOT
from tests.triage_api.conftest import PASSWORD
from tests.webui import comparing, still_desk
from tests.webui.comparing import looks_the_same
from tests.webui.shell.test_places import FRAMES
from tests.webui.site import Site

KEPT = Path(__file__).parents[1] / "snapshots"
FAILED = ROOT / "var" / "snapshots"
RENEW = "MAILROOM_SNAPSHOTS"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
DRAWN_ALIKE = ("--font-render-hinting=none", "--disable-lcd-text")
DRAWN_OTHERWISE = ("--font-render-hinting=full", "--disable-font-subpixel-positioning")
# One font beside the console's own, drawn without a fitting to pixels that a machine's settings would choose.
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>/usr/share/fonts/truetype/dejavu</dir><cachedir>{cache}</cachedir>
<match><edit name="family" mode="append_last"><string>DejaVu Sans</string></edit></match>
<match target="font"><edit name="hinting"><bool>{fitted}</bool></edit><edit name="rgba"><const>none</const></edit></match>
</fontconfig>"""


def fonts(directory: Path, fitted: str = "false") -> dict[str, str]:
    """The environment in which a browser finds these fonts, fitted to pixels or not."""
    (directory / "fonts.conf").write_text(FONTS.format(cache=directory / "cache", fitted=fitted))
    return os.environ | {"FONTCONFIG_FILE": str(directory / "fonts.conf"), "LANG": "en_GB.UTF-8", "LANGUAGE": "en_GB"}


@pytest.fixture(scope="module")
def browser(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium that draws letters alike on every machine."""
    with contextlib.closing(
        browser_peer.launch_browser(browser.browser_type, DRAWN_ALIKE, fonts(tmp_path_factory.mktemp("fonts")))
    ) as alike:
        yield alike


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """The demo's morning, where time stands still."""
    with still_desk.desk(tmp_path_factory.mktemp("desk"), sqlite_template) as site:
        yield site


@dataclass(eq=False)  # Playwright writes down at a handler's owner that it is one
class Seat:
    """A page at that desk, and what it has asked the server for and not yet got."""

    page: Page
    underway: set[Request] = field(default_factory=set)

    def asked(self, one: Request) -> None:
        """Note a request as underway; the stream of events always is."""
        if "/events" not in one.url:
            self.underway.add(one)

    def got(self, one: Request) -> None:
        """Note that a request was answered or failed."""
        self.underway.discard(one)

    def look(self) -> Image.Image:
        """The screen, once everything has come and it has been drawn twice alike."""
        browser_peer.load_fonts(self.page)
        shots = [b""]

        def twice_alike() -> bytes:
            self.page.evaluate(FRAMES)
            shots.append(b"" if self.underway else self.page.screenshot(animations="disabled", caret="hide"))
            return shots[-1] if shots[-1] == shots[-2] else b""

        return Image.open(BytesIO(processes.until(twice_alike, "the screen comes to rest"))).convert("RGB")


@contextlib.contextmanager
def seat_with(browser: Browser) -> Iterator[Seat]:
    """A fresh seat. Its clock is a script in each frame, and a message's refuses it aloud: so no page of `browser_peer`."""
    context = browser.new_context(viewport={"width": 1200, "height": 760}, locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
    context.set_default_timeout(processes.HANG * 1000)
    context.clock.set_fixed_time(still_desk.LOOKED_AT)
    seat = Seat(context.new_page())
    seat.page.on("request", seat.asked)
    seat.page.on("requestfinished", seat.got)
    seat.page.on("requestfailed", seat.got)
    yield seat
    context.close()


@pytest.fixture
def seat(browser: Browser) -> Iterator[Seat]:
    """A seat for a test."""
    with seat_with(browser) as taken:
        yield taken


def queue(desk: Site, page: Page) -> None:
    """The queue at its end, where what is surely not wanted stands, with a message beside it."""
    desk.open_console(page, "ida")
    expect(soon(page)).to_contain_text("3, first in")
    page.keyboard.press("End")
    expect(page.get_by_role("heading", name="Mailbox almost full")).to_be_visible()
    expect(page.locator("iframe.shown").content_frame.locator("body")).to_contain_text("Your mailbox has used 98 %")


def queue_on_a_phone(desk: Site, page: Page) -> None:
    """The list alone, in one column."""
    page.set_viewport_size({"width": 390, "height": 844})
    desk.open_console(page, "ida")
    expect(page.get_by_role("option").nth(3)).to_be_visible()
    expect(soon(page)).to_contain_text("3, first in")


def soon(page: Page) -> Locator:
    """The heading of what expires soon."""
    return page.locator(".all .head.time-limited")


def rules(desk: Site, page: Page) -> None:
    """Rules, with the form for a new one."""
    desk.open_console(page, "ida", "/rules")
    expect(page.get_by_role("table", name="Rules")).to_contain_text("harbourbank.example")


def decisions(desk: Site, page: Page) -> None:
    """The page of decisions, with stamps of each kind."""
    desk.open_console(page, "ida", "/decisions")
    expect(page.get_by_text("allowed for the whole company")).to_be_visible()


def reports(desk: Site, page: Page) -> None:
    """Sentences, tables and drawings."""
    desk.open_console(page, "ida", "/reports")
    expect(page.get_by_role("region", name="The queue")).to_be_attached()


def sender(desk: Site, page: Page) -> None:
    """All that is known about a domain."""
    desk.open_console(page, "ida", "/senders/stadtwerke-hollersund.example")
    expect(page.get_by_role("table", name="Messages from this sender").get_by_role("row").nth(7)).to_be_attached()
    expect(page.get_by_role("table", name="Rules")).to_be_attached()


def sign_in(desk: Site, page: Page) -> None:
    """Before anything."""
    page.goto(desk.url)
    expect(page.get_by_label("Name")).to_be_focused()


def ask(desk: Site, page: Page) -> None:
    """The page of an employee."""
    page.goto(f"{desk.url}/ask")
    page.get_by_label("Name").fill("helena.brandvik")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("listitem").first).to_be_visible()


SCREENS = (queue, sign_in, *map(effort.long, (queue_on_a_phone, rules, decisions, reports, sender, ask)))


def kept(name: str) -> Image.Image:
    """The picture as it was taken."""
    return Image.open(KEPT / f"{name}.png").convert("RGB")


def compared(name: str, now: Image.Image) -> str:
    """Compare a screen with its picture: the difference, or "" when equal; renews the picture on request."""
    path = KEPT / f"{name}.png"
    if os.environ.get(RENEW):
        if not (path.exists() and looks_the_same(kept(name), now)):
            comparing.small(now).save(path, optimize=True)
        return ""
    if not path.exists():
        return f"there is no {path.name}: take it by `make snapshots`, look at it and commit it"
    was = kept(name)
    blocks = comparing.changed(was, now)
    if looks_the_same(was, now):
        return ""
    directory = FAILED / name
    directory.mkdir(parents=True, exist_ok=True)
    for title, picture in (("was", was), ("is", now), ("difference", comparing.marked(now, blocks))):
        picture.save(directory / f"{title}.png")
    return (
        f"{name} looks different at {comparing.number_of(blocks)} places: was.png, is.png and difference.png lie in {directory}."
        " If that is what you want, `make snapshots`"
    )


@pytest.mark.parametrize("come", SCREENS, ids=lambda come: come.__name__)
def test_a_screen_looks_as_it_did(desk: Site, seat: Seat, come: Callable[[Site, Page], None]) -> None:
    come(desk, seat.page)
    wrong = []
    for scheme in SCHEMES:
        seat.page.emulate_media(color_scheme=scheme)
        wrong.append(compared(f"{come.__name__}-{scheme}", seat.look()))
    assert [one for one in wrong if one] == []


LIGHT = "queue-light"
PANEL = (694, 52, 1200, 641)  # the message that is shown
BUTTON = (710, 708, 802, 748)
CAPTION = (718, 398, 800, 422)  # one tab of the message
LINE = 6  # pixels


def moved(picture: Image.Image) -> Image.Image:
    """A panel lies a little lower."""
    left, top, right, bottom = PANEL
    picture.paste(picture.crop((left, top, right, bottom - LINE)), (left, top + LINE))
    return picture


def recoloured(picture: Image.Image) -> Image.Image:
    """A button is blue that was red."""
    red, green, blue = picture.crop(BUTTON).split()
    picture.paste(Image.merge("RGB", (blue, green, red)), BUTTON)
    return picture


def without_a_caption(picture: Image.Image) -> Image.Image:
    """A word is gone."""
    ImageDraw.Draw(picture).rectangle(CAPTION, fill=picture.getpixel(CAPTION[:2]))
    return picture


@pytest.mark.parametrize("change", [moved, recoloured, without_a_caption], ids=lambda change: change.__name__)
def test_what_somebody_would_see_is_found(change: Callable[[Image.Image], Image.Image]) -> None:
    was = kept(LIGHT)
    now = change(was.copy())
    assert not looks_the_same(was, now)
    where, blocks = ImageChops.difference(was, now).getbbox(), comparing.changed(was, now)
    assert where is not None
    marked = ImageChops.difference(comparing.marked(now, blocks), now.convert("L").convert("RGB")).getbbox()
    assert marked is not None
    left, top, right, bottom = where
    assert marked[0] >= left - comparing.BLOCK
    assert marked[1] >= top - comparing.BLOCK
    assert marked[2] <= right + comparing.BLOCK
    assert marked[3] <= bottom + comparing.BLOCK


@pytest.mark.long
def test_another_size_is_another_picture() -> None:
    was = kept(LIGHT)
    assert not looks_the_same(was, was.crop((0, 0, was.width, was.height - LINE)))


@pytest.mark.long
def test_how_a_machine_draws_letters_is_not_seen(desk: Site, browser: Browser, seat: Seat, tmp_path: Path) -> None:
    """As another build of Chromium or other settings of the machine might: fitted to pixels, each letter at a whole one."""
    otherwise = browser_peer.launch_browser(browser.browser_type, DRAWN_OTHERWISE, fonts(tmp_path, "true"))
    with contextlib.closing(otherwise), seat_with(otherwise) as other:
        queue(desk, seat.page)
        queue(desk, other.page)
        usual, now = seat.look(), other.look()
    assert sum(ImageChops.difference(usual, now).convert("L").histogram()[64:]) > 1_000
    assert looks_the_same(usual, now)
    assert looks_the_same(kept(LIGHT), now)


@pytest.mark.long
def test_a_difference_is_told_with_its_three_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(RENEW, raising=False)
    monkeypatch.setattr("tests.webui.shell.test_snapshots.FAILED", tmp_path)
    said = compared(LIGHT, moved(kept(LIGHT)))
    assert str(tmp_path / LIGHT) in said
    assert sorted(one.name for one in (tmp_path / LIGHT).iterdir()) == ["difference.png", "is.png", "was.png"]
    assert "make snapshots" in compared("no-such-screen", kept(LIGHT))
