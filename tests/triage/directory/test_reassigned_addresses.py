"""An address has somebody else now: what came for who had it before is theirs, and leaves for nobody by itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update
from sqlmodel import Session, col

from tests.triage.arriving import ANA, COMPANY, NOW, SYNC, arrive
from triage.actor import Actor
from triage.addressing.company import CompanyDirectory, GroupEntry, PersonEntry
from triage.config.settings import Company, Settings
from triage.delivery import queue_admin
from triage.directory import apply as directory, reassigned_addresses
from triage.directory.leaver_policy import Leaving
from triage.errors import Conflict, NotAllowedNow, NotFound
from triage.quarantine.decisions import decide as decisions, outcomes, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import release_requests
from triage.quarantine.search import listing
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import Recalled

HOUSE = Company(domains=("company.example",), hostname="mx.company.example")
IT = COMPANY.departments[0].mailbox
MARA, JOE = (replace(one, identity=one.uid) for one in COMPANY.people[:2])
NEW = PersonEntry("m.oyen", "Mo Oyen", "it", MARA.mailbox, identity="another")
NAMESAKE = replace(MARA, name="Mara Oyen", department="it", aliases=(), identity="another")
HEIR = replace(JOE, aliases=(MARA.mailbox, *MARA.aliases))
GROUP = GroupEntry(MARA.mailbox, "Contracts", "legal", members=("joe.fern",))
MOS = (
    "It was addressed to Mara Berg, who has left, "
    "and mara.berg@company.example is the address of Mo Oyen now: redirect it to the right person."
)
LIKE_HER = "It was addressed to Mara Berg, who has left, and somebody else has the name now: redirect it to the right person."


def take_over(session: Session, *people: PersonEntry, days: int = 0, rule: str = "refuse", **more: Any) -> directory.Applied:
    said: CompanyDirectory = replace(COMPANY, people=people, **more)
    return directory.apply_directory(session, said, HOUSE, by=SYNC, now=NOW + timedelta(days=days), leaving=Leaving(rule))


def decide(session: Session, verb: Verb, one: int, settings: Settings, to: str = "") -> Any:
    return decisions.decide_messages(session, DecisionRequest(Selection(ids=(one,)), verb, to=to), by=ANA, now=NOW, settings=settings)


def row(session: Session, one: int) -> Delivery:
    return session.get_one(Delivery, one, populate_existing=True)


def make(session: Session, one: int, **values: Any) -> None:
    """Set these values of a delivery."""
    session.execute(update(Delivery).where(col(Delivery.id) == one).values(**values))


def passed(session: Session, settings: Settings, **more: Any) -> int:
    """Deliver a message for Mara, who then leaves and whose address Mo gets."""
    take_over(session, replace(MARA, manager="joe.fern"), JOE)
    (one,) = arrive(session, settings, MARA.mailbox)
    if more:
        make(session, one, **more)
    take_over(session, JOE)
    take_over(session, JOE, NEW, days=10)
    return one


@pytest.mark.parametrize(
    ("rule", "address", "after", "groups", "goes_to"),
    [
        ("refuse", MARA.mailbox, (JOE, NEW), (), ""),
        ("refuse", "mara.berg+shop@company.example", (JOE, NEW), (), ""),
        ("refuse", "legal+mara.berg@company.example", (JOE, NEW), (), ""),
        ("refuse", MARA.aliases[0], (JOE, replace(NEW, mailbox="mo@company.example", aliases=MARA.aliases)), (), MARA.mailbox),
        ("refuse", MARA.mailbox, (JOE, NAMESAKE), (), ""),
        ("refuse", MARA.mailbox, (HEIR,), (), ""),
        ("refuse", MARA.mailbox, (JOE,), (GROUP,), ""),
        ("manager", MARA.mailbox, (JOE, NEW), (), JOE.mailbox),
        ("folder:it", MARA.mailbox, (JOE, NEW), (), IT),
    ],
)
def test_what_came_for_a_leaver_is_not_released_to_who_has_the_address_later(
    engine: Engine, settings: Settings, rule: str, address: str, after: tuple[PersonEntry, ...], groups: Any, goes_to: str
) -> None:
    with db.transaction(engine) as session:
        take_over(session, replace(MARA, manager="joe.fern"), JOE)
        (one,) = arrive(session, settings, address)
        take_over(session, JOE, rule=rule)
        take_over(session, *after, days=100, rule=rule, groups=groups)
        (new,) = arrive(session, settings, address)
        assert "Mara Berg" not in row(session, new).note or "legal+" in address, "what comes now is for who has the address now"
        if goes_to:
            decide(session, Verb.RELEASE, one, settings)
            assert (row(session, one).state, row(session, one).mailbox) == (State.QUEUED, goes_to)
            return
        with pytest.raises(Conflict) as refused:
            decide(session, Verb.RELEASE, one, settings)
        assert str(refused.value) == row(session, one).note != ""
        assert (row(session, one).state, listing.list_some(session, [one], by=ANA)[0].note) == (State.HELD, str(refused.value))
        decide(session, Verb.REDIRECT, one, settings, to="person:joe.fern")
        assert (row(session, one).state, row(session, one).mailbox) == (State.QUEUED, JOE.mailbox), "as a deliberate act"


def test_why_is_said_in_words(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        one = passed(session, settings)
        assert row(session, one).note == MOS
        take_over(session, JOE, NEW, days=11)
        assert row(session, one).note == MOS, "once"
        take_over(session, JOE, NAMESAKE, days=12)
        assert row(session, one).note.endswith(LIKE_HER)


@pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.REDELIVER])
def test_nor_is_it_sent_again_when_it_bounced_or_a_mailbox_was_lost(sqlite_engine: Engine, settings: Settings, verb: Verb) -> None:
    with db.transaction(sqlite_engine) as session:
        one = passed(session, settings, state={Verb.RELEASE: State.BOUNCED, Verb.REDELIVER: State.DELIVERED}[verb])
        with pytest.raises(Conflict, match="Mo Oyen"):
            decide(session, verb, one, settings)
        if verb is Verb.RELEASE:
            with pytest.raises(NotAllowedNow, match="Mo Oyen"):
                queue_admin.retry_deliveries(session, [one], settings=settings, by=ANA, now=NOW)


@pytest.mark.parametrize("undone", [False, True])
def test_what_was_taken_out_of_the_mailbox_is_held_again_and_put_into_no_strangers(
    sqlite_engine: Engine, settings: Settings, undone: bool
) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE)
        (one,) = arrive(session, settings, MARA.mailbox)
        make(session, one, state=State.QUEUED)
        purge = decide(session, Verb.PURGE, one, settings)
        session.add(Recalled(delivery_id=one, found_at=NOW, folder="INBOX", internal_date=NOW, size=1, head=b"x"))
        take_over(session, JOE, NEW, days=10)
        if undone:
            undoing.undo_decision(session, purge.id, by=ANA, reason="", now=NOW, settings=settings)
        else:
            decide(session, Verb.RESTORE, one, settings)
        assert row(session, one).state == State.HELD


def test_whoever_is_here_gets_what_came_to_an_address_that_a_colleague_has_now(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE)
        (one,) = arrive(session, settings, MARA.aliases[0])
        decide(session, Verb.PURGE, one, settings)
        take_over(session, replace(MARA, aliases=()), replace(JOE, aliases=MARA.aliases))
        decide(session, Verb.RESTORE, one, settings)
        decide(session, Verb.RELEASE, one, settings)
        assert row(session, one).mailbox == MARA.mailbox


@pytest.mark.parametrize(("mailbox", "goes_to"), [(IT, IT), ("", "")])
def test_a_shared_mailbox_becomes_a_persons(sqlite_engine: Engine, settings: Settings, mailbox: str, goes_to: str) -> None:
    department = replace(COMPANY.departments[0], mailbox=mailbox)
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE, departments=(department, COMPANY.departments[1]))
        (one,) = arrive(session, settings, "info@company.example")
        without = (replace(department, roles=()), COMPANY.departments[1])
        take_over(session, MARA, replace(JOE, aliases=("info@company.example",)), departments=without)
        assert (row(session, one).department, row(session, one).person) == ("it", ""), "it is the department's as before"
        if goes_to:
            decide(session, Verb.RELEASE, one, settings)
            assert row(session, one).mailbox == goes_to
        else:
            with pytest.raises(Conflict, match=r"to the shared folder, and info@company\.example is the address of Joe Fern now"):
                decide(session, Verb.RELEASE, one, settings)


def test_a_rule_that_sends_mail_on_still_does(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, MARA, JOE)
        (one,) = arrive(session, settings, MARA.mailbox)
        make(session, one, listed=JOE.mailbox, mailbox=JOE.mailbox, redirected=True)
        take_over(session, JOE, NEW)
        decide(session, Verb.RELEASE, one, settings)
        assert row(session, one).mailbox == JOE.mailbox


def test_of_several_those_are_left_alone_and_nobody_is_named_who_is_forgotten(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        one = passed(session, settings)
        (new,) = arrive(session, settings, MARA.mailbox)
        made = decisions.decide_messages(
            session, DecisionRequest(Selection(ids=(one, new)), Verb.RELEASE), by=ANA, now=NOW, settings=settings
        )
        assert (made.done, made.sentence) == (
            1,
            "Released 1 message; 1 left as they are: already changed by others, or the address now belongs to somebody else.",
        )
        assert {item.delivery_id: item.why for item in made.items} == {one: MOS, new: ""}
        reassigned_addresses.forget_name(session, "Mo Oyen")
        assert row(session, one).note == ""
        assert [item.why for item in outcomes.list_items(session, made.id, by=ANA)] == ["", ""]


def test_who_has_the_address_now_cannot_ask_for_it(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        one = passed(session, settings)
        with pytest.raises(NotFound):
            release_requests.request_release(session, one, by=Actor.employee("m.oyen", "Mo Oyen"), words="", now=NOW)
