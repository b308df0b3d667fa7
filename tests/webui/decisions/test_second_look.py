"""A second look: one careless key never lets something dangerous out, whichever road it would take."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import effort
from tests.conftest import settings_in
from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import ANA, DMARC_FAIL, add_rules
from tests.webui.access import faults
from tests.webui.site import JOE, Site, running
from triage.ids import parse_id
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import decide as decisions, decision_plan
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import release_requests
from triage.quarantine.search import selection
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.times import utcnow

REASON = "Not really from"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, database: str) -> Iterator[Site]:
    """A company in which a purge of more than one message needs two people, and nothing leaves while a test looks."""
    directory = tmp_path_factory.mktemp("site")
    settings = settings_in(directory)
    with running(
        directory, sqlite_template, replace(settings, policy=replace(settings.policy, undo_seconds=30)), database=database
    ) as made:
        yield made


def forged(site: Site, name: str, subject: str) -> str:
    """A message that fails DMARC under a reject policy."""
    return site.come(JOE, author=f"{name}@{name}.forged.example", subject=subject, dmarc=DMARC_FAIL)[0]


def state(site: Site, one: str) -> str:
    with db.read_transaction(site.engine) as session:
        return session.get_one(Delivery, parse_id(one)).state


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


def look(page: Page) -> Locator:
    """The sheet, once its reason is to be read and it takes keys: it asked for this frame before we did."""
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text(REASON).first).to_be_visible()
    browser_peer.wait_for_paint(page)
    return sheet


def read_it(sheet: Locator, act: str = "Release") -> None:
    """The reason has been on screen for half a second: the other button can be pressed."""
    expect(sheet.get_by_role("button", name=act, exact=True)).to_have_attribute("aria-disabled", "false")


@pytest.mark.parametrize(
    ("keys", "released"),
    [
        effort.long(("r",), False),
        effort.long(("r", "r"), False),  # a double press: the second person's approval comes before anybody has read the reason
        (("r", "r", "r"), False),
        effort.long(("r", "Enter"), False),
        effort.long(("a",), False),
        (("a", "Enter", "Enter"), False),
        effort.long(("r", "READ", "Enter"), False),
        effort.long(("r", "READ", "Escape"), False),
        effort.long(("r", "READ", "p"), False),  # removal is not offered here
        (("r", "READ", "r"), True),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, tuple) else str(one),
)
def test_no_careless_keys_release_it(site: Site, page: Page, keys: tuple[str, ...], released: bool) -> None:
    name = "k" + "-".join(keys).lower()
    mail = forged(site, name, f"Keys {name}")
    site.open_console(page, path=f"/?q=from:{name}.forged.example")
    row(page, f"Keys {name}").click()
    for key in keys:
        if key == "READ":
            read_it(look(page))
        else:
            page.keyboard.press(key)
    if released:
        expect(page.get_by_role("status").filter(has_text="Released “Keys")).to_be_visible()
    elif "READ" in keys and keys[-1] in ("Enter", "Escape"):
        expect(page.get_by_role("status").filter(has_text="Still held: “Keys")).to_contain_text("Nothing was released.")
    else:
        page.wait_for_load_state("networkidle")
    assert state(site, mail) == ("queued" if released else "held")


def test_the_reason_comes_first_and_the_focus_is_on_cancel(site: Site, page: Page) -> None:
    forged(site, "first", "Reason first")
    site.open_console(page, path="/?q=from:first.forged.example")
    row(page, "Reason first").click()
    page.keyboard.press("r")
    sheet = look(page)
    expect(sheet.get_by_role("heading")).to_have_text("Release “Reason first”?")
    expect(sheet.get_by_role("listitem").first).to_contain_text("DMARC fails, and the domain asks receivers not to deliver such messages.")
    expect(sheet.get_by_role("button", name="Cancel")).to_be_focused()
    expect(sheet.get_by_role("button")).to_have_count(2)
    expect(row(page, "Reason first")).not_to_contain_text("Released")
    assert faults(page) == []


def test_bulk_asks_once_for_all_and_names_how_many(site: Site, page: Page) -> None:
    bad = [forged(site, f"bulk{n}", f"Bulk {n}") for n in (1, 2)]
    (good,) = site.come(JOE, author="good@bulk.forged.example", subject="Bulk good")
    site.open_console(page, path="/?q=from:forged.example Bulk")
    expect(page.get_by_role("option")).to_have_count(3)
    page.locator("#content").focus()
    for key in ("*", "a", "r"):
        page.keyboard.press(key)
    sheet = look(page)
    expect(sheet.get_by_role("heading")).to_have_text("Release 3 messages?")
    expect(sheet.get_by_role("listitem").first).to_contain_text("2 messages, newest: “Bulk 2”")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Nothing was released.")).to_be_visible()
    assert [state(site, one) for one in (*bad, good)] == ["held"] * 3


@pytest.mark.long
def test_undoing_a_removal_that_would_let_it_out_asks_too(site: Site, page: Page) -> None:
    mail = forged(site, "undone", "Removed on its way")
    with db.transaction(site.engine) as session:
        said = {"by": ANA, "now": utcnow(), "settings": site.settings}
        wanted = Selection.of(ids=(parse_id(mail),))
        asked, _ = decision_plan.preview_decision(session, DecisionRequest(wanted, Verb.RELEASE), by=ANA, settings=site.settings)
        fence = selection.selection_fence(session, selection.selection_condition(wanted))
        decisions.decide_messages(session, DecisionRequest(wanted, Verb.RELEASE, confirm=[one.name for one in asked], fence=fence), **said)  # type: ignore[arg-type]
        decisions.decide_messages(session, DecisionRequest(wanted, Verb.PURGE), **said)  # type: ignore[arg-type]
    site.open_console(page, path="/")
    page.keyboard.press("z")
    reach = page.get_by_role("dialog", name="Undo the decision about 1 message?")
    reach.get_by_role("button", name="Undo all of it").click()
    look(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="nothing was undone")).to_be_visible()
    assert state(site, mail) == "purged"


@pytest.mark.long
def test_a_release_request_asks_too(site: Site, page: Page) -> None:
    mail = forged(site, "asked", "Asked for it")
    with db.transaction(site.engine) as session:
        release_requests.request_release(session, parse_id(mail), by=ANA, words="He waits for it", now=utcnow())
    site.open_console(page, path="/requests")
    page.get_by_role("button", name="Release").click()
    look(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Nothing was released. Still held: “Asked for it”")).to_be_visible()
    assert state(site, mail) == "held"
    page.get_by_role("button", name="Release").click()
    read_it(look(page))
    page.keyboard.press("r")
    expect(page.get_by_role("status").filter(has_text="Released “Asked for it”")).to_be_visible()


PROGRAM = """From: {author}
To: joe.fern@company.example
Subject: Your order
Content-Type: application/octet-stream; name="order.exe"
Content-Disposition: attachment; filename="order.exe"
Content-Transfer-Encoding: base64

