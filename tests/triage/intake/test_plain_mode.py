"""Plain mode: what would be held goes on at once, into a folder of the department's account; the rest is as ever."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import DMARC_PASS, add_rules, arrive
from triage.config.settings import Settings
from triage.policy.rules.rule_request import RuleOrder
from triage.store import db
from triage.store.models.deliveries import Delivery

RULES = (RuleOrder("allow", "address", "ann@supplier.example", "company"), RuleOrder("block", "domain", "junk.example", "person:joe.fern"))


@pytest.mark.parametrize(
    ("to", "author", "state", "mailbox", "rule"),
    [
        ("joe.fern@company.example", "eve@x.example", "queued", "it+joe.fern@company.example", "first-contact"),
        ("it+joe.fern@company.example", "eve@x.example", "queued", "it+joe.fern@company.example", "first-contact"),
        ("info@company.example", "eve@x.example", "queued", "it+Shared@company.example", "first-contact"),
        ("joe.fern@company.example", "ann@supplier.example", "queued", "joe.fern@company.example", "allowed-sender"),
        ("joe.fern@company.example", "x@junk.example", "purged", "joe.fern@company.example", "blocked-sender"),
    ],
)
def test_where_it_goes(known: Engine, settings: Settings, to: str, author: str, state: str, mailbox: str, rule: str) -> None:
    settings = replace(settings, company=replace(settings.company, plain=True))
    add_rules(known, settings, *RULES)
    with db.transaction(known) as session:
        (made,) = arrive(
            session, settings, to, author=author, dmarc=DMARC_PASS if "supplier" in author else replace(DMARC_PASS, domain="x")
        )
        delivery = session.get_one(Delivery, made)
        assert (delivery.state, delivery.mailbox, delivery.rule) == (state, mailbox, rule)
        assert (delivery.due_at is not None) == (state == "queued")
