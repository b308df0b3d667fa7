"""The evidence sheet: proofs, what people did with the copies, and what does not look like the rest."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import ANA, BEN, DMARC_PASS, NO_DMARC, NOW, arrive, set_up
from triage.config.settings import Settings
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.search import selection_summary
from triage.quarantine.search.selection import Selection
from triage.quarantine.search.selection_summary import least_alike
from triage.store.db import read_transaction, transaction
from triage.store.models.contacts import Contact
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import Recalled

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
SAME = [(number, "a@a.example", "a.example", 7, "", "Hello") for number in range(3)]


def test_it_says_how_they_prove_themselves_and_what_people_did_with_them(engine: Engine, settings: Settings) -> None:
    with transaction(engine) as session:
        set_up(session, settings)
        joe, mara = arrive(session, settings, JOE, MARA, author="x@shop.example", dmarc=DMARC_PASS)
        arrive(session, settings, JOE, author="x@shop.example", dmarc=NO_DMARC)
        arrive(session, settings, JOE, author="other@else.example", dmarc=DMARC_PASS)
        for copy, flags in ((joe, ["\\Seen"]), (mara, ["\\Flagged"])):
            session.add(Recalled(delivery_id=copy, found_at=NOW, flags=flags))
        wrote: dict[str, Any] = {"first_sent_at": NOW, "learned_at": NOW, "last_mail_at": NOW}
        for person, at in (("mara.berg", NOW + timedelta(hours=1)), ("joe.fern", NOW - timedelta(days=9))):
            session.add(Contact(address="x@shop.example", person=person, last_sent_at=at, **wrote))
    with read_transaction(engine) as session:
        sheet = selection_summary.selection_evidence(session, Selection.of(domain="shop.example"), by=ANA, now=NOW)
        own = selection_summary.selection_evidence(session, Selection.of(domain="shop.example"), by=BEN, now=NOW)
    assert (sheet.count, sheet.by_proof, sheet.proven) == (3, {"dmarc": 2, "none": 1}, 2)
    assert (sheet.opened, sheet.answered) == (1, 1)
    assert (own.count, own.by_proof, own.opened, own.answered) == (1, {"dmarc": 1}, 0, 1)


RULES = [  # an allow that is in force, and whether it contradicts taking away everything of shop.example
    (RuleOrder("allow", "address", "sales12@shop.example", "company"), True),  # of many senders the last
    (RuleOrder("allow", "domain", "shop.example", "company"), True),
    (RuleOrder("allow", "domain", "mail.shop.example", "company"), True),
    (RuleOrder("allow", "subdomains", "shop.example", "company"), True),
    (RuleOrder("allow", "address", "nobody@shop.example", "company"), False),
    (RuleOrder("allow", "domain", "else.example", "company"), False),
    (RuleOrder("block", "domain", "shop.example", "company"), False),
]


def test_it_names_every_rule_that_says_otherwise(engine: Engine, settings: Settings) -> None:
    with transaction(engine) as session:
        set_up(session, settings)
        for number in range(13):
            arrive(session, settings, JOE, author=f"sales{number}@shop.example")
        arrive(session, settings, JOE, author="news@mail.shop.example")
        made = {rules.add_rule(session, order, by=ANA, now=NOW, settings=settings).id: wanted for order, wanted in RULES}
        order = RuleOrder("allow", "list", "dev.lists.example", "company", proof="dkim:lists.example")
        for_its_list = rules.add_rule(session, order, by=ANA, now=NOW, settings=settings).id
        (one, *_) = arrive(session, settings, JOE, author="hans@shop.example")
        session.get_one(Delivery, one).rule_id = for_its_list
    with read_transaction(engine) as session:
        sheet = selection_summary.selection_evidence(session, Selection.of(domain="shop.example"), by=ANA, now=NOW)
    assert set(sheet.rules_contradicted) == {*(rule for rule, wanted in made.items() if wanted), for_its_list}


def test_it_shows_those_that_are_least_like_the_others(engine: Engine, settings: Settings) -> None:
    with transaction(engine) as session:
        set_up(session, settings)
        for number in range(8):
            arrive(session, settings, JOE, author="wave@bad.example", subject=f"Your parcel waits {number}")
        (odd,) = arrive(session, settings, JOE, author="anna@bad.example", subject="Contract for signature", dmarc=DMARC_PASS)
    with read_transaction(engine) as session:
        sheet = selection_summary.selection_evidence(session, Selection.of(domain="bad.example"), by=ANA, now=NOW)
        assert session.get_one(Delivery, odd).proof == "dmarc"
        weights = set(session.scalars(select(col(Delivery.weight))))
    assert sheet.least_alike[0] == odd
    assert len(sheet.least_alike) == 5
    assert sheet.least_weight == min(weights) < max(weights)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([], ()),
        ([(1, "a@a.example", "a.example", None, "", "Hello")], ()),
        (SAME, ()),
        (
            [*((number, "a@a.example", "a.example", 7, "", "Hello") for number in range(3)), (9, "b@b.example", "b.example", 8, "", "Bye")],
            (9, 2, 1, 0),
        ),
    ],
)
def test_where_all_are_alike_none_is_shown(rows: list[tuple[object, ...]], found: tuple[int, ...]) -> None:
    assert least_alike(rows) == found
