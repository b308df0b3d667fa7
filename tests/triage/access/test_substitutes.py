"""Standing in: whose scope it gives, from when until when, who may arrange it, and what goes in the audit log."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC, arrive
from triage.access import staff_members, substitutes
from triage.actor import EVERYTHING, Actor, Role, Scope
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, StaffEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed, NotFound
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import listing
from triage.quarantine.search.selection import Selection
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord

DAY = timedelta(days=1)
LEO = Actor.person("leo", Role.ADMIN, Scope(departments=frozenset({"legal"})), "Leo Falk")
EVE = Actor.person("eve", Role.TRIAGE, EVERYTHING, "Eve Stone")
STAFF = tuple(StaffEntry(one.name, one.shown, str(one.role), tuple(one.scope.words())) for one in (ANA, BEN, EVE, IDA, LEO, OTTO))
HOUSE = CompanyDirectory(COMPANY.departments, COMPANY.people, STAFF, COMPANY.postmaster)
JOE = "it+joe.fern@company.example"


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """The small company with staff of every role."""
    with transaction(engine) as session:
        directory.apply_directory(session, HOUSE, settings.company, by=SYNC, now=NOW)
    return engine


def arranged(session: Session, absent: str = "ana", substitute: str = "ben", by: Actor = ANA, **times: datetime) -> int:
    """Ben stands in for Ana, from tomorrow for a day, unless something else is said; the id."""
    span: dict[str, Any] = {"starts_at": NOW + DAY, "ends_at": NOW + 2 * DAY} | times
    return substitutes.arrange_substitute(session, absent, substitute, reason="holidays", by=by, now=NOW, **span).id


def ben(session: Session, now: datetime) -> Actor:
    """Ben as he is at a moment."""
    found = staff_members.find_staff_actor(session, "ben", now)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("after", "scope"),
    [
        (DAY - timedelta(seconds=1), ["department:legal"]),
        (DAY, ["company"]),
        (2 * DAY - timedelta(seconds=1), ["company"]),
        (2 * DAY, ["department:legal"]),
    ],
)
def test_the_scope_is_theirs_for_the_stated_time(company: Engine, after: timedelta, scope: list[str]) -> None:
    with transaction(company) as session:
        arranged(session)
        assert ben(session, NOW + after).scope.words() == scope


def test_what_a_substitute_does_is_in_their_own_name_and_says_for_whom(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        arranged(session)
        (mail,) = arrive(session, settings, JOE)
        request = DecisionRequest(Selection(ids=(mail,)), Verb.PURGE)
        made = decisions.decide_messages(session, request, by=ben(session, NOW + DAY), now=NOW + DAY, settings=settings)
        assert (made.by, made.count) == ("person:ben", 1)
        records = session.scalars(
            select(AuditRecord).where(col(AuditRecord.act).in_(["substitute", "purge"])).order_by(col(AuditRecord.id))
        ).all()
        assert [(one.by, one.detail.get("stands_in_for")) for one in records] == [("person:ana", None), ("person:ben", ["ana"])]
        assert (records[0].detail["substitute"], records[0].detail["reason"]) == ("ben", "holidays")


def test_when_it_begins_is_on_the_record_beside_where_it_was_asked_for(company: Engine) -> None:
    with transaction(company) as session:
        arranged(session, by=replace(ANA, place="192.0.2.7"))
        said = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "substitute")).one().detail
    assert (said["since"], said["from"]) == ((NOW + DAY).isoformat(), "192.0.2.7")


def test_it_ends_at_once_when_somebody_ends_it(company: Engine) -> None:
    with transaction(company) as session:
        one = arranged(session, starts_at=NOW)
        assert ben(session, NOW).scope.company
        for stranger in (LEO, Actor.person("eva", Role.TRIAGE, Scope())):
            with pytest.raises((NotAllowed, NotFound)):
                substitutes.end_substitution(session, one, by=stranger, now=NOW)
        substitutes.end_substitution(session, one, by=BEN, now=NOW)
        assert not ben(session, NOW).scope.company
        assert substitutes.list_substitutions(session, by=ANA, now=NOW) == []


@pytest.mark.parametrize(
    ("by", "seen"),
    [
        (ANA, {"ana", "ida"}),  # her own, and the one in which she stands in
        (LEO, {"ben"}),
        (replace(LEO, role=Role.AUDITOR), {"ben"}),
        (IDA, {"ana", "ben", "ida"}),
        (OTTO, {"ana", "ben", "ida"}),
        (Actor.person("eva", Role.TRIAGE, Scope(departments=frozenset({"legal"}))), set()),
    ],
)
def test_who_hears_that_somebody_is_away(company: Engine, by: Actor, seen: set[str]) -> None:
    with transaction(company) as session:
        arranged(session, "ana", "eve", IDA)
        arranged(session, "ida", "ana", IDA)
        arranged(session, "ben", "eve", LEO)
        assert {one.absent for one in substitutes.list_substitutions(session, by=by, now=NOW)} == seen


def test_it_does_not_go_on_to_the_next(company: Engine) -> None:
    with transaction(company) as session:
        arranged(session, "ida", "ana", IDA, starts_at=NOW)
        arranged(session, "ana", "ben", ANA, starts_at=NOW)
        assert ben(session, NOW).stands_in_for == ("ana",)


def test_a_seal_does_not_go_along(company: Engine, settings: Settings) -> None:
    sealed = CompanyDirectory(
        HOUSE.departments, HOUSE.people, STAFF, HOUSE.postmaster, sealed=(ConfidentialEntry("department:it", ("ana",)),)
    )
    with transaction(company) as session:
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
        arrive(session, settings, JOE)
        arranged(session, starts_at=NOW)
    with read_transaction(company) as session:
        seen = {who: listing.list_deliveries(session, Selection(), by=by).total for who, by in (("ana", ANA), ("ben", ben(session, NOW)))}
    assert seen == {"ana": 1, "ben": 0}


@pytest.mark.parametrize(
    ("absent", "substitute", "by", "may"),
    [
        ("ana", "ben", ANA, True),
        ("ana", "ben", IDA, True),
        ("ana", "ben", BEN, False),
        ("ana", "ben", OTTO, False),
        ("ana", "ben", LEO, False),
        ("ben", "ana", LEO, True),
        ("ida", "ana", IDA, True),
    ],
)
def test_who_may_arrange_it(company: Engine, absent: str, substitute: str, by: Actor, may: bool) -> None:
    with transaction(company) as session:
        if may:
            assert arranged(session, absent, substitute, by)
            return
        with pytest.raises(NotAllowed):
            arranged(session, absent, substitute, by)


@pytest.mark.parametrize(
    ("absent", "substitute", "times", "says"),
    [
        ("ana", "ana", {}, "somebody other"),
        ("ana", "nobody", {}, "“nobody” is not a member of staff"),
        ("ana", "ida", {}, "a substitute needs the role"),
        ("ana", "otto", {}, "a substitute needs the role"),
        ("ana", "ben", {"ends_at": NOW}, "the end must be after the start"),
        ("ana", "ben", {"starts_at": NOW - 2 * DAY, "ends_at": NOW - DAY}, "the end must be after the start"),
    ],
)
def test_what_cannot_be(company: Engine, absent: str, substitute: str, times: dict[str, datetime], says: str) -> None:
    with transaction(company) as session, pytest.raises(BadInput, match=says):
        arranged(session, absent, substitute, IDA, **times)
