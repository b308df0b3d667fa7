"""Hold from now on: a supplier was hacked, and all that they send is held until somebody ends it."""

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from tests.webui.access import faults
from tests.webui.site import JOE, MARA, Site
from triage.actor import EVERYTHING, Actor, Role
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.times import utcnow

SALES = "sales@supplier.example"
ANA = Actor.person("ana", Role.TRIAGE, EVERYTHING, "Ana Roth")


@pytest.fixture(scope="module")
def allowed(site: Site) -> Site:
    """A supplier who is allowed, and whose first message was delivered."""
    with db.transaction(site.engine) as session:
        rules.add_rule(session, RuleOrder("allow", "domain", "supplier.example", "company"), by=ANA, now=utcnow(), settings=site.settings)
    site.come(JOE, author=SALES, subject="The usual invoice")
    with db.transaction(site.engine) as session:
        for delivery in session.scalars(select(Delivery)):
            delivery.state = "delivered"
    site.come(MARA, author="other@stranger.example", subject="Hello from a stranger")
    return site


def holds(site: Site) -> list[tuple[str, str, str]]:
    with db.read_transaction(site.engine) as session:
        found = session.scalars(select(Rule).where(col(Rule.removed_at).is_(None), col(Rule.effect) == "hold"))
        return [(rule.match, rule.value, rule.note) for rule in found]


@pytest.mark.long
def test_a_sender_is_held_from_their_page_and_one_key_ends_it(allowed: Site, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    allowed.open_console(page, path=f"/senders/{SALES}")
    expect(page.get_by_role("heading", level=1, name=SALES)).to_be_visible()
    expect(page.get_by_role("button", name="Hold from now on")).to_be_visible()
    page.keyboard.press("h")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_have_accessible_name(f"Hold all messages from {SALES} from now on")
    sheet.get_by_role("radio", name="Whole domain").check()
    sheet.get_by_label("Reason").fill("Their mailbox was hacked")
    assert faults(page) == []
    page.keyboard.press("Enter")
    banner = page.get_by_role("region", name="Sender on hold")
    expect(banner).to_contain_text("Their mailbox was hacked")
    expect(banner).to_contain_text("Decided by Ana Roth on")
    assert holds(allowed) == [("domain", "supplier.example", "Their mailbox was hacked")]
    expect(banner.get_by_role("table", name="Delivered in the last 14 days")).to_contain_text("The usual invoice")
    assert faults(page) == []
    allowed.come(JOE, author=SALES, subject="Our new bank details")
    with db.read_transaction(allowed.engine) as session:
        held = session.scalars(select(Delivery).where(col(Delivery.subject) == "Our new bank details")).one()
        assert (held.state, held.rule) == ("held", "held-sender")
    banner.get_by_role("button", name="Remove this message").click()
    removal = page.get_by_role("dialog", name=f"Remove all messages from {SALES} everywhere")
    expect(removal).to_contain_text("Delivered in the last 14 days")
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    expect(page.get_by_text("Ended the hold of supplier.example.")).to_be_visible()
    expect(banner).to_have_count(0)
    assert holds(allowed) == []
    page.keyboard.press("z")
    expect(banner).to_contain_text("Their mailbox was hacked")
    assert holds(allowed) == [("domain", "supplier.example", "Their mailbox was hacked")]


@pytest.mark.long
def test_a_message_leads_to_the_hold_of_its_sender(allowed: Site, page: Page) -> None:
    allowed.open_console(page)
    page.get_by_role("option").filter(has_text="Hello from a stranger").click()
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Hold from now on").click()
    sheet = page.get_by_role("dialog", name="Hold all messages from other@stranger.example from now on")
    page.keyboard.press("Enter")  # without a reason nothing is sent
    expect(sheet).to_be_visible()
    sheet.get_by_label("Reason").fill("They called")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="All messages from other@stranger.example are held until")).to_be_visible()
    assert ("address", "other@stranger.example", "They called") in holds(allowed)
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="Undone. New messages from other@stranger.example")).to_be_visible()
    assert ("address", "other@stranger.example", "They called") not in holds(allowed)
