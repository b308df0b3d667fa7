"""Mail as nobody should write it, through the real parser: the desk stays whole, says what is there, and can decide."""

import re
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import COMPANY, NO_DMARC, SYNC
from tests.triage_api.conftest import STAFF
from tests.webui.access import faults
from tests.webui.site import JOE, Site
from triage.addressing.company import PersonEntry
from triage.directory import apply as directory
from triage.store import db
from triage.times import utcnow

CROWD = tuple(PersonEntry(f"p{number}", f"Person {number}", "legal", f"p{number}@company.example") for number in range(1000))
WIDE = "() => document.documentElement.scrollWidth - innerWidth"
OVERLAPS = """() => [...document.querySelectorAll('.row .line, .view .acts')].flatMap((line) => {
    const boxes = [...line.children].map((one) => one.getBoundingClientRect()).filter((box) => box.width)
    boxes.sort((one, other) => one.left - other.left)
    return boxes.filter((box, at) => at && box.left < boxes[at - 1].right - 1).map(() => line.innerText)
})"""
WRONG_CLOCK = """const Right = Date; globalThis.Date = class extends Right {{
  constructor(...from) {{ super(...(from.length ? from : [Right.now() + {0}])) }}
  static now() {{ return Right.now() + {0} }}
}};
"""


def chosen(site: Site, page: Page, sender: str) -> Locator:
    """The row of the one message of this sender, under the cursor."""
    site.open_console(page, path=f"/?q=from:{sender}")
    row = page.get_by_role("option")
    expect(row).to_have_count(1)
    row.click()
    expect(page.get_by_role("tabpanel", name="Preview")).to_be_visible()
    return row


def whole(page: Page) -> None:
    """Assert that nothing leaves the screen, axe finds nothing, and every button can be reached."""
    assert page.evaluate(WIDE) <= 0
    for verb in ("Release", "Block sender"):
        expect(page.get_by_role("button", name=verb, exact=True)).to_be_in_viewport(ratio=1)
    assert faults(page) == []


def released(page: Page) -> None:
    """A key decides."""
    page.keyboard.press("r")
    expect(page.get_by_role("status").filter(has_text="Released")).to_be_visible()


@pytest.mark.long
def test_a_subject_of_ten_kilobytes(site: Site, page: Page) -> None:
    raw = f"From: Long <long@odd.example>\r\nTo: joe.fern@company.example\r\nSubject: {'Very long ' * 1_024}\r\n\r\nHello\r\n".encode()
    site.come(JOE, author="long@odd.example", raw=raw)
    row = chosen(site, page, "long@odd.example")
    expect(row).to_contain_text("Very long")
    box = row.bounding_box()
    assert box is not None
    assert box["height"] == page.evaluate("parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--row'))")
    expect(page.frame_locator("iframe.shown").locator("body")).to_contain_text("Hello")
    whole(page)
    page.keyboard.press("p")
    expect(page.get_by_role("dialog").get_by_role("button", name="Remove 1 message")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    released(page)


@pytest.mark.long
def test_a_thousand_recipients(site: Site, page: Page) -> None:
    with db.transaction(site.engine) as session:
        many = replace(COMPANY, staff=STAFF, people=COMPANY.people + CROWD)
        directory.apply_directory(session, many, site.settings.company, by=SYNC, now=utcnow())
    site.come(*(one.mailbox for one in CROWD), author="all@odd.example", subject="To everybody", dmarc=NO_DMARC)
    row = chosen(site, page, "all@odd.example")
    expect(row).to_contain_text("1,000 people")
    whole(page)
    page.keyboard.press("4")
    people = page.get_by_role("region", name="Recipients", exact=True)
    expect(people.get_by_role("row")).to_have_count(1 + len(CROWD))
    expect(people).to_contain_text("Person 999")
    whole(page)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("option").nth(1)).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator(".row.at")).to_contain_text("to Person 0")
    page.keyboard.press("Home")
    expect(page.locator(".row.at")).to_contain_text("1,000 people")
    page.keyboard.press("p")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("listitem").filter(has_text="held")).to_contain_text("1,000")
    sheet.get_by_role("button", name="Remove 1,000 messages").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Removed 1,000 messages")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="Undone. 1,000 messages are back.")).to_be_visible()


