"""A company with a mirror, and the real Roundcube with our plugin before its Dovecot: how people sign in, link, look and act."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import FrameLocator, Locator, Page, expect
from sqlalchemy import delete, select
from sqlmodel import col

from tests.conftest import settings_in
from tests.mailboxes.mirroring import FS_LAYOUT, mirroring
from tests.peers import processes
from tests.peers.mail import dovecot, roundcube
from tests.triage.arriving import ANA
from tests.webui.site import Site, running
from triage.access.webmail import webmail_links
from triage.actor import Actor
from triage.config.settings import Mirror, Notices
from triage.ids import format_id, parse_id
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.store.models.sign_in import WebmailLink
from triage.times import utcnow

ACCOUNT, FOLDER = "it@company.example", "joe.fern"
expect.set_options(timeout=processes.HANG * 1000)


@dataclass(frozen=True, slots=True)
class Webmail:
    """A company with a mirror, and Roundcube before its mail store."""

    url: str
    site: Site
    server: dovecot.Server

    def key(self, by: Actor = ANA) -> str:
        """A key as Settings shows it once. It is the only one: nobody has many."""
        with db.transaction(self.site.engine) as session:
            session.execute(delete(WebmailLink))
            return webmail_links.create_link(session, "Roundcube", by=by, now=utcnow())[1]

    def sign_in_linked(self, page: Page, account: str = ACCOUNT, by: Actor = ANA) -> None:
        """Signs in and links the webmail."""
        self.sign_in(page, account)
        self.link(page, self.key(by)).get_by_text(f"acts as {by.shown}").wait_for()

    def number(self, mail: str) -> str:
        """Number of a message, as its field says it."""
        with db.read_transaction(self.site.engine) as session:
            return format_id(session.get_one(Delivery, parse_id(mail)).message_id)

    def all_rules(self, domain: str) -> list[tuple[str, str, str]]:
        """Senders, effects and scopes of the rules in force about a domain and its addresses."""
        about = col(Rule.value).endswith(domain), col(Rule.removed_at).is_(None)
        with db.read_transaction(self.site.engine) as session:
            return [(one.value, one.effect, one.scope) for one in session.scalars(select(Rule).where(*about))]

    def reason(self, mail: str) -> str:
        """Reason for which a message is held."""
        with db.read_transaction(self.site.engine) as session:
            return session.get_one(Delivery, parse_id(mail)).reason

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

    def sign_in(self, page: Page, account: str = ACCOUNT) -> None:
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

    def look(self, page: Page, subject: str, folder: str = FOLDER) -> FrameLocator:
        """Waits for a message in the department's account and opens it; its frame, once Mailroom's evidence is shown."""
        self.shows(subject)
        frame = self.open(page, subject, folder)
        frame.locator("#mailroom-evidence b").wait_for()
        return frame

    def open(self, page: Page, subject: str, folder: str = FOLDER) -> FrameLocator:
        """Open a message in the list; its frame."""
        page.goto(f"{self.url}/?_task=mail&_mbox={quote(folder)}")
        page.locator("#messagelist").get_by_text(subject).first.click()
        return page.frame_locator("#messagecontframe")


@contextlib.contextmanager
def open_webmail(directory: Path, sqlite_template: Path, *, more: str = FS_LAYOUT, staff: tuple[str, ...] = ()) -> Iterator[Webmail]:
    """The company. `more`: of Dovecot's configuration; `staff`: as `mirror.staff` names them."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(dovecot.running(more=more))
        (directory / "master").write_text(dovecot.MASTER_PASSWORD)
        mirror = Mirror(
            departments=(f"it={ACCOUNT}",),
            act_as=("it=ana",),
            staff=staff,
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
    act(page, "undo").get_by_role("button", name="Undo").click()
    webmail.becomes(mail, State.HELD)
