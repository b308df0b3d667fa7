"""Senders at services through which anybody can send: named, allowed as a whole by two people only, and always checked."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import ANA, IDA, NOW, summary
from tests.triage.policy.known_senders.test_checks import BANK, allow, came, judged
from triage.config.settings import Settings
from triage.errors import ApprovalNeeded, BadInput
from triage.message.summary import Link
from triage.policy.decide import UNLIKE
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.store import db
from triage.store.models.messages import Message

PLATFORM, SENDER = "docusign.net", "dse@eumail.docusign.net"
TRACKED: dict[str, Any] = {"links": (Link("www.partner.example", "https://click.tracker.example/9"),)}


@pytest.fixture
def holding(settings: Settings) -> Settings:
    return replace(settings, policy=replace(settings.policy, hold_known_trial_days=0))


@pytest.mark.parametrize("order", [("domain", PLATFORM), ("domain", "eumail.docusign.net"), ("subdomains", PLATFORM)])
@pytest.mark.parametrize("scope", ["company", "department:it"])
def test_to_allow_one_as_a_whole_takes_two(known: Engine, settings: Settings, order: tuple[str, str], scope: str) -> None:
    wanted = RuleOrder("allow", *order, scope)
    with db.transaction(known) as session:
        with pytest.raises(ApprovalNeeded) as needed:
            rules.add_rule(session, wanted, by=IDA, now=NOW, settings=settings)
        assert needed.value.needs == ("platform-allow",)
        made = rules.add_rule(session, wanted, by=IDA, now=NOW, settings=settings, second=ANA)
        assert (made.second_by, made.doubt) == ("person:ana", "Anybody can send messages through docusign.net.")


def test_one_address_is_allowed_with_a_warning(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        made = rules.add_rule(session, RuleOrder("allow", "address", SENDER, "company"), by=IDA, now=NOW, settings=settings)
        assert made.doubt == "Anybody can send messages through docusign.net."


def test_its_messages_are_always_checked(known: Engine, holding: Settings) -> None:
    """No rule lets them pass whatever they say, and what one of its senders did a week ago makes nothing usual for the next."""
    order = RuleOrder("allow", "address", SENDER, "company", unchecked=True)
    with db.transaction(known) as session, pytest.raises(BadInput, match="they are always checked"):
        rules.add_rule(session, order, by=IDA, now=NOW, settings=holding, second=ANA)
    allow(known, holding, SENDER)
    off = replace(holding, policy=replace(holding.policy, hold_known=()))
    for day in (0, 1):
        assert judged(known, off, day, SENDER, **TRACKED)[1] == "allowed-sender"
    assert judged(known, holding, 9, SENDER, **TRACKED)[1] == UNLIKE
    assert judged(known, holding, 9, SENDER, **BANK)[1] == UNLIKE
    assert judged(known, holding, 9, SENDER)[1] == "allowed-sender"


def test_its_messages_say_so(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        named = {one["name"] for one in session.get_one(Message, came(session, settings, summary(SENDER)).message_id).signals}
        other = {one["name"] for one in session.get_one(Message, came(session, settings, summary("a@x.example")).message_id).signals}
    assert ("open-platform" in named, "open-platform" in other) == (True, False)
