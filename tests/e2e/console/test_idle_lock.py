"""A console that nobody sits at: what it asks by itself keeps no session awake, and the lock keeps the work."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.e2e.conftest import House, sign_in
from tests.peers import company as company_peer
from tests.peers.browsers import browser as browser_peer
from tests.peers.company import DOMAIN, PASSWORD, Company
from tests.peers.outside import OutsideMessage
from triage.store import db
from triage.store.models.staff import StaffSession
from triage.times import MICROSECOND, utcnow

SOMEBODY_HERE = 10_000  # milliseconds after the last key or pointer (webui/src/lib/browser/activity.ts)
MINUTE = 60_000_000 * MICROSECOND


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Company]:
    """A company on SQLite."""
    with company_peer.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes", undo_seconds=0) as running:
        yield running


@pytest.fixture
def engine(site: Company) -> Iterator[Engine]:
    """Engine for the site's database."""
    opened = db.open_engine(site.database)
    yield opened
    opened.dispose()


def letter(subject: str) -> OutsideMessage:
    """A stranger writes to Ada."""
    return OutsideMessage(f"{subject.lower()}@stranger.example", f"ada.byron@{DOMAIN}", subject)


def seen(engine: Engine) -> int:
    """When the one session was awake last, as microseconds."""
    with db.read_transaction(engine) as session:
        return int(session.scalars(select(col(StaffSession.seen_at))).one().timestamp() * 1_000_000)


def grow_idle(engine: Engine, minutes: int) -> None:
    """Set all sessions back as if idle for this many minutes."""
    with db.transaction(engine) as session:
        session.execute(update(StaffSession).values(seen_at=utcnow() - minutes * MINUTE))


@pytest.mark.long
@pytest.mark.peers
def test_mail_that_comes_in_keeps_nobody_signed_in_and_the_lock_keeps_the_work(site: Company, engine: Engine, page: Page) -> None:
    site.take(letter("First"))
    sign_in(page, House(site, None))
    expect(page.get_by_text("First").first).to_be_visible()
    page.locator("#search").fill("stranger")
    browser_peer.settle(page, SOMEBODY_HERE + 1)  # the page's own clock has passed it
    grow_idle(engine, 20)
    before = seen(engine)
    site.take(letter("Second"))
    expect(page.locator(".rail").get_by_text("2").first).to_be_visible()  # it was asked again
    assert seen(engine) == before
    grow_idle(engine, 31)
    site.take(letter("Third"))
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    page.get_by_label("Password of Maria Keller").fill("wrong")
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text("Name or password is wrong.")
    page.get_by_label("Password of Maria Keller").fill(PASSWORD)
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("heading", name="Locked")).to_have_count(0)
    expect(page.locator("#search")).to_have_value("stranger")
