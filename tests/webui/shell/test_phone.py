"""By touch on a phone: one column, what a message says and why it is risky at once, and release, block and undo without a key."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests import effort
from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import ANA, NO_DMARC
from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage.access import preferences
from triage.ids import parse_id
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.times import utcnow

BUTTON = 48  # pixels that a thumb hits (console.md)
LINES = 3 * 24  # pixels of a message's text
IN_BOTH = [effort.long((320, "en-GB"), id="English"), pytest.param((320, "de-DE"), id="German")]
LANGUAGES = pytest.mark.parametrize("phone", IN_BOTH, indirect=True)
OFFER = "Our offer for two hundred brass housings, as spoken at the fair"
LIE = b"""From: Joe Fern <boss@company-example.test>\r
Reply-To: purse@elsewhere.test\r
Subject: Pay this today\r
\r
Are you at your desk? I need a payment made before noon.\r
"""


@pytest.fixture
def phone(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A phone held upright, of a test's own width and language where it gives them."""
    width, locale = getattr(request, "param", (375, "en-GB"))
    context = browser.new_context(
        viewport={"width": width, "height": 700}, has_touch=True, is_mobile=True, locale=locale, reduced_motion="reduce"
    )
    context.set_default_timeout(processes.HANG * 1000)
    yield context.new_page()
    context.close()


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


def touchable(button: Locator) -> Locator:
    """On screen, and large enough for a thumb."""
    expect(button).to_be_in_viewport(ratio=1)
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= BUTTON
    return button


def read(site: Site, page: Page, subject: str, words: str) -> None:
    """The message is opened by touch, and its text is there."""
    site.open_console(page)
    row(page, subject).tap()
    expect(page.locator("iframe.shown").content_frame.locator("body")).to_contain_text(words)
    expect(page.locator("#tab-people .num")).to_be_visible()  # all of the message is here
    browser_peer.load_fonts(page)


def above_the_verbs(one: Locator, height: float = 0) -> None:
    """All of it, or this much of its top, is on the screen, and no verb lies over it."""
    box, verbs = one.bounding_box(), one.page.locator(".acts").bounding_box()
    assert box is not None
    assert verbs is not None
    assert box["y"] + (height or box["height"]) <= verbs["y"], (one, box, verbs)


@LANGUAGES
def test_the_first_screen_shows_what_a_mail_says(site: Site, phone: Page) -> None:
    site.come(JOE, author="nora.feld@brass-works.example", subject=OFFER, text="Good morning,\r\n\r\nwe met.", dmarc=NO_DMARC)
    read(site, phone, OFFER, "Good morning")
    for tab in phone.get_by_role("tab").all():
        above_the_verbs(tab)
    above_the_verbs(phone.locator("iframe.shown"), LINES)
    assert phone.locator("kbd:visible").count() == 0
    assert faults(phone) == []


@LANGUAGES
@pytest.mark.long
def test_the_first_screen_shows_why_a_mail_is_risky(site: Site, phone: Page) -> None:
    site.come(JOE, author="boss@company-example.test", raw=LIE, dmarc=NO_DMARC)
    read(site, phone, "Pay this today", "at your desk")
    why = phone.locator(".why.dangerous, .why.suspicious")
    above_the_verbs(why.locator("strong"))
    fold = why.locator("button")
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.tap()
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(why.get_by_role("listitem").nth(2)).to_be_visible()
    expect(why.locator(".proof").first).to_be_visible()
    assert faults(phone) == []


@pytest.mark.long
@pytest.mark.parametrize("phone", [(320, "de-DE")], indirect=True)
def test_a_pill_takes_no_room_from_the_recipient(site: Site, phone: Page) -> None:
    (code,) = site.come(JOE, author="no-reply@codes.example", subject="Your sign-in code")
    with db.transaction(site.engine) as session:
        session.get_one(Delivery, parse_id(code)).time_limited_until = utcnow() + timedelta(minutes=20)
    site.open_console(phone)
    one = row(phone, "Your sign-in code")
    expect(one.locator(".pill")).to_be_in_viewport(ratio=1)
    recipient = one.locator(".to b")
    expect(recipient).to_have_text("Joe Fern")
    assert recipient.evaluate("name => name.closest('.to').getBoundingClientRect().right - name.getBoundingClientRect().right") >= 0


