"""Renewal of a domain's proof when it sends differently: a single act for all, undone, alerted, within the actor's scope."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage.arriving import ANA, BEN, IDA, NOW, OTTO
from tests.triage.policy.known_senders.test_domain_proofs import BY_SERVER, DOMAIN, MOVED, ODD, SERVER, SIGNED, allow, came, kept
from triage.access import confidential_folders
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.alert_types import DIFFERS
from triage.config.settings import Settings
from triage.errors import NotAllowed, NotAllowedNow, NotFound
from triage.notifications.alerts import find_alerts
from triage.policy.decide import DIFFERENT
from triage.policy.known_senders.renew_proofs import ChangedProof, count_new, list_changed, refuse_proof, renew_proof, undo_renewal
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.messages import Message

DAY = timedelta(days=1)
MARA, JOE = "legal+mara.berg@company.example", "it+joe.fern@company.example"


@pytest.fixture
def moved(known: Engine, settings: Settings) -> Engine:
    """A supplier has moved: two messages passed, to two people, and one is held."""
    allow(known, settings)
    came(known, settings, SIGNED)
    came(known, settings, BY_SERVER, to=(JOE, MARA))
    came(known, settings, BY_SERVER)
    came(known, settings, BY_SERVER, **ODD)
    return known


def listed(engine: Engine, by: Actor = ANA, days: float = 0) -> list[ChangedProof]:
    with db.read_transaction(engine) as session:
        return list_changed(session, by=by, now=NOW + days * DAY)


def test_there_is_one_entry(moved: Engine) -> None:
    (one,) = listed(moved)
    assert (one.domain, one.state, one.messages, one.people, one.held, one.days) == (DOMAIN, "new", 3, 2, 1, 1)
    assert (one.now, one.before) == ((f"sent for {DOMAIN} by servers in 40.107.0.0/16 (SPF)",), (f"signed by {DOMAIN} (DKIM)",))
    assert [(one.messages, one.people, one.held) for one in listed(moved, BEN)] == [(1, 1, 0)]  # of his department


def test_one_act_renews_it_for_all_and_is_undone(moved: Engine, settings: Settings) -> None:
    with db.transaction(moved) as session:
        found = renew_proof(session, DOMAIN.upper(), [SERVER], by=ANA, reason="called them", now=NOW)
        assert (found.state, found.by_shown, found.held) == ("renewed", "Ana Roth", 1)  # what has other warnings stays held
        with pytest.raises(NotAllowedNow, match="Renewed by Ana Roth 4 seconds ago"):
            renew_proof(session, DOMAIN, [SERVER], by=IDA, reason="", now=NOW + timedelta(seconds=4))
    assert came(moved, settings, BY_SERVER, **ODD) == ("queued", "allowed-sender")
    assert came(moved, settings, SIGNED, **ODD) == ("queued", "allowed-sender")
    assert [one.state for one in listed(moved, days=6)] == ["renewed"]
    assert listed(moved, days=8) == []
    with db.transaction(moved) as session:
        assert undo_renewal(session, DOMAIN, by=IDA, reason="it was not them", now=NOW).state == "new"
        with pytest.raises(NotAllowedNow):
            undo_renewal(session, DOMAIN, by=IDA, reason="", now=NOW)
        acts = session.scalars(select(AuditRecord).where(col(AuditRecord.subject) == f"domain:{DOMAIN}").order_by(col(AuditRecord.id)))
        assert [(one.act, one.detail["reason"]) for one in acts] == [
            ("renew-proof", "called them"),
            ("undo-renew-proof", "it was not them"),
        ]
    assert came(moved, settings, BY_SERVER, **ODD) == ("held", DIFFERENT)
    assert kept(moved)[SERVER][:2] == (False, 0)  # its days begin again


@pytest.mark.parametrize("by", [BEN, OTTO])
def test_who_makes_no_rules_for_the_company_renews_nothing(moved: Engine, by: Actor) -> None:
    with db.transaction(moved) as session, pytest.raises(NotAllowed):
        renew_proof(session, DOMAIN, [SERVER], by=by, reason="", now=NOW)


@pytest.mark.parametrize("domain", ["other.example", "", "a\0b.example", "a b", "@"])
def test_what_is_not_there_is_not_found(moved: Engine, domain: str) -> None:
    with db.transaction(moved) as session, pytest.raises(NotFound):
        renew_proof(session, domain, [SERVER], by=ANA, reason="", now=NOW)


def test_only_what_was_seen_is_renewed(moved: Engine, settings: Settings) -> None:
    (seen,) = listed(moved)
    came(moved, settings, BY_SERVER, client="203.0.113.9")
    for ways in (seen.ways, (*seen.ways, "dkim:another.example")):
        with db.transaction(moved) as session, pytest.raises(NotAllowedNow, match="review them again"):
            renew_proof(session, DOMAIN, ways, by=ANA, reason="", now=NOW)
    with db.transaction(moved) as session:
        renew_proof(session, DOMAIN, listed(moved)[0].ways, by=ANA, reason="", now=NOW)
    assert all(is_usual for is_usual, *_ in kept(moved).values())


def test_a_way_that_is_not_theirs_is_refused_until_somebody_renews_it(moved: Engine, settings: Settings) -> None:
    with db.transaction(moved) as session:
        assert refuse_proof(session, DOMAIN, [SERVER], by=ANA, reason="", now=NOW).state == "refused"
        with pytest.raises(NotAllowedNow, match="Refused by Ana Roth"):
            refuse_proof(session, DOMAIN, [SERVER], by=IDA, reason="", now=NOW)
        assert count_new(session)[0] == 0
    for day in (1, 2, 3, 4):
        came(moved, settings, BY_SERVER, day)
    assert not kept(moved)[SERVER][0]
    assert ([one.state for one in listed(moved, days=6)], listed(moved, days=8)) == (["refused"], [])
    with db.transaction(moved) as session:
        assert renew_proof(session, DOMAIN, [SERVER], by=IDA, reason="", now=NOW).state == "renewed"


def test_where_none_of_its_messages_is_left_there_is_no_alert(moved: Engine) -> None:
    with db.transaction(moved) as session:
        session.execute(update(Message).values(signal_names=""))
    assert listed(moved) == []
    with db.read_transaction(moved) as session:
        assert count_new(session)[0] == 0


def test_administrators_are_told_without_a_name(moved: Engine, settings: Settings) -> None:
    with db.read_transaction(moved) as session:
        (told,) = (one for one in find_alerts(session, settings, NOW) if one.cause == DIFFERS)
    assert (told.number, told.words.split(".")[0]) == (1, "1 known sender sends differently")
    assert DOMAIN not in told.words


def test_what_is_sealed_later_is_not_counted(known: Engine, settings: Settings) -> None:
    allow(known, settings)
    came(known, settings, SIGNED)
    came(known, settings, BY_SERVER, client=MOVED, to=(MARA,))
    with db.transaction(known) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ben",))])
    assert listed(known) == []
    assert listed(known, BEN) == []
