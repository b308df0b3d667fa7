"""The Roundcube plugin in the real Roundcube, with Dovecot and the mirror: what it shows, what each act does, and its undo."""

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, FrameLocator, Locator, Page, expect
from sqlalchemy import delete, func, select
from sqlmodel import col

from tests.conftest import settings_in
from tests.mailboxes.mirroring import FS_LAYOUT, mirroring
from tests.peers import processes
from tests.peers.browsers import browser as browser_peer
from tests.peers.mail import dovecot, roundcube
from tests.peers.receiver import make_answer, start_receiver
from tests.triage import arriving
from tests.triage.arriving import ALIGNED, ANA, DMARC_PASS
from tests.webui.site import JOE, MARA, Site, running
from triage.access.webmail import webmail_links
from triage.actor import Actor
from triage.config.settings import Mirror, Notices
from triage.ids import format_id, parse_id
from triage.message import summary
from triage.message.authentication import Result
from triage.store import db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import Expectation, MailReport, MailRequest
from triage.store.models.rules import Rule
from triage.store.models.sign_in import WebmailLink
from triage.times import utcnow

pytestmark = [pytest.mark.peers]
ACCOUNT, FOLDER = "it@company.example", "joe.fern"
expect.set_options(timeout=processes.HANG * 1000)


@dataclass(frozen=True, slots=True)
class Webmail:
    """A company with a mirror, and Roundcube before its mail store."""

    url: str
    site: Site
    server: dovecot.Server

    def key(self, by: Actor = ANA) -> str:
        """A key as Settings shows it once."""
        with db.transaction(self.site.engine) as session:
            return webmail_links.create_link(session, "Roundcube", by=by, now=utcnow())[1]

    def state(self, mail: str) -> str:
        with db.read_transaction(self.site.engine) as session:
            return session.get_one(Delivery, parse_id(mail)).state

    def becomes(self, mail: str, *states: State) -> None:
        """Wait until a message is in one of these states."""
        processes.until(lambda: self.state(mail) in states, f"it becomes {' or '.join(states)}")

    def shows(self, subject: str, account: str = ACCOUNT, folder: str = FOLDER) -> None:
        """Wait until the mirror has put a message there."""

        def lies() -> bool:
            with self.server.client(account) as client:
                return dovecot.open_folder(client, folder) and bool(client.search(["SUBJECT", subject]))

        processes.until(lies, f"{folder} shows {subject}")

    def sign_in(self, page: Page, account: str = ACCOUNT, language: str = "en_US") -> None:
        page.goto(f"{self.url}/?_task=login")
        page.locator("input[name=_user]").fill(account)
        page.locator("input[name=_pass]").fill(dovecot.PASSWORD)
        page.locator("#rcmloginsubmit").click()
        expect(page.locator("#mailboxlist")).to_be_visible()

    def link(self, page: Page, key: str) -> FrameLocator:
        """Paste a key into the settings."""
        page.goto(f"{self.url}/?_task=settings&_action=preferences")
        page.locator("#sections-table").get_by_text("Mailroom").click()
        frame = page.frame_locator("#preferences-frame")
        frame.locator("#mailroom-key").fill(key)
        frame.locator("button.submit").click()
        return frame

    def open(self, page: Page, subject: str, folder: str = FOLDER) -> FrameLocator:
        """Open a message in the list; its frame."""
        page.goto(f"{self.url}/?_task=mail&_mbox={folder}")
        page.locator("#messagelist").get_by_text(subject).first.click()
        return page.frame_locator("#messagecontframe")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browser_peer.start_browser() as launched:
        yield launched


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser_peer.open_page(browser) as opened:
        yield opened


@pytest.fixture(scope="module")
def webmail(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Webmail]:
    directory = tmp_path_factory.mktemp("webmail")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(dovecot.running(more=FS_LAYOUT))
        (directory / "master").write_text(dovecot.MASTER_PASSWORD)
        mirror = Mirror(
            departments=(f"it={ACCOUNT}",),
            act_as=("it=ana",),
            imap=f"imap://127.0.0.1:{server.imap_port}",
            auth="master",
            master_user=dovecot.MASTER,
            password_file=str(directory / "master"),
            timeout=5,
            interval=0,
        )
        found = settings_in(directory)
        relay = replace(found.relay, smarthost="smtp://127.0.0.1:1")  # replies could leave
        recall = replace(found.recall, passed_on=("mara.berg@company.example=Ticket desk",))
        settings = replace(found, mirror=mirror, notices=Notices(requests=True), relay=relay, recall=recall)
        site = stack.enter_context(running(directory, sqlite_template, settings))
        stack.enter_context(mirroring(site.settings))
        yield Webmail(stack.enter_context(roundcube.start_roundcube(server, site.url)), site, server)


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