def test_names_that_turn_round_and_hide_letters(site: Site, page: Page) -> None:
    message = EmailMessage()
    message["From"] = "\u202egpj.ana\u200b\u00ad Roth\u2066 <bidi@odd.example>"
    message["To"] = "joe.fern@company.example"
    message["Subject"] = "pay\u200bpal \u202etxt.exe\u061c \U000e0041 now"
    message.set_content("Hello")
    message.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="invoice\u202efdp.exe")
    site.come(JOE, author="bidi@odd.example", raw=message.as_bytes(), dmarc=NO_DMARC)
    row = chosen(site, page, "bidi@odd.example")
    page.get_by_role("button", name="1 attachment").click()
    attachments = page.get_by_role("region", name="Attachments", exact=True)
    expect(attachments).to_contain_text("fdp.exe")
    for shown in (row, page.locator(".view h2"), page.get_by_role("region", name="Message"), attachments):
        text = shown.inner_text()
        assert not [letter for letter in text if letter in "\u202e\u2066\u200b\u00ad\u061c\U000e0041"], text
    expect(page.locator(".view h2")).to_contain_text("202e")
    expect(attachments).to_contain_text("202e")
    whole(page)
    page.keyboard.press("r")  # so unusual that it needs a second look
    release = page.get_by_role("dialog").get_by_role("button", name="Release", exact=True)
    expect(release).to_have_attribute("aria-disabled", "false")
    page.keyboard.press("r")
    expect(page.get_by_role("status").filter(has_text="Released")).to_be_visible()


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (375, 740)])
def test_nine_hundred_emoji_and_a_name_from_right_to_left(site: Site, page: Page, width: int, height: int) -> None:
    message = EmailMessage()
    sender = f"rtl{width}@odd.example"
    message["From"] = f"نور الهدى عبد الرحمن <{sender}>"
    message["To"] = "joe.fern@company.example"
    message["Subject"] = "\U0001f600" * 900
    message.set_content("Hello")
    page.set_viewport_size({"width": width, "height": height})
    site.come(JOE, author=sender, raw=message.as_bytes(policy=SMTP))
    site.open_console(page, path=f"/?q=from:{sender}")
    row = page.get_by_role("option")
    expect(row).to_contain_text("نور الهدى عبد الرحمن")
    for shown in (row.locator("time"), row.get_by_text("to Joe Fern")):
        expect(shown).to_be_in_viewport(ratio=1)
    assert page.evaluate(OVERLAPS) == []
    row.click()
    heading = page.locator(".view h2")
    expect(heading).to_contain_text("\U0001f600")
    expect(page.frame_locator("iframe.shown").locator("body")).to_contain_text("Hello")
    expect(page.get_by_role("button", name="Release", exact=True)).to_be_in_viewport(ratio=1)
    assert page.evaluate(WIDE) <= 0
    assert page.evaluate(OVERLAPS) == []
    assert faults(page) == []
    page.get_by_role("button", name="Release", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Released")).to_be_visible()
    assert page.evaluate(WIDE) <= 0
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").filter(has_text="is back")).to_be_visible()


@pytest.mark.long
def test_five_megabytes_of_html(site: Site, page: Page) -> None:
    body = "".join(f"<p>Paragraph {number} of a report that does not end.</p>" for number in range(95_000))
    head = "From: Big <big@odd.example>\r\nTo: joe.fern@company.example\r\nSubject: The report\r\nMIME-Version: 1.0\r\n"
    raw = f"{head}Content-Type: text/html\r\n\r\n{body}\r\n".encode()
    assert len(raw) > 5_000_000
    site.come(JOE, author="big@odd.example", raw=raw)
    site.come(JOE, author="big@odd.example", subject="A small one after it", text="Hello again")
    site.open_console(page, path="/?q=from:big@odd.example")
    rows = page.get_by_role("option")
    expect(rows).to_have_count(2)
    rows.filter(has_text="The report").click()
    expect(page.frame_locator("iframe.shown").locator("body")).to_contain_text("Paragraph 1 of a report")
    whole(page)
    page.keyboard.press("2")
    expect(page.frame_locator("iframe.shown").locator("body")).to_contain_text("Paragraph 1 of a report")
    rows.filter(has_text="A small one").click()
    expect(page.locator(".view h2")).to_have_text("A small one after it")
    rows.filter(has_text="The report").click()
    released(page)


@pytest.mark.long
def test_no_header_at_all(site: Site, page: Page) -> None:
    site.come(JOE, author="", raw=b"\r\nJust a text, and nothing above it.\r\n", dmarc=NO_DMARC)
    site.open_console(page)
    row = page.get_by_role("option").filter(has_text="(no sender)")
    expect(row).to_have_count(1)
    row.click()
    expect(row).to_contain_text("(no subject)")
    expect(page.get_by_text("no sender address")).to_be_visible()
    expect(page.frame_locator("iframe.shown").locator("body")).to_contain_text("nothing above it")
    page.keyboard.press("3")
    expect(page.get_by_role("tabpanel", name="Headers")).to_be_visible()
    page.keyboard.press("4")
    expect(page.get_by_role("region", name="Recipients", exact=True)).to_contain_text("Joe Fern")
    page.keyboard.press("1")
    whole(page)
    page.keyboard.press("b")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    released(page)


@pytest.mark.long
def test_three_hundred_attachments(site: Site, page: Page) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Files <files@odd.example>", "joe.fern@company.example", "All the files"
    message.set_content("Find them attached.")
    for number in range(300):
        message.add_attachment(f"file {number}".encode(), maintype="application", subtype="x-part", filename=f"part-{number:03}.bin")
    site.come(JOE, author="files@odd.example", raw=message.as_bytes())
    row = chosen(site, page, "files@odd.example")
    expect(row).to_contain_text("300 attachments")
    page.get_by_role("button", name="300 attachments").click()
    attachments = page.get_by_role("region", name="Attachments", exact=True)
    expect(attachments.get_by_role("listitem")).to_have_count(300)
    last = attachments.get_by_role("listitem").filter(has_text="part-299.bin")
    expect(last).to_contain_text("application/x-part, 8 B")
    expect(last).to_contain_text(sha256(b"file 299").hexdigest())
    with page.expect_download() as download:
        last.get_by_role("link", name="Download part-299.bin").click()
    assert download.value.path().read_bytes() == b"file 299"
    whole(page)
    released(page)


@pytest.mark.parametrize("hours", [-7, pytest.param(5, marks=pytest.mark.long)])
def test_a_machine_whose_clock_is_hours_off(site: Site, page: Page, hours: int) -> None:
    def turn(route: Route) -> None:
        """The first script that runs finds another time of day."""
        answer = route.fetch()
        route.fulfill(response=answer, body=WRONG_CLOCK.format(hours * 3_600_000) + answer.text())

    browser_peer.intercept(page, "**/assets/base-*.js", turn)
    sender = f"clock{hours}@odd.example"
    site.come(JOE, author=sender, subject="Sign in", text="Your Odd sign-in code is 481 922. It is valid for 30 minutes.")
    row = chosen(site, page, sender)
    assert abs(page.evaluate("Date.now()") / 1000 - utcnow().timestamp()) > 4 * 3600
    expect(row).to_contain_text(re.compile("valid for (2[0-9]|30) min"))
    expect(page.locator(".all .time-limited")).to_contain_text(re.compile("in (2[0-9]|30) min"))
    came = row.locator("time").inner_text()
    page.keyboard.press("e")
    stamp = row.locator(".stamp")
    expect(stamp).to_contain_text("Skipped")
    early, late = (60 * int(hour) + int(minute) for hour, minute in (one.split()[-1].split(":") for one in (came, stamp.inner_text())))
    assert (late - early) % 1440 < 10