def test_released_blocked_and_undone_by_touch(site: Site, phone: Page) -> None:
    site.come(JOE, author="hello@phone.example", subject="Wanted on the way")
    site.come(JOE, author="spam@phone.example", subject="Not wanted at all")
    with db.transaction(site.engine) as session:
        preferences.choose_preferences(session, {"undo_seconds": 60}, by=ANA)  # the way back stays until it is taken
    site.open_console(phone, path="/?q=from:phone.example")  # of the others, the next one may be one that no rule can allow
    expect(row(phone, "Wanted on the way")).to_be_visible()
    expect(phone.get_by_role("region", name="Message")).to_be_hidden()
    assert faults(phone) == []
    row(phone, "Wanted on the way").tap()
    expect(phone.get_by_role("region", name="Queue")).to_be_hidden()
    expect(phone.get_by_role("tab", name="Text")).to_have_attribute("aria-selected", "true")
    expect(phone.frame_locator("iframe.shown").locator("body")).to_contain_text("Hello")
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 375
    assert faults(phone) == []
    verbs = [
        touchable(phone.get_by_role("button", name=name, exact=True))
        for name in ("Release", "Release and always allow", "Remove everywhere", "More")
    ]
    verbs[0].tap()
    toast = phone.get_by_role("status").filter(has_text="Released “Wanted on the way”.")
    expect(toast).to_be_visible()
    undo = touchable(toast.get_by_role("button", name="Undo"))
    for one in verbs:  # what was done and the way back lie over no verb
        expect(one).to_be_in_viewport(ratio=1)
        one.tap(trial=True)
    undo.tap()
    expect(phone.get_by_role("status").filter(has_text="Undone. “Wanted on the way” is back.")).to_be_visible()
    expect(phone.locator(".view h2")).to_have_text("Wanted on the way")
    phone.get_by_role("button", name="Queue", exact=True).tap()
    row(phone, "Not wanted at all").tap()
    verbs[3].tap()
    touchable(phone.get_by_role("button", name="Block sender")).tap()
    sheet = phone.get_by_role("dialog")
    expect(sheet.get_by_role("row", name="Held")).to_be_visible()
    touchable(sheet.get_by_role("button", name="Block and remove 1 message")).tap()
    blocked = phone.get_by_role("status").filter(has_text="Removed and blocked “Not wanted at all”.")
    touchable(blocked.get_by_role("button", name="Undo")).tap()
    expect(phone.get_by_role("status").filter(has_text="Undone. “Not wanted at all” is back.")).to_be_visible()
    phone.get_by_role("group", name="Decide").get_by_role("button", name="Remove everywhere").tap()
    expect(sheet.get_by_role("button", name="Remove 1 message")).to_be_in_viewport(ratio=1)  # though the sheet is longer than the screen


@pytest.mark.parametrize(
    ("phone", "sender", "allow", "more", "wider"),
    [
        effort.long((375, "en-GB"), "ann@short.example", "Release and always allow", "More", "Allow for IT", id="English"),
        pytest.param((375, "de-DE"), "ann@kurz.example", "Freigeben und immer zulassen", "Mehr", "Zulassen für IT", id="German"),
    ],
    indirect=["phone"],
)
def test_an_approval_takes_a_quarter_of_the_screen_until_more_is_asked_for(
    site: Site, phone: Page, sender: str, allow: str, more: str, wider: str
) -> None:
    site.come(JOE, author=sender, subject="A short word")
    with db.transaction(site.engine) as session:
        preferences.choose_preferences(session, {"undo_seconds": 60}, by=ANA)
    site.open_console(phone, path=f"/?q=from:{sender}")
    row(phone, "A short word").tap()
    phone.locator(".acts").get_by_role("button", name=allow, exact=True).tap()
    toast = phone.locator(".toast").filter(has_text=sender)
    unfold = touchable(toast.get_by_role("button", name=more, exact=True))
    box = toast.bounding_box()
    assert box is not None
    assert box["height"] <= 700 / 4
    expect(toast.get_by_role("button")).to_have_count(2)  # with the way back
    assert faults(phone) == []
    unfold.tap()
    touchable(toast.get_by_role("button", name=wider)).tap()
    expect(toast.locator(".rule")).to_contain_text("IT")
    expect(toast.locator(".rule .rest")).to_contain_text("30")  # what the rule would have meant, in the last 30 days
    expect(unfold).to_have_attribute("aria-expanded", "true")


@pytest.mark.long
def test_an_undo_that_fails_is_told_of_beside_the_list_too(site: Site, phone: Page) -> None:
    site.come(JOE, author="gone@phone.example", subject="Gone already")
    site.open_console(phone, path="/?q=from:gone@phone.example")
    browser_peer.intercept(phone, "**/undo", lambda route: route.fulfill(status=409, json={"detail": "it has left already"}))
    row(phone, "Gone already").tap()
    phone.get_by_role("button", name="Release", exact=True).tap()
    toast = phone.get_by_role("status").filter(has_text="Released “Gone already”.")
    expect(toast).to_be_visible()
    phone.get_by_role("button", name="Queue", exact=True).tap()
    toast.get_by_role("button", name="Undo").tap()
    told = phone.get_by_role("alert").filter(has_text="It has left already. Nothing was undone.")
    expect(told).to_be_in_viewport(ratio=1)
    assert faults(phone) == []
    touchable(phone.get_by_role("button", name="OK")).tap()
    expect(told).to_have_count(0)
