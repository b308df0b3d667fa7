"""Pages about one thing, which are no place in the rail: one person, one sender, one campaign, one decision; and their sheets."""

from collections.abc import Iterator
from dataclasses import dataclass

from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlmodel import col

from tests.triage.arriving import ANA, NO_DMARC, add_rules
from tests.webui.queue.test_campaigns import PRIZE
from tests.webui.site import JOE, MARA, Site
from triage.ids import format_id
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.times import utcnow

LUCK, PAPER = "luck@prize1.example", "orders@paper.example"
CHANGE = "button: Change the rule for {}"  # a sheet that a button opens


@dataclass(frozen=True, slots=True)
class Single:
    """A page about one thing: where it is, what is written above it, its longest table, and the keys or buttons that open its sheets."""

    path: str
    title: str
    table: str
    sheets: tuple[str, ...] = ()


def singles(site: Site) -> tuple[Single, ...]:
    """Pages of each kind, with content."""
    for number, to in enumerate((JOE, MARA, JOE)):
        site.come(to, author=f"luck@prize{number}.example", subject="You have won", text=PRIZE.format(number, number), dmarc=NO_DMARC)
    site.come(JOE, author=PAPER, subject="Your paper", dmarc=NO_DMARC)
    add_rules(
        site.engine,
        site.settings,
        RuleOrder("allow", "domain", "paper.example", "person:joe.fern", note="weekly"),
        RuleOrder("block", "address", LUCK, "department:legal"),
    )
    with db.transaction(site.engine) as session:
        campaign = session.scalars(select(col(Delivery.campaign_id)).where(col(Delivery.author) == LUCK)).one()
        selected = Selection.of(sender=PAPER)
        decision = decisions.decide_messages(
            session, DecisionRequest(selected, Verb.PURGE, "not ours"), by=ANA, now=utcnow(), settings=site.settings
        ).id
    return (
        Single("/people/joe.fern", "Joe Fern", "Rules", (CHANGE.format("paper.example"),)),
        Single(f"/senders/{LUCK}", LUCK, "Messages from this sender", ("b", "p", CHANGE.format(LUCK))),
        Single("/senders/paper.example", "paper.example", "Messages from this sender", ("b", "p")),
        Single(f"/campaigns/{format_id(campaign or 0)}", "You have won", "Messages of this campaign", ("p", "y")),
        Single(f"/decisions/{format_id(decision)}", "Removed", "Outcome of each message"),
    )


def opened(page: Page, site: Site, single: Single) -> None:
    """Page of one thing, completely loaded."""
    page.goto(site.url + single.path)
    expect(page.get_by_role("heading", level=1).filter(has_text=single.title)).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    expect(page.get_by_role("table", name=single.table, exact=True).get_by_role("row").nth(1)).to_be_visible()


def sheets_of(page: Page, single: Single) -> Iterator[str]:
    """Each of its sheets in turn, opened and read; closed again afterwards."""
    for sheet in single.sheets:
        if sheet.startswith("button: "):
            page.get_by_role("button", name=sheet.removeprefix("button: ")).click()
        else:
            page.keyboard.press(sheet)
        expect(page.get_by_role("dialog")).to_be_visible()
        expect(page.get_by_role("dialog").get_by_text("Counting…")).to_have_count(0)
        yield f"{single.path} {sheet}"
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
