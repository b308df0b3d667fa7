"""An attachment in the console: shown as pictures page by page with keys, or words that say why not."""

import os
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import settings_in
from tests.peers.company import ROOT
from tests.triage import pdfs
from tests.webui.access import faults
from tests.webui.held import Held
from tests.webui.site import JOE, Site, running
from triage import ids
from triage.runtime import sandbox
from triage.store import db
from triage.store.models.deliveries import Delivery


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """A company that shows attachments."""
    directory = tmp_path_factory.mktemp("previews")
    sandbox.sandbox_wrapper.cache_clear()
    with running(directory, sqlite_template, settings_in(directory)) as made:
        yield made


def with_attachments(subject: str) -> bytes:
    """A message with a document, something that is no picture, and a program."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Sales <sales@supplier.example>", JOE, subject
    made.set_content("Our invoice.")
    made.add_attachment(pdfs.pdf(pdfs.RED, pdfs.HELLO, b""), maintype="application", subtype="pdf", filename="invoice.pdf")
    made.add_attachment(b"MZ no picture", maintype="image", subtype="png", filename="photo.png")
    made.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="setup.exe")
    return made.as_bytes()


def test_a_document_is_leafed_through_with_keys(site: Site, page: Page) -> None:
    site.come(JOE, raw=with_attachments("The invoice"))
    site.open_console(page)
    page.get_by_role("option").filter(has_text="The invoice").click()
    page.get_by_role("button", name="3 attachments").click()
    shows = page.get_by_role("button", name="as images")
    expect(shows).to_have_count(2)  # not the program
    shows.first.click()
    sheet = page.get_by_role("dialog", name="invoice.pdf")
    for key, number in (("", 1), ("ArrowRight", 2), ("j", 3), ("j", 3), ("k", 2), ("Home", 1), ("End", 3), ("PageUp", 2)):
        if key:
            page.keyboard.press(key)
        picture = sheet.get_by_role("img", name=f"Page {number} of 3, as an image")
        expect(picture).to_have_js_property("complete", True)
        expect(picture).to_have_js_property("naturalWidth", 1400)
    assert faults(page) == []
    if os.environ.get("MAILROOM_PICTURES"):  # of docs/how-to/attachment-previews.md
        page.screenshot(path=ROOT / "docs" / "pictures" / "pages.png")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(shows.first).to_be_focused()


@pytest.mark.long
def test_what_cannot_be_shown_says_why(site: Site, page: Page) -> None:
    site.come(JOE, author="art@studio.example", raw=with_attachments("The photo").replace(b"sales@supplier", b"art@studio"))
    site.open_console(page)
    page.get_by_role("option").filter(has_text="The photo").click()
    page.get_by_role("button", name="3 attachments").click()
    page.get_by_role("button", name="Preview photo.png as images").click()
    expect(page.get_by_role("dialog", name="photo.png").get_by_role("alert")).to_have_text(
        "This is neither a PDF nor an image that can be shown; download it only if you must."
    )
    assert faults(page) == []


@pytest.mark.long
def test_what_is_shown_is_of_the_mail_from_which_it_was_asked(site: Site, page: Page) -> None:
    messages = [site.come(JOE, author=f"{n}@asked.example", raw=with_attachments(f"Asked from {n}"))[0] for n in range(2)]
    site.open_console(page)
    page.get_by_role("group", name="Group by").get_by_role("button", name="None").click()
    page.get_by_role("option").filter(has_text="Asked from 0").click()
    page.get_by_role("button", name="3 attachments").click()
    sheet = Held(page, re.compile("/assets/PagesDialog-[^/]*[.]js"))
    page.get_by_role("button", name="as images").first.click()
    sheet.wait(1)
    page.get_by_role("option").filter(has_text="Asked from 1").click()
    expect(page.get_by_role("heading", name="Asked from 1")).to_be_visible()
    expect(page.get_by_role("button", name="as images").first).to_be_visible()
    with db.read_transaction(site.engine) as session:
        message = ids.format_id(session.get_one(Delivery, ids.parse_id(messages[0])).message_id)
    with page.expect_request(re.compile("/attachments/[0-9]+/pages$")) as asked:
        sheet.go()
    assert f"/messages/{message}/" in asked.value.url


@pytest.mark.long
def test_where_nothing_can_draw_the_console_says_so(site: Site, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "can_draw", lambda: False)
    site.come(JOE, author="desk@paper.example", raw=with_attachments("The offer").replace(b"sales@supplier", b"desk@paper"))
    site.open_console(page)
    page.get_by_role("option").filter(has_text="The offer").click()
    page.get_by_role("button", name="3 attachments").click()
    attached = page.get_by_role("region", name="Attachments", exact=True)
    expect(attached).to_contain_text("This server cannot show attachments as images: bubblewrap is missing or does not work.")
    expect(attached.get_by_role("button")).to_have_count(0)
