"""Recent deliveries of a blocked sender: counted and offered within the scopes of rule and actor, never moved automatically."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage.arriving import ANA, BEN, DMARC_PASS, NOW, arrive
from triage.actor import Actor
from triage.config.settings import Settings
from triage.ids import format_id
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.removal import delivered_lately
from triage.quarantine.removal.delivered_lately import Lately
from triage.quarantine.rules import rule_import_export
from triage.quarantine.search import selection_summary
from triage.quarantine.search.selection import Selection
from triage.store.db import transaction
from triage.store.delivery_state import State
from triage.store.models.contacts import Contact
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import Recalled

CROOK, JOE, MARA = "crook@evil.example", "it+joe.fern@company.example", "legal+mara.berg@company.example"


def delivered(session: Session, settings: Settings, *to: str, **more: Any) -> list[int]:
    """Messages that went on to these."""
    ids = [one for address in to for one in arrive(session, settings, address, **{"author": CROOK} | more)]
    session.execute(update(Delivery).where(col(Delivery.id).in_(ids)).values(state=State.DELIVERED, settled_at=NOW))
    return ids


def lately(session: Session, settings: Settings, order: RuleOrder, by: Actor = ANA) -> Lately:
    made = rules.add_rule(session, order, by=ANA, now=NOW, settings=settings)
    return delivered_lately.of_rule(session, made, by=by, now=NOW)


BLOCK = RuleOrder("block", "address", CROOK, "company")


@pytest.mark.parametrize(
    ("order", "by", "found"),
    [
        (BLOCK, ANA, (3, 2)),
        (BLOCK, BEN, (1, 1)),  # of the rest of the company he learns nothing
        (RuleOrder("block", "domain", "evil.example", "company"), ANA, (4, 2)),  # what is below it too
        (RuleOrder("block", "address", CROOK, "department:it"), ANA, (2, 1)),
        (RuleOrder("block", "address", CROOK, "person:mara.berg"), ANA, (1, 1)),
        (RuleOrder("block", "address", CROOK, "company", unproven_only=True), ANA, (2, 2)),
        (RuleOrder("block", "list", "news.evil.example", "company"), ANA, (0, 0)),
        (RuleOrder("allow", "address", CROOK, "company"), ANA, (0, 0)),
        (RuleOrder("block", "address", "else@where.example", "company"), ANA, (0, 0)),
    ],
)
def test_what_was_delivered_lately(known: Engine, settings: Settings, order: RuleOrder, by: Actor, found: tuple[int, int]) -> None:
    with transaction(known) as session:
        delivered(session, settings, JOE, MARA)
        delivered(session, settings, JOE, dmarc=DMARC_PASS)
        delivered(session, settings, JOE, author="other@sub.evil.example")
        delivered(session, settings, JOE, at=NOW - timedelta(days=15))  # too long ago
        arrive(session, settings, JOE, author=CROOK)  # held
        offered = lately(session, settings, order, by)
        assert (offered.messages, offered.mailboxes) == found
        assert (offered.select is None) is (found == (0, 0))
        if offered.select:
            assert (
                selection_summary.selection_evidence(session, offered.select, by=by, now=NOW).count == offered.messages
            )  # the removal is of just these


def test_the_campaign_of_a_block_too(known: Engine, settings: Settings) -> None:
    with transaction(known) as session:
        for delivery_id in delivered(session, settings, JOE, MARA, author="a@b.example"):
            session.get_one(Delivery, delivery_id).campaign_id = 77
        session.flush()
        one = lately(session, settings, RuleOrder("block", "campaign", format_id(77), "company", unproven_only=True))
        assert (one.messages, one.mailboxes, one.select and one.select.campaign) == (2, 2, 77)


def test_what_was_opened_as_far_as_is_known(known: Engine, settings: Settings) -> None:
    with transaction(known) as session:
        _, answered, read = delivered(session, settings, JOE, MARA, "it+joe.fern@company.example")
        last = NOW + timedelta(hours=1)
        times: dict[str, Any] = {"learned_at": NOW, "first_sent_at": NOW, "last_sent_at": last, "last_mail_at": last}
        session.add(Contact(address=CROOK, person="mara.berg", **times))
        assert session.get_one(Delivery, answered).person == "mara.berg"
        one = lately(session, settings, BLOCK)
        assert (one.sentence, one.opened) == ("3 messages in 2 mailboxes, 1 opened. Remove them too?", 1)
        assert session.scalars(select(Recalled)).all() == []
        assert session.get_one(Delivery, read).state == "delivered"


def test_of_an_imported_list_those_that_delivered_something(known: Engine, settings: Settings) -> None:
    with transaction(known) as session:
        delivered(session, settings, JOE)
        delivered(session, settings, JOE, MARA, author="a@bad.example")
        lines = f"block {CROOK}\nblock bad.example\nblock nothing.example\nblock a@nothing.example\nallow friend.example"
        loaded = rule_import_export.load_rules(session, lines, by=ANA, now=NOW, settings=settings)
        found = delivered_lately.of_rules(session, loaded.rules, by=ANA, now=NOW)
        assert [(one.value, one.messages) for one in found] == [("bad.example", 2), (CROOK, 1)]
        assert [one.value for one in delivered_lately.of_rules(session, loaded.rules, by=BEN, now=NOW)] == ["bad.example"]
        assert isinstance(found[0].select, Selection)


@pytest.mark.parametrize(
    ("messages", "mailboxes", "opened", "said"),
    [
        (12, 9, 3, "12 messages in 9 mailboxes, 3 opened. Remove them too?"),
        (1, 1, 0, "1 message in 1 mailbox, 0 opened. Remove them too?"),
        (0, 0, 0, ""),
    ],
)
def test_the_sentence(messages: int, mailboxes: int, opened: int, said: str) -> None:
    assert Lately(1, CROOK, messages, mailboxes, opened, None).sentence == said
