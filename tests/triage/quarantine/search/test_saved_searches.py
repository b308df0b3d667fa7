"""Searches kept by a name: one's own, shared ones, and who sees and removes which."""

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, IDA, NOW, arrive
from triage.access import preferences
from triage.actor import Actor, Role, Scope
from triage.config.settings import Settings
from triage.errors import BadInput, NotAllowed, NotFound
from triage.quarantine.search.saved_searches import MOST, Wish, list_searches, remove_search, save_search
from triage.store.db import read_transaction, transaction
from triage.store.models.staff import SavedSearch

BEN = Actor.person("ben", Role.TRIAGE, Scope(departments=frozenset({"legal"})), "Ben Okafor")
LEO = Actor.person("leo", Role.ADMIN, Scope(departments=frozenset({"legal"})), "Leo Falk")
OTTO = Actor.person("otto", Role.AUDITOR, Scope(company=True), "Otto Weiss")


def names(session: Session, by: Actor) -> list[str]:
    """Names of the searches in the side bar."""
    return [one.name for one in list_searches(session, by=by)]


def test_whom_a_search_is_shared_with(engine: Engine) -> None:
    with transaction(engine) as session:
        for by, name, shared in (
            (ANA, "mine", ""),
            (ANA, "all", "company"),
            (ANA, "IT", "department:it"),
            (BEN, "Legal", "department:legal"),
        ):
            save_search(session, Wish(name, "parcel", shared_with=shared), by=by, now=NOW)
    with read_transaction(engine) as session:
        assert names(session, ANA) == ["all", "IT", "Legal", "mine"]
        assert names(session, BEN) == ["all", "Legal"]
        assert names(session, OTTO) == ["all", "IT", "Legal"]
        assert [(one.name, one.mine, one.by_shown) for one in list_searches(session, by=BEN)] == [
            ("all", False, "Ana Roth"),
            ("Legal", True, "Ben Okafor"),
        ]


def test_the_same_name_again_is_the_same_search(engine: Engine) -> None:
    with transaction(engine) as session:
        first = save_search(session, Wish("Parcels", "dhl"), by=ANA, now=NOW)
        again = save_search(session, Wish(" Parcels ", "ups", tab="all"), by=ANA, now=NOW)
        other = save_search(session, Wish("Parcels", "fedex"), by=IDA, now=NOW)
    assert (again.id, again.q, again.tab) == (first.id, "ups", "all")
    assert other.id != first.id


@pytest.mark.parametrize(
    ("wish", "by", "error"),
    [
        (Wish(" ", "x"), ANA, BadInput),
        (Wish("nothing"), ANA, BadInput),
        (Wish("no day", "before:yesterday"), ANA, BadInput),
        (Wish("no field", "az:4711"), ANA, BadInput),
        (Wish("x", "x", shared_with="team:x"), ANA, BadInput),
        (Wish("x", "x", shared_with="department:it"), BEN, NotAllowed),
        (Wish("x", "x", shared_with="company"), BEN, NotAllowed),
    ],
)
def test_what_is_not_kept(engine: Engine, wish: Wish, by: Actor, error: type[Exception]) -> None:
    with transaction(engine) as session, pytest.raises(error):
        save_search(session, wish, by=by, now=NOW)


def test_nobody_keeps_too_many(engine: Engine) -> None:
    with transaction(engine) as session:
        for number in range(MOST):
            save_search(session, Wish(str(number), "x"), by=ANA, now=NOW)
        with pytest.raises(BadInput, match="remove one"):
            save_search(session, Wish("one more", "x"), by=ANA, now=NOW)
        assert save_search(session, Wish("1", "y"), by=ANA, now=NOW).q == "y"


def test_who_removes_which(engine: Engine) -> None:
    with transaction(engine) as session:
        mine = save_search(session, Wish("mine", "x"), by=BEN, now=NOW)
        legal = save_search(session, Wish("Legal", "x", shared_with="department:legal"), by=BEN, now=NOW)
    with transaction(engine) as session:
        with pytest.raises(NotFound):
            remove_search(session, mine.id, by=IDA)
        with pytest.raises(NotAllowed, match="role admin"):
            remove_search(session, legal.id, by=ANA)
        remove_search(session, legal.id, by=LEO)
        remove_search(session, mine.id, by=BEN)
        assert names(session, BEN) == []


def test_what_waits_is_counted_within_ones_scope(engine: Engine, settings: Settings) -> None:
    with transaction(engine) as session:
        arriving.set_up(session, settings)
        for to in ("it+joe.fern@company.example", "legal+mara.berg@company.example"):
            arrive(session, settings, to)
        save_search(session, Wish("from there", "from:supplier.example", shared_with="company"), by=ANA, now=NOW)
        save_search(session, Wish("Legal", department="legal"), by=ANA, now=NOW)
    with read_transaction(engine) as session:
        assert [one.held for one in list_searches(session, by=ANA, counts=True)] == [2, 1]
        assert [one.held for one in list_searches(session, by=BEN, counts=True)] == [1]


def test_old_searches_are_counted_each_by_itself(engine: Engine, settings: Settings) -> None:
    with transaction(engine) as session:
        arriving.set_up(session, settings)
        arrive(session, settings, "it+joe.fern@company.example", subject="Our file az:4711")
        for name, q in (("1 field", "az:4711"), ("2 unreadable", "before:yesterday"), ("3 known", "from:supplier.example")):
            row = SavedSearch(
                owner=str(ANA), name=name, made_at=NOW, q=q, tab="held", department=None, person=None, shared_with="", by_shown="Ana"
            )
            session.add(row)
    with read_transaction(engine) as session:
        assert [one.held for one in list_searches(session, by=ANA, counts=True)] == [1, None, 1]


def test_with_an_account_go_its_own_searches_and_stay_the_shared_ones(engine: Engine) -> None:
    with transaction(engine) as session:
        save_search(session, Wish("mine", "x"), by=BEN, now=NOW)
        save_search(session, Wish("Legal", "x", shared_with="department:legal"), by=BEN, now=NOW)
        preferences.forget_preferences(session, "ben")
        assert names(session, LEO) == ["Legal"]
        assert names(session, BEN) == ["Legal"]