TVqQAAMAAAAEAAAA//8AALgAAAAAAAAA
"""


@pytest.mark.long
def test_a_rule_that_is_changed_to_let_in_more_asks_too(site: Site, page: Page) -> None:
    author = "orders@programs.example"
    (number,) = add_rules(site.engine, site.settings, RuleOrder("allow", "address", author, "company"))
    site.come(JOE, author=author, raw=PROGRAM.format(author=author).encode())
    site.open_console(page, path="/rules")

    def is_risky() -> bool:
        with db.read_transaction(site.engine) as session:
            return session.get_one(Rule, number).risky

    page.get_by_role("button", name=f"Change the rule for {author}").click()
    sheet = page.get_by_role("dialog", name=f"Change the rule for {author}", exact=True)
    sheet.get_by_label("allow risky attachments too").check()
    sheet.get_by_role("button", name="Save").click()
    asked = page.get_by_role("dialog", name=f"Change the rule for {author}?", exact=True)
    expect(asked.get_by_text("Contains a danger").first).to_be_visible()
    read_it(asked, "Change")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="The rule was not changed.")).to_be_attached()
    expect(asked).to_have_count(0)
    assert not is_risky()
    sheet.get_by_role("button", name="Save").click()
    read_it(asked, "Change")
    page.keyboard.press("r")
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text=author)).to_contain_text("including risky attachments")
    assert is_risky()


@pytest.mark.long
def test_a_row_that_changed_while_the_sheet_is_open_is_not_released_unseen(site: Site, page: Page) -> None:
    mail = forged(site, "changed", "Changed meanwhile")
    site.open_console(page, path="/?q=from:changed.forged.example")
    row(page, "Changed meanwhile").click()
    page.keyboard.press("r")
    sheet = look(page)
    with db.transaction(site.engine) as session:
        decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=(parse_id(mail),)), Verb.PURGE), by=ANA, now=utcnow(), settings=site.settings
        )
    read_it(sheet)
    page.keyboard.press("r")
    expect(page.get_by_role("alert").filter(has_text="was not released")).to_be_visible()
    assert state(site, mail) == "purged"
