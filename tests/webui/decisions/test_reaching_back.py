"""Undo asks when it reaches back: what is fresh comes back at once, what is older is named first, and `z` is never a colleague's."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import settings_in
from tests.triage.arriving import ANA, BEN
from tests.webui.access import faults
from tests.webui.site import JOE, MARA, Site, running
from triage.actor import Actor
from triage.ids import parse_id
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.times import utcnow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, database: str) -> Iterator[Site]:
    """A company whose toasts live long enough for a busy machine."""
    directory = tmp_path_factory.mktemp("site")
    settings = settings_in(directory)
    with running(
        directory, sqlite_template, replace(settings, policy=replace(settings.policy, undo_seconds=30)), database=database
    ) as made:
        yield made


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


def state(site: Site, one: str) -> str:
    with db.read_transaction(site.engine) as session:
        return session.get_one(Delivery, parse_id(one)).state


def decided(site: Site, by: Actor, *ids: str, verb: Verb = Verb.PURGE, ago: timedelta = timedelta()) -> None:
    """Decide about these deliveries."""
    with db.transaction(site.engine) as session:
        wanted = Selection.of(ids=tuple(parse_id(one) for one in ids))
        decisions.decide_messages(session, DecisionRequest(wanted, verb), by=by, now=utcnow() - ago, settings=site.settings)


def asked(page: Page, count: str) -> Locator:
    return page.get_by_role("dialog", name=f"Undo the decision about {count}?")


@pytest.mark.long
def test_what_is_fresh_comes_back_at_once(site: Site, page: Page) -> None:
    (mail,) = site.come(JOE, author="a@fresh.example", subject="Fresh release")
    site.open_console(page, path="/?q=from:fresh.example")
    row(page, "Fresh release").click()
    page.keyboard.press("r")
    expect(page.get_by_role("status").filter(has_text="Released “Fresh release”.")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="“Fresh release” is back")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert state(site, mail) == "held"


@pytest.mark.long
def test_what_is_older_is_named_with_its_age_its_person_and_its_count(site: Site, page: Page) -> None:
    messages = [site.come(JOE, author=f"{n}@older.example", subject=f"Older {n}")[0] for n in (1, 2)]
    decided(site, ANA, *messages, ago=timedelta(minutes=12, seconds=30))  # a console knows the server's time to a second
    site.open_console(page, path="/?q=from:older.example")
    page.keyboard.press("z")
    sheet = asked(page, "2 messages")
    expect(sheet).to_contain_text("by you, 12 minutes ago")
    expect(sheet.get_by_role("button", name="Cancel")).to_be_focused()
    assert faults(page) == []
    page.keyboard.press("Enter")
    expect(sheet).to_be_hidden()
    assert [state(site, one) for one in messages] == ["purged"] * 2
    page.keyboard.press("z")
    page.keyboard.press("z")  # the second of a double press was pressed before anybody could read what it is about
    expect(sheet).to_be_visible()
    assert [state(site, one) for one in messages] == ["purged"] * 2
    sheet.get_by_role("button", name="Undo all of it").click()
    expect(page.get_by_role("status").filter(has_text="2 messages are back")).to_be_visible()
    assert [state(site, one) for one in messages] == ["held"] * 2


@pytest.mark.long
def test_what_is_in_a_mailbox_already_is_said(site: Site, page: Page) -> None:
    (mail,) = site.come(JOE, author="a@arrived.example", subject="Arrived already")
    decided(site, ANA, mail, verb=Verb.RELEASE, ago=timedelta(hours=2, minutes=10))
    with db.transaction(site.engine) as session:
        session.get_one(Delivery, parse_id(mail)).state = "delivered"
    site.open_console(page, path="/")
    page.keyboard.press("z")
    sheet = asked(page, "1 message")
    expect(sheet).to_contain_text("by you, 2 hours ago")
    expect(sheet).to_contain_text("1 was already delivered")
    page.keyboard.press("Escape")
    assert state(site, mail) == "delivered"


def test_a_colleagues_decision_is_undone_by_name_and_never_by_the_key(site: Site, page: Page) -> None:
    (mail,) = site.come(MARA, author="a@theirs.example", subject="Of a colleague")
    decided(site, BEN, mail, ago=timedelta(minutes=3, seconds=30))
    site.open_console(page, "ida", "/")
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="You have no decision to undo.")).to_be_visible()
    page.goto(site.url + "/decisions")
    page.get_by_role("button", name="Undo: ").first.click()
    sheet = asked(page, "1 message")
    expect(sheet).to_contain_text("by Ben Okafor, 3 minutes ago")
    sheet.get_by_role("button", name="Undo all of it").click()
    expect(page.get_by_role("status").filter(has_text="Undone")).to_be_visible()
    assert state(site, mail) == "held"
