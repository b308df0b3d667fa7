"""A company with Mailroom at its door: a stranger's Postfix before it, Dovecot or Maildirs behind it, Chromium at the desk."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from mailbox import Maildir
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import effort
from tests.peers import company, outside, processes
from tests.peers.browsers import browser as browser_peer
from tests.peers.mail import dovecot as dovecot_peer, postfix as postfix_peer
from tests.peers.postgresql import Server

LMTP = pytest.param(("sqlite", "lmtp"), id="sqlite-lmtp")
POSTGRESQL = pytest.param(("postgresql", "lmtp"), id="postgresql-lmtp", marks=[pytest.mark.postgresql, pytest.mark.long])
MAILDIR = effort.long(("sqlite", "maildir"), id="sqlite-maildir")
UNDO_SECONDS = 1


@dataclass(frozen=True, slots=True)
class House:
    """Running company and everything around it."""

    company: company.Company
    dovecot: dovecot_peer.Server | None

    def mailbox(self, name: str) -> list[bytes]:
        """Messages in a person's mailbox."""
        address = f"{name}@{company.DOMAIN}"
        if self.dovecot:
            return self.dovecot.messages(address)
        found = []
        for path in sorted((self.company.directory / "mailboxes" / address / "new").glob("*")):
            with contextlib.suppress(FileNotFoundError):  # a recall takes it this moment
                found.append(path.read_bytes())
        return found

    def put(self, name: str, raw: bytes) -> None:
        """A message into somebody's mailbox that never came through Mailroom."""
        address = f"{name}@{company.DOMAIN}"
        if self.dovecot:
            with self.dovecot.client(address) as client:
                client.append("INBOX", raw)
            return
        Maildir(self.company.directory / "mailboxes" / address).add(raw)

    def arrived(self, name: str, marker: str) -> bytes:
        """The one message with this text in somebody's mailbox, once it is there."""
        found = processes.until(lambda: self.with_text(name, marker), f"{marker!r} arrives in the mailbox of {name}", log=self.company.log)
        assert len(found) == 1
        return found[0]

    def with_text(self, name: str, marker: str) -> list[bytes]:
        """The messages in somebody's mailbox that contain this."""
        return [raw for raw in self.mailbox(name) if marker.encode() in raw]


@pytest.fixture(scope="session")
def dovecot() -> Iterator[dovecot_peer.Server]:
    """The company's mail store."""
    with dovecot_peer.running() as server:
        yield server


@pytest.fixture(scope="package", params=[LMTP, POSTGRESQL, MAILDIR] if effort.FULL else [LMTP])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A company. Tests that another database or next hop could break name it; all share these companies and use senders of their own."""
    kind, hop = request.param
    directory = tmp_path_factory.mktemp(f"{kind}-{hop}")
    database = f"sqlite:///{directory}/mailroom.db"
    if kind == "postgresql":
        server: Server = request.getfixturevalue("postgresql_server")
        database = server.create(directory.name)
    store: dovecot_peer.Server | None = request.getfixturevalue("dovecot") if hop == "lmtp" else None
    next_hop = f"lmtp://127.0.0.1:{store.lmtp_port}" if store else f"maildir:{directory}/mailboxes"
    more = recall_section(store, directory) if store else ""
    with company.running(directory, database, next_hop, undo_seconds=UNDO_SECONDS, more=more) as running:
        yield House(running, store)


def recall_section(store: dovecot_peer.Server, directory: Path) -> str:
    """The settings that let the recaller in."""
    secret = directory / "master"
    secret.write_text(dovecot_peer.MASTER_PASSWORD)
    return f"""
[recall]
imap = "imap://127.0.0.1:{store.imap_port}"
master_user = "{dovecot_peer.MASTER}"
password_file = "{secret}"
"""


@pytest.fixture(scope="package")
def stranger(house: House) -> Iterator[postfix_peer.Server]:
    """The Postfix of a stranger who knows the company's addresses."""
    with postfix_peer.start_postfix(house.company.smtp_port, outside.STRANGER.name) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium for a module; each test gets a profile of its own. While it lives, no other event loop runs in this thread."""
    with browser_peer.start_browser() as launched:
        yield launched


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page in a fresh profile."""
    with browser_peer.open_page(browser) as opened:
        yield opened


@pytest.fixture
def two_pages(browser: Browser) -> Iterator[tuple[Page, Page]]:
    """The desks of two people."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(browser_peer.open_page(browser)), stack.enter_context(browser_peer.open_page(browser))


def sign_in(page: Page, house: House, login: str = "maria", password: str = company.PASSWORD) -> None:
    """Sign in as a person does."""
    page.goto(house.company.url)
    page.get_by_label("Name").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def choose(page: Page, subject: str) -> None:
    """Put the cursor on the message with this subject. By sender, because the letters of these tests say the same and are one campaign."""
    page.get_by_role("group", name="Group by").get_by_role("button", name="Sender").click()
    page.get_by_role("listbox", name="Held messages").get_by_role("option").filter(has_text=subject).click()
    expect(page.get_by_role("heading", name=subject)).to_be_visible()


expect.set_options(timeout=processes.HANG * 1000)
