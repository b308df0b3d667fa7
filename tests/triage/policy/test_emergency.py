"""The emergency: who opens it, what passes then and what does not, and that it closes by itself, in the audit log."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import ANA, DMARC_FAIL, IDA, NOW, OTTO, arrive
from triage.actor import Actor, Role, Scope
from triage.config.settings import Settings
from triage.errors import BadInput, NotAllowed, NotFound
from triage.policy import emergency
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery

EVE = Actor.person("eve", Role.ADMIN, Scope(departments=frozenset({"it"})), "Eve Admin")
HOUR = timedelta(hours=1)


def opened(engine: Engine, by: Actor = IDA, until: timedelta = HOUR, reason: str = "nobody is here") -> None:
    with db.transaction(engine) as session:
        emergency.open_emergency(session, NOW + until, by=by, reason=reason, now=NOW)


def verdict(engine: Engine, settings: Settings, author: str = "sales@supplier.example", **more: object) -> tuple[str, str, str]:
    with db.transaction(engine) as session:
        (came,) = arrive(session, settings, author=author, **more)  # type: ignore[arg-type]
        found = session.get_one(Delivery, came)
        return found.state, found.rule, found.withheld


def acts(engine: Engine) -> list[tuple[str, str, str]]:
    with db.read_transaction(engine) as session:
        kept = select(AuditRecord).where(col(AuditRecord.subject) == "emergency").order_by(col(AuditRecord.id))
        return [(one.act, one.by, one.detail.get("reason", "")) for one in session.scalars(kept)]


def test_everything_passes_that_is_neither_blocked_nor_forged(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        rules.add_rule(session, RuleOrder("block", "domain", "junk.example", "company"), by=ANA, now=NOW, settings=settings)
    assert verdict(known, settings)[0] == "held"
    opened(known)
    assert verdict(known, settings) == ("queued", "emergency", "first-contact")
    assert verdict(known, settings, "a@junk.example")[:2] == ("purged", "blocked-sender")
    assert verdict(known, settings, "boss@company.example")[:2] == ("held", "own-domain-forged")
    assert verdict(known, settings, dmarc=replace(DMARC_FAIL, policy="none"))[:2] == ("held", "forged-author")
    with db.read_transaction(known) as session:
        reason = session.scalars(select(col(Delivery.reason)).where(col(Delivery.rule) == "emergency")).one()
    assert reason.startswith(
        "Ida Lind lets Mailroom deliver everything until 24 Nov 2026, 10:30 UTC: nobody is here; without that it would have"
    )


def test_it_closes_by_itself_and_the_record_says_so(known: Engine, settings: Settings) -> None:
    opened(known, until=timedelta(seconds=-1) + HOUR)
    with db.transaction(known) as session:
        assert emergency.current_emergency(session, NOW + HOUR) is None
        assert emergency.end_expired(session, now=NOW + HOUR) == 1
        assert emergency.end_expired(session, now=NOW + HOUR) == 0
    assert acts(known) == [("open-emergency", "person:ida", "nobody is here"), ("close-emergency", "system:emergency", "")]


def test_closed_before_its_time(known: Engine, settings: Settings) -> None:
    opened(known)
    with db.transaction(known) as session:
        emergency.close_emergency(session, by=IDA, now=NOW)
    assert verdict(known, settings)[0] == "held"
    with pytest.raises(NotFound, match="messages are held as usual"), db.transaction(known) as session:
        emergency.close_emergency(session, by=IDA, now=NOW)
    assert [act for act, *_ in acts(known)] == ["open-emergency", "close-emergency"]


def test_opened_again_the_new_time_counts(known: Engine) -> None:
    opened(known)
    opened(known, until=2 * HOUR, reason="still nobody")
    with db.read_transaction(known) as session:
        found = emergency.current_emergency(session, NOW + timedelta(minutes=90))
    assert found is not None
    assert found.reason == "still nobody"
    with db.transaction(known) as session:
        emergency.close_emergency(session, by=IDA, now=NOW)
        assert emergency.current_emergency(session, NOW) is None


@pytest.mark.parametrize("by", [ANA, OTTO, EVE])
def test_only_administrators_of_the_whole_company_open_it(sqlite_engine: Engine, by: Actor) -> None:
    with pytest.raises(NotAllowed):
        opened(sqlite_engine, by)


@pytest.mark.parametrize(
    ("until", "reason", "says"),
    [(-HOUR, "x", "until: name a time in the future"), (8 * 24 * HOUR, "x", "until: at most 7 days"), (HOUR, " \n", "reason: say why")],
)
def test_mistakes_are_named(sqlite_engine: Engine, until: timedelta, reason: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        opened(sqlite_engine, until=until, reason=reason)
