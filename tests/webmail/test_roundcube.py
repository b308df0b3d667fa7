"""The Roundcube plugin in the real Roundcube, with Dovecot and the mirror: what it shows, what each act does, and its undo."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect
from sqlalchemy import delete, func, select

from tests.mailboxes.mirroring import SHARED_FOLDERS
from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.peers.mail import roundcube
from tests.peers.receiver import make_answer, start_receiver
from tests.triage import arriving
from tests.triage.arriving import ALIGNED, DMARC_PASS
from tests.webmail.roundcube_company import ACCOUNT, FOLDER, Webmail, act, ends, open_webmail
from tests.webui.site import JOE
from triage.actor import Actor
from triage.message import summary
from triage.message.authentication import Result
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.employees import Expectation, MailReport, MailRequest
from triage.store.models.sign_in import WebmailLink

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.peers]
EMPLOYEE = Actor.employee("joe.fern", "Joe Fern")


def test_a_department_releases_in_webmail_and_takes_it_back(webmail: Webmail, page: Page) -> None:
    author = "sales@brassworks.example"
    raw = f"Message-ID: <4711@brassworks.example>\r\nFrom: {author}\r\nTo: {JOE}\r\nSubject: Order 4711\r\n\r\nHello\r\n".encode()
    (mail,) = webmail.site.come(JOE, author=author, raw=raw)
    webmail.shows("Order 4711")
    webmail.sign_in(page)
    expect(webmail.link(page, webmail.key()).get_by_text("Linked: it acts as Ana Roth.")).to_be_visible()
    evidence = webmail.open(page, "Order 4711").locator("#mailroom-evidence")
    expect(evidence).to_contain_text("Really from brassworks.example: DMARC passes")
    expect(evidence).to_contain_text("No warnings")
    expect(evidence).to_contain_text(webmail.reason(mail)[1:])
    page.locator("a.mailroom-release").click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("Mailroom records this as Ana Roth.")
    expect(sheet).to_contain_text("1 message for 1 person: 1 held")
    assert webmail.state(mail) == State.HELD, "a sheet does nothing"
    sheet.get_by_role("button", name="Release 1 message").click()
    expect(page.locator("#messagestack")).to_contain_text("Released “Order 4711”.")
    webmail.becomes(mail, State.QUEUED)
    page.locator(".mailroom-undo-link").click()
    expect(page.get_by_role("dialog")).to_contain_text("Released “Order 4711”.")
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    webmail.becomes(mail, State.HELD)


@pytest.mark.long
def test_a_revoked_key_says_what_to_do_and_a_foreign_number_is_not_trusted(webmail: Webmail, page: Page) -> None:
    webmail.sign_in(page)
    frame = webmail.link(page, "mailroom_webmail_nonsense")
    expect(page.locator("#messagestack")).to_contain_text("the link was revoked or has expired")
    expect(frame.locator("#mailroom-key")).to_be_visible()
    webmail.link(page, webmail.key()).get_by_text("acts as Ana Roth").wait_for()
    (mail,) = webmail.site.come(JOE, author="bob@true.example", subject="True one")
    webmail.shows("True one")
    number = webmail.number(mail)
    forged = f"X-Mailroom-Message: {number}\r\nMessage-ID: <x@y.example>\r\nFrom: a@y.example\r\nSubject: Forged one\r\n\r\nHello\r\n"
    with webmail.server.client(ACCOUNT) as client:
        client.append(FOLDER, forged.encode())
    expect(webmail.open(page, "Forged one").locator("#mailroom-evidence")).to_contain_text("carries the number of another one")
    act(page, "release")
    expect(page.locator("#messagestack")).to_contain_text("carries the number of another one")
    with db.transaction(webmail.site.engine) as session:
        session.execute(delete(WebmailLink))
    expect(webmail.open(page, "True one").locator("#mailroom-evidence")).to_contain_text("Create a new key in Mailroom")
    assert webmail.state(mail) == State.HELD


@pytest.mark.long
def test_names_of_strangers_stay_text_and_a_message_within_is_shown_as_text(webmail: Webmail, page: Page) -> None:
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    webmail.sign_in_linked(page)
    bad = "<img src=x onerror=alert(1)>"
    inner = "From: a@each.example\r\nSubject: Within\r\nContent-Type: text/html\r\n\r\n<b id=inner>Hello</b>"
    outer = f"Content-Type: text/html\r\n\r\n<b id=outer>Hi</b>{bad}"
    parts = f"--b\r\n{outer}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--\r\n"
    author = f'"{bad}"@each.example'
    kind = 'Content-Type: multipart/mixed; boundary="b"'
    raw = f"From: {author}\r\nTo: {JOE}\r\nSubject: Hostile {bad}\r\nMIME-Version: 1.0\r\n{kind}\r\n\r\n{parts}".encode()
    (mail,) = webmail.site.receive((JOE,), author, raw, summary.make_summary(raw), arriving.authentication("bob@each.example", DMARC_PASS))
    webmail.shows("Hostile")
    webmail.open(page, "Hostile").locator("#mailroom-evidence b").wait_for()
    for name in ("release", "remove", "block"):
        sheet = act(page, name)
        expect(sheet).to_contain_text("onerror=alert(1)")
        sheet.get_by_role("button", name="Cancel").click()
    webmail.site.open_console(page.context.new_page()).close()
    with page.expect_popup() as opened:
        act(page, "preview")
    ours = opened.value
    ours.on("dialog", note)
    expect(ours.locator("iframe.shown")).to_have_attribute("sandbox", "")
    expect(ours.frame_locator("iframe.shown").get_by_text("Hi")).to_be_visible()
    ours.close()
    uid = page.evaluate("rcmail.message_list.get_selection()[0]")
    for path in (f"_uid={uid}.2&_mbox={FOLDER}&_format=html", f"_uid={uid}&_format=html"):
        page.goto(f"{webmail.url}/?_task=mail&_action=show&{path}")
        expect(page.locator("#messagebody")).to_be_visible()
        assert page.locator("[id$=outer], [id$=inner]").count() == 0, path
    assert dialogs == []
    assert webmail.state(mail) == State.HELD


@pytest.mark.long
def test_nothing_is_decided_about_somebody_elses_copy_nor_about_more_than_is_shown(webmail: Webmail, page: Page) -> None:
    author = "anna@both.example"
    raw = f"From: {author}\r\nTo: {JOE}\r\nSubject: To both\r\n\r\nHello\r\n".encode()
    proof = arriving.authentication(author, replace(ALIGNED, domain="both.example"), Result.PASS)
    both = webmail.site.receive((JOE, "legal+mara.berg@company.example"), author, raw, summary.make_summary(raw), proof)
    number = webmail.number(both[0])
    for account in ("ana@company.example", "mara.berg@company.example"):
        with webmail.server.client(account) as client:
            client.append("INBOX", f"X-Mailroom-Message: {number}\r\n".encode() + raw)
    webmail.sign_in_linked(page, "ana@company.example")
    evidence = webmail.open(page, "To both", "INBOX").locator("#mailroom-evidence")
    expect(evidence).to_contain_text("the domain has no DMARC record")
    act(page, "release")
    expect(page.locator("#messagestack")).to_contain_text("came to several people")
    for call in ("look", "report"):
        assert "Select at most 50 messages" in asks(page, webmail.url, call, uids=list(range(1, 52)), mbox="INBOX")
    assert "Select at most 50" not in asks(page, webmail.url, "look", token=False, uids=list(range(1, 52)), mbox="INBOX")  # another site's
    assert {webmail.state(one) for one in both} == {State.HELD}


def asks(page: Page, url: str, call: str, *, token: bool = True, **given: object) -> str:
    """Asks the plugin as its script does; the answer."""
    headers = {"X-Roundcube-Request": page.evaluate("rcmail.env.request_token")} if token else {}
    asked: dict[str, str | float | bool] = {"_call": call, "_ticket": "1", "_given": json.dumps(given), "_remote": "1"}
    return page.request.post(f"{url}/?_task=mail&_action=plugin.mailroom", form=asked, headers=headers).text()


@pytest.mark.long
def test_what_a_proxy_redirects_is_not_taken_for_done(webmail: Webmail, page: Page) -> None:
    """As from http: to https: a program then asks with GET, and is answered 200."""
    with start_receiver() as proxy, roundcube.start_roundcube(webmail.server, f"http://127.0.0.1:{proxy.port}") as url:
        other = replace(webmail, url=url)
        other.sign_in(page)
        proxy.serves = b"<html>"
        other.link(page, webmail.key())
        expect(page.locator("#messagestack")).to_contain_text("Mailroom does not answer")
        proxy.serves = b'{"name": "Ana Roth", "scope": ["company"], "sentence": "Released."}'
        other.link(page, webmail.key()).get_by_text("acts as Ana Roth").wait_for()
        proxy.answer = make_answer(301, location=proxy.url)
        page.goto(f"{url}/?_task=mail")
        assert "Mailroom does not answer" in asks(page, url, "decide", verb="release", select={"ids": ["0000000000001"]})
        page.goto("about:blank")


@pytest.mark.long
def test_an_employee_reports_requests_and_announces(webmail: Webmail, page: Page) -> None:
    (held,) = webmail.site.come(JOE, author="hotel@inn.example", subject="Your room")
    number = webmail.number(held)
    with webmail.server.client("joe.fern@company.example") as client:
        client.append("INBOX", f"X-Mailroom-Message: {number}\r\nFrom: hotel@inn.example\r\nSubject: Your room\r\n\r\nHello\r\n".encode())
    webmail.sign_in_linked(page, "joe.fern@company.example", EMPLOYEE)
    expect(webmail.open(page, "Your room", "INBOX").locator("#mailroom-evidence")).to_contain_text("Really from inn.example")
    assert page.locator("a.mailroom-release").count() == 0
    act(page, "report").get_by_role("button", name="Report as suspicious").click()
    expect(page.locator("#messagestack")).to_contain_text("Thank you. Your report was sent.")
    sheet = act(page, "request")
    sheet.get_by_label("What is it about?").first.fill("my booking")
    sheet.get_by_role("button", name="Request release").first.click()
    expect(sheet.get_by_role("status").first).to_have_text("Requested. Staff will review it.")
    sheet.get_by_role("button", name="Close").last.click()
    sheet = act(page, "expect")
    sheet.get_by_label("Address or domain").fill("ann@supplier.example")
    sheet.get_by_role("button", name="Announce").click()
    expect(page.locator("#messagestack")).to_contain_text("The sender was announced.")
    sheet = act(page, "expect")
    sheet.get_by_label("Address or domain").fill("bob@supplier.example")
    sheet.get_by_role("button", name="Announce").click()
    page.get_by_role("dialog").wait_for(state="detached")
    sheet = act(page, "expect")
    sheet.get_by_role("button", name="Remove bob@supplier.example").click()
    expect(sheet.get_by_role("status").filter(has_text="Removed.")).to_have_count(1)
    with db.read_transaction(webmail.site.engine) as session:
        counts = [session.scalar(select(func.count()).select_from(one)) for one in (MailReport, MailRequest, Expectation)]
    assert counts == [1, 1, 1]


@pytest.mark.long
def test_it_speaks_german(webmail: Webmail, browser: Browser) -> None:
    (mail,) = webmail.site.come(JOE, author="anna@auskunft.example", subject="Anfrage")
    account = "auskunft@company.example"
    with webmail.server.client(account) as client:
        field = f"X-Mailroom-Message: {webmail.number(mail)}\r\n"
        client.append("INBOX", f"{field}From: anna@auskunft.example\r\nSubject: Anfrage\r\n\r\nHallo\r\n".encode())
    with browser_peer.open_page(browser, locale="de-DE") as page:
        webmail.sign_in(page, account)
        webmail.link(page, webmail.key()).get_by_text("Verknüpft: handelt als Ana Roth.").wait_for()
        expect(webmail.open(page, "Anfrage", "INBOX").locator("#mailroom-evidence")).to_contain_text("Wirklich von auskunft.example")
        sheet = act(page, "release")
        expect(sheet).to_contain_text("Mailroom verzeichnet dies als Entscheidung von Ana Roth.")
        expect(sheet).to_contain_text("1 Nachricht für 1 Person: 1 zurückgehalten")
        if os.environ.get("MAILROOM_PICTURES"):  # of docs/how-to/roundcube.md
            page.screenshot(path=ROOT / "docs" / "pictures" / "roundcube-german.png")
        sheet.get_by_role("button", name="1 Nachricht freigeben").click()
        expect(page.locator("#messagestack")).to_contain_text("„Anfrage“")
        webmail.becomes(mail, State.QUEUED)
        act(page, "undo").get_by_role("button", name="Rückgängig").click()
        webmail.becomes(mail, State.HELD)


@pytest.mark.long
def test_a_reviewer_decides_in_their_own_account(tmp_path: Path, sqlite_template: Path, page: Page) -> None:
    """The department's folders are shared with them (RFC 4314)."""
    own = "ana@company.example"
    with processes.short_directory("shared") as place:
        place.chmod(0o777)
        more = SHARED_FOLDERS.replace("PATH", f"{place}/boxes")
        with open_webmail(tmp_path, sqlite_template, more=more, staff=(f"ana={own}",)) as webmail:
            (mail,) = webmail.site.come(JOE, author="anna@shared.example", subject="Shared one")
            webmail.shows("Shared one")
            with webmail.server.client(ACCOUNT) as department:
                department.setacl(FOLDER, own, "lrswite")
            webmail.sign_in_linked(page, own)
            evidence = webmail.open(page, "Shared one", f"shared/{ACCOUNT}/{FOLDER}").locator("#mailroom-evidence")
            expect(evidence).to_contain_text("Really from shared.example")
            act(page, "release").get_by_role("button", name="Release 1 message").click()
            ends(webmail, page, mail, State.QUEUED)
            page.goto("about:blank")


def test_each_label_is_there_in_german() -> None:
    labels = [
        set(re.findall(r"^\$labels\['(\w+)'\]", (roundcube.PLUGIN / "localization" / f"{name}.inc").read_text("utf-8"), re.MULTILINE))
        for name in ("en_US", "de_DE")
    ]
    assert labels[0] == labels[1]


@pytest.mark.skipif(not shutil.which("php"), reason="PHP is not installed: `make lint` says so too")
def test_php_reads_the_plugin() -> None:
    for path in sorted(roundcube.PLUGIN.rglob("*.php")) + sorted(roundcube.PLUGIN.rglob("*.inc")):
        subprocess.run(["php", "-l", path], check=True, capture_output=True)