def act(page: Page, name: str) -> Locator:
    """Choose an act; its sheet."""
    if name in ("release", "remove"):
        page.locator(f"a.mailroom-{name}").click()
    else:
        page.locator("a.mailroom-menu").click()
        page.locator(f"#mailroom-menu a.mailroom-{name}").click()
    return page.get_by_role("dialog")


def ends(webmail: Webmail, page: Page, mail: str, *states: State) -> None:
    """The act is done, and its undo takes it back."""
    webmail.becomes(mail, *states)
    page.locator(".mailroom-undo-link").last.click()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    webmail.becomes(mail, State.HELD)


@pytest.mark.long
def test_a_removal_names_what_took_copies_out_of_its_reach(webmail: Webmail, page: Page) -> None:
    webmail.sign_in(page)
    webmail.link(page, webmail.key()).get_by_text("acts as Ana Roth").wait_for()
    author = "anna@reach.example"
    _, maras = webmail.site.come(JOE, MARA, author=author, subject="Out of reach")
    with db.transaction(webmail.site.engine) as session:
        for event in (Event.RELEASE, Event.CLAIM, Event.DELIVER):
            ledger.record_event(session, parse_id(maras), event, by=ANA, now=utcnow())
    webmail.shows("Out of reach")
    webmail.open(page, "Out of reach").get_by_text("Really from reach.example").first.wait_for()
    sheet = act(page, "remove")
    expect(sheet).to_contain_text("1 message for 1 person")
    expect(sheet).not_to_contain_text("Out of reach:")
    sheet.get_by_label(f"All messages from {author}").check()
    expect(sheet).to_contain_text("Out of reach: Ticket desk takes messages on from mara.berg@company.example: 1 copy.")


@pytest.mark.long
def test_each_act_is_done_after_its_sheet_and_undone(webmail: Webmail, page: Page) -> None:
    webmail.sign_in(page)
    webmail.link(page, webmail.key()).get_by_text("acts as Ana Roth").wait_for()
    (mail,) = webmail.site.come(JOE, author="anna@each.example", subject="Each act")
    webmail.shows("Each act")
    webmail.open(page, "Each act").get_by_text("Really from each.example").first.wait_for()

    sheet = act(page, "remove")
    sheet.get_by_role("button", name="Remove 1 message").click()
    ends(webmail, page, mail, State.PURGED)

    webmail.shows("Each act")
    webmail.open(page, "Each act").get_by_text("Really from each.example").first.wait_for()
    sheet = act(page, "allow")
    sheet.get_by_label("Department IT").check()
    expect(sheet).to_contain_text("anna@each.example")
    sheet.get_by_role("button", name="Release 1 message and allow").click()
    webmail.becomes(mail, State.QUEUED)
    with db.read_transaction(webmail.site.engine) as session:
        found = [(one.effect, one.value, one.scope) for one in session.scalars(select(Rule).where(col(Rule.value) == "anna@each.example"))]
    assert found == [("allow", "anna@each.example", "department:it")]
    ends(webmail, page, mail, State.QUEUED)

    webmail.shows("Each act")
    webmail.open(page, "Each act").get_by_text("Really from each.example").first.wait_for()
    sheet = act(page, "block")
    sheet.get_by_role("button", name="Block and remove 1 message").click()
    ends(webmail, page, mail, State.PURGED)

    webmail.shows("Each act")
    webmail.open(page, "Each act").get_by_text("Really from each.example").first.wait_for()
    sheet = act(page, "redirect")
    sheet.get_by_label("To whom?").press_sequentially("mara")
    sheet.get_by_text("Mara Berg · Legal").click()
    sheet.get_by_role("button", name="Redirect 1 message").click()
    ends(webmail, page, mail, State.QUEUED)


