"""Approvals with a second look: both people see the reason, and nothing is released before the second one confirms."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from tests.conftest import settings_in
from tests.triage.arriving import IDA, NO_DMARC
from tests.webui.access import faults
from tests.webui.site import JOE, Site, running
from triage.access import dual_control
from triage.ids import parse_id
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.approvals import PendingAct
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.times import utcnow

REASON = "Claims to come from your own domain company.example and does not."
NAMES = ["own-domain-forged", "dangerous"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, database: str) -> Iterator[Site]:
    """A company that lets nobody release alone what pretends to be one of us; nothing leaves while a test looks."""
    directory = tmp_path_factory.mktemp("site")
    settings = settings_in(directory)
    policy = replace(settings.policy, approvals=(dual_control.RISKY_RELEASE,), undo_seconds=30)
    with running(directory, sqlite_template, replace(settings, policy=policy), database=database) as made:
        yield made


def forged(site: Site, subject: str) -> str:
    """A message that forges our own domain."""
    return site.come(JOE, author="boss@company.example", subject=subject, dmarc=NO_DMARC)[0]


def state(site: Site, mail: str) -> str:
    with db.read_transaction(site.engine) as session:
        return session.get_one(Delivery, parse_id(mail)).state


def asked(site: Site, mail: str) -> list[tuple[str, int | None]]:
    """State of the approvals for this message, and the decision that each became."""
    with db.read_transaction(site.engine) as session:
        return [(one.state, one.result_id) for one in session.scalars(select(PendingAct)) if mail in one.items]


def look(page: Page, act: str) -> Locator:
    """The sheet of the second look, once its other button can be pressed."""
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text(REASON).first).to_be_visible()
    expect(sheet.get_by_role("button", name=act, exact=True)).to_have_attribute("aria-disabled", "false")
    return sheet


def status_with(page: Page, words: str) -> Locator:
    return page.get_by_role("status").filter(has_text=words)


def ask_for(site: Site, page: Page, subject: str) -> str:
    """Ana asks for the release of a forged message, after her own second look."""
    mail = forged(site, subject)
    site.open_console(page, path=f"/?q={subject}")
    page.get_by_role("option").filter(has_text=subject).click()
    page.keyboard.press("r")
    look(page, "Release")
    assert asked(site, mail) == []
    page.keyboard.press("r")
    expect(status_with(page, "approval by a second person")).to_be_visible()
    assert (state(site, mail), asked(site, mail)) == ("held", [(dual_control.WAITING, None)])
    return mail


def waiting(page: Page) -> Locator:
    """Newest pending approval on the page."""
    entry = page.locator("ol > li").first
    expect(entry).to_contain_text("Ana Roth asks for approval: release 1 message.")
    return entry


def test_the_second_person_looks_too_before_it_is_released(site: Site, page: Page, other_page: Page) -> None:
    mail = ask_for(site, page, "Two-look")
    ida = site.open_console(other_page, "ida", "/approvals")
    entry = waiting(ida)
    expect(entry).to_contain_text("a signal says that the sender impersonates a colleague")
    for reflex, leaves in ((("Enter", "r"), "Escape"), (("Enter",), "Enter")):  # `r` comes before anybody has read the reason
        entry.get_by_role("button", name="Confirm").focus()
        for key in reflex:
            ida.keyboard.press(key)
        sheet = look(ida, "Confirm")
        ida.keyboard.press(leaves)
        expect(sheet).to_have_count(0)
        expect(status_with(ida, "Nothing was confirmed. It still needs approval.")).to_be_visible()
        assert (state(site, mail), asked(site, mail)) == ("held", [(dual_control.WAITING, None)])
    entry.get_by_role("button", name="Confirm").click()
    sheet = look(ida, "Confirm")
    expect(sheet.get_by_role("heading")).to_have_text("Confirm this release?")
    expect(sheet.get_by_role("button", name="Cancel")).to_be_focused()
    assert faults(ida) == []
    ida.keyboard.press("r")
    expect(status_with(ida, "Confirmed and done, in both your names.")).to_be_visible()
    expect(ida.get_by_text("No decisions need approval.")).to_be_visible()
    ((how, decision),) = asked(site, mail)
    assert (state(site, mail), how) == ("queued", dual_control.CONFIRMED)
    with db.read_transaction(site.engine) as session:
        made = session.get_one(Decision, decision)
        assert (made.by_shown, made.second_by_shown, made.confirmed) == ("Ana Roth", "Ida Lind", NAMES)


@pytest.mark.long
def test_who_asked_cannot_confirm_and_declining_asks_nothing(site: Site, page: Page, other_page: Page) -> None:
    mail = ask_for(site, page, "Not-by-her")
    page.goto(f"{site.url}/approvals")
    entry = waiting(page)
    expect(entry.get_by_text("A colleague must confirm.")).to_be_visible()
    expect(entry.get_by_role("button", name="Confirm")).to_have_count(0)
    ida = site.open_console(other_page, "ida", "/approvals")
    waiting(ida).get_by_role("button", name="Decline").click()
    expect(status_with(ida, "Declined. Nothing was changed.")).to_be_visible()
    assert (state(site, mail), asked(site, mail)) == ("held", [(dual_control.DECLINED, None)])


@pytest.mark.long
def test_what_changed_while_the_second_person_looked_is_not_done(site: Site, page: Page, other_page: Page) -> None:
    mail = ask_for(site, page, "Changed-since")
    ida = site.open_console(other_page, "ida", "/approvals")
    waiting(ida).get_by_role("button", name="Confirm").click()
    look(ida, "Confirm")
    with db.transaction(site.engine) as session:
        chosen = Selection.of(ids=(parse_id(mail),))
        decisions.decide_messages(session, DecisionRequest(chosen, Verb.PURGE), by=IDA, now=utcnow(), settings=site.settings)
    ida.keyboard.press("r")
    expect(status_with(ida, "The messages have changed since this was requested")).to_be_visible()
    assert (state(site, mail), asked(site, mail)) == ("purged", [(dual_control.WAITING, None)])
