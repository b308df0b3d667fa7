"""Trials of rules on content see what the judge saw: whether a message was sent inside the company."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, add_rules
from triage.config.settings import Settings
from triage.intake import receive as intake
from triage.policy.rules.store import RuleOrder
from triage.quarantine.rules import content_trial
from triage.store import db

JOE, ANNA = "it+joe.fern@company.example", "anna@company.example"
ASKED = RuleOrder("mark", "content", "asked", "company", note="why", conditions=(("author", (ANNA,)),))


@pytest.fixture
def with_networks(settings: Settings) -> Settings:
    """Messages from the test's client are sent inside the company."""
    return replace(settings, smtp=replace(settings.smtp, internal_networks=("192.0.2.0/24",)))


@pytest.mark.parametrize("acted", ["", "mark", "hold"])
@pytest.mark.parametrize(("direction", "changed"), [("internal", 1), ("incoming", 0)])
def test_what_was_sent_inside_stays_so_once_a_rule_has_acted(
    known: Engine, with_networks: Settings, acted: str, direction: str, changed: int
) -> None:
    order = replace(ASKED, conditions=(*ASKED.conditions, ("direction", (direction,))))
    if acted:
        add_rules(
            known, with_networks, replace(ASKED, effect=acted, value="first", conditions=(*ASKED.conditions, ("direction", ("internal",))))
        )
    inside = replace(arriving.envelope(JOE, reverse_path=ANNA), edge="198.51.100.1", client_protocol="ESMTP")
    with db.transaction(known) as session:
        signed, said = arriving.authentication(ANNA), arriving.summary(ANNA)
        intake.receive_message(session, inside, b"From: a\r\n\r\n", signed, said, settings=with_networks, now=NOW)
    with db.read_transaction(known) as session:
        (found,) = content_trial.try_contents(session, [order], by=ANA, now=NOW, settings=with_networks).values()
    assert (found.counts.came, found.counts.changed) == (1, changed)