@pytest.mark.long
def test_a_rejection_goes_to_whoever_would_get_the_reply_and_colleagues_find_it(webmail: Webmail, page: Page) -> None:
    webmail.sign_in(page)
    webmail.link(page, webmail.key()).get_by_text("acts as Ana Roth").wait_for()
    (unproven,) = webmail.site.come(JOE, author="bob@forged.example", subject="Nobody hears")
    webmail.shows("Nobody hears")
    webmail.open(page, "Nobody hears").locator("#mailroom-evidence b").wait_for()
    sheet = act(page, "reject")
    expect(sheet).to_contain_text("Nobody gets this reply.")
    expect(sheet.get_by_role("button", name="Reject 1 message")).to_be_disabled()
    sheet.get_by_role("button", name="Cancel").click()
    author = "anna@each.example"
    raw = f"From: {author}\r\nTo: {JOE}\r\nSubject: Hears it\r\n\r\nHello\r\n".encode()
    proof = arriving.authentication(author, replace(DMARC_PASS, domain="each.example", aligned=("spf",)), Result.PASS)
    (mail,) = webmail.site.receive((JOE,), author, raw, summary.make_summary(raw), proof)
    webmail.shows("Hears it")
    webmail.open(page, "Hears it").locator("#mailroom-evidence b").wait_for()
    sheet = act(page, "reject")
    expect(sheet).to_contain_text("The reply goes to anna@each.example.")
    sheet.get_by_role("button", name="Reject 1 message").click()
    webmail.becomes(mail, State.REJECTED)
    assert webmail.state(unproven) == State.HELD
    sheet = act(page, "find")
    sheet.get_by_role("searchbox").fill("anna@each.example")
    expect(sheet.get_by_role("listitem").first).to_contain_text("by Ana Roth")


@pytest.mark.long
def test_a_second_look_is_ticked_by_the_person(webmail: Webmail, page: Page) -> None:
    webmail.sign_in(page)
    webmail.link(page, webmail.key()).get_by_text("acts as Ana Roth").wait_for()
    text = "Click https://evil.example to confirm your password. " * 3
    (mail,) = webmail.site.come(JOE, author="desk@company-login.example", subject="Password expires", text=text)
    webmail.shows("Password expires")
    expect(webmail.open(page, "Password expires").locator("#mailroom-evidence")).to_contain_text("Dangerous")
    sheet = act(page, "release")
    expect(sheet.get_by_text("Look a second time.")).to_be_visible()
    expect(sheet.get_by_role("button", name="Cancel")).to_be_focused()
    sheet.get_by_role("button", name="Release 1 message").click()
    assert webmail.state(mail) == State.HELD, "nothing is confirmed by itself"
    for box in sheet.get_by_role("checkbox").all():
        box.check()
    sheet.get_by_role("button", name="Release 1 message").click()
    webmail.becomes(mail, State.QUEUED)


@pytest.mark.long
def test_a_revoked_key_says_what_to_do_and_a_foreign_number_is_not_trusted(webmail: Webmail, page: Page) -> None:
    webmail.sign_in(page)
    frame = webmail.link(page, "mailroom_webmail_nonsense")
    expect(page.locator("#messagestack")).to_contain_text("the link was revoked or has expired")
    expect(frame.locator("#mailroom-key")).to_be_visible()
    webmail.link(page, webmail.key()).get_by_text("acts as Ana Roth").wait_for()
    (mail,) = webmail.site.come(JOE, author="bob@true.example", subject="True one")
    webmail.shows("True one")
    with db.read_transaction(webmail.site.engine) as session:
        number = format_id(session.get_one(Delivery, parse_id(mail)).message_id)
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
    webmail.sign_in(page)
    webmail.link(page, webmail.key()).get_by_text("acts as Ana Roth").wait_for()
    bad = "<img src=x onerror=alert(1)>"
    inner = "From: a@each.example\r\nSubject: Within\r\nContent-Type: text/html\r\n\r\n<b id=inner>Hello</b>"
    parts = f"--b\r\nContent-Type: text/html\r\n\r\n<b id=outer>Hi</b>\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--\r\n"
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
    with db.read_transaction(webmail.site.engine) as session:
        number = format_id(session.get_one(Delivery, parse_id(both[0])).message_id)
    for account in ("ana@company.example", "mara.berg@company.example"):
        with webmail.server.client(account) as client:
            client.append("INBOX", f"X-Mailroom-Message: {number}\r\n".encode() + raw)
    webmail.sign_in(page, "ana@company.example")
    webmail.link(page, webmail.key()).get_by_text("acts as Ana Roth").wait_for()
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
    with db.read_transaction(webmail.site.engine) as session:
        number = format_id(session.get_one(Delivery, parse_id(held)).message_id)
    with webmail.server.client("joe.fern@company.example") as client:
        client.append("INBOX", f"X-Mailroom-Message: {number}\r\nFrom: hotel@inn.example\r\nSubject: Your room\r\n\r\nHello\r\n".encode())
    webmail.sign_in(page, "joe.fern@company.example")
    webmail.link(page, webmail.key(Actor.employee("joe.fern", "Joe Fern"))).get_by_text("acts as Joe Fern").wait_for()
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
    with db.read_transaction(webmail.site.engine) as session:
        counts = [session.scalar(select(func.count()).select_from(one)) for one in (MailReport, MailRequest, Expectation)]
    assert counts == [1, 1, 1]


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
