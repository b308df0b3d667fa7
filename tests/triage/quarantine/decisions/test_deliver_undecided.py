"""Messages without warnings are delivered when nobody decides in time: when it is said, once, and never where a person is needed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage.arriving import ANA, COMPANY, DMARC_PASS, IDA, NOW, SYNC, UNKNOWN, arrive, set_up
from triage.actor import Actor
from triage.config.settings import Settings
from triage.directory import apply as directory, enforcement
from triage.ids import format_id
from triage.message.signals.scan_results import Scan
from triage.policy import emergency
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine import assignment, delivery_history, presence
from triage.quarantine.decisions import decide, deliver_undecided, undo
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import legal_hold, undecided
from triage.quarantine.search.selection import Selection
from triage.quarantine.teamwork import comments
from triage.quarantine.triage_items import item_list
from triage.reports import undecided_forecast
from triage.say import say
from triage.store import restore_pause
from triage.store.db import transaction
from triage.store.delivery_state import State
from triage.store.models.approvals import PendingAct
from triage.store.models.assignments import Escalated, Snooze
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport, MailRequest

JOE, MARA, SHARED = "it+joe.fern@company.example", "legal+mara.berg@company.example", "it@company.example"
MINUTES = timedelta(minutes=240)
CAME = NOW + timedelta(minutes=1)  # after the settings said so
DUE = CAME + MINUTES
Act = Callable[[Session, Settings, int], object]


@pytest.fixture
def offered(settings: Settings) -> Settings:
    """IT delivers after four hours, at any time of the day; legal does not."""
    coverage = replace(settings.coverage, deliver_undecided=("it=240",))
    return replace(settings, coverage=coverage, company=replace(settings.company, enforcement="hold-unknown"))


@pytest.fixture
def session(engine: Engine, offered: Settings) -> Iterator[Session]:
    """A company where it is so since NOW."""
    with transaction(engine) as session:
        set_up(session, offered)
        upkeep(session, offered, NOW)
        yield session


def upkeep(session: Session, settings: Settings, now: datetime) -> int:
    """As upkeep does, slice by slice; how many messages were delivered."""
    number, place = deliver_undecided.deliver_slice(session, settings=settings, now=now)
    while place is not None:
        more, place = deliver_undecided.deliver_slice(session, settings=settings, now=now, after=place)
        number += more
    return number


def come(session: Session, settings: Settings, to: str = JOE, at: datetime = CAME, **more: object) -> int:
    (mail,) = arrive(session, settings, to, dmarc=DMARC_PASS, at=at, **more)  # type: ignore[arg-type]
    return mail


def state_of(session: Session, mail: int) -> str:
    return str(session.scalars(select(col(Delivery.state)).where(col(Delivery.id) == mail)).one())


def said_at(session: Session, mail: int, now: datetime) -> datetime | None:
    """Time of delivery that the row of the queue says."""
    rows = item_list.list_items(session, Selection(states=(State.HELD,)), by=ANA, now=now, group="none").items
    (row,) = [one for one in rows if one.lead.id == mail]
    return row.deliver_at


def test_it_is_delivered_at_the_time_that_the_row_says(session: Session, offered: Settings) -> None:
    mail = come(session, offered)
    assert said_at(session, mail, CAME) == DUE
    assert upkeep(session, offered, DUE - timedelta(microseconds=1)) == 0
    assert upkeep(session, offered, DUE) == 1
    assert upkeep(session, offered, DUE) == 0, "it is delivered once"
    assert state_of(session, mail) == State.QUEUED
    (decision,) = session.scalars(select(Decision)).all()
    why = "Delivered after 240 minutes without a decision: no warnings."
    assert (decision.by, decision.by_shown, decision.verb, decision.reason) == ("system:undecided", "Mailroom", "deliver", why)
    assert delivery_history.get_delivery(session, mail, by=ANA).history[-1].sentence == why
    record = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "release")).one()
    assert (record.by, record.detail["reason"]) == ("system:undecided", why)


def test_undone_it_is_held_and_stays_so(session: Session, offered: Settings) -> None:
    mail = come(session, offered)
    upkeep(session, offered, DUE)
    decision = session.scalars(select(Decision)).one()
    undo.undo_decision(session, decision.id, by=ANA, reason="", now=DUE, settings=offered)
    assert (state_of(session, mail), said_at(session, mail, DUE)) == (State.HELD, None)
    assert upkeep(session, offered, DUE + MINUTES) == 0


def a_copy_was_removed(session: Session, settings: Settings, mail: int) -> None:
    session.execute(update(Delivery).where(col(Delivery.id) == mail).values(campaign_id=7))
    copy = come(session, settings, MARA)
    session.execute(update(Delivery).where(col(Delivery.id) == copy).values(campaign_id=7))
    decide.decide_messages(session, DecisionRequest(Selection.of(ids=(copy,)), Verb.PURGE), by=ANA, now=CAME, settings=settings)


def columns(**values: object) -> Act:
    return lambda session, settings, mail: session.execute(update(Delivery).where(col(Delivery.id) == mail).values(**values))


def many_copies(session: Session, settings: Settings, mail: int) -> None:
    copies = [mail, *(come(session, settings, MARA) for _ in range(undecided.MOST_COPIES))]
    session.execute(update(Delivery).where(col(Delivery.id).in_(copies)).values(campaign_id=7))


def declined(session: Session, settings: Settings, mail: int) -> None:
    asked: dict[str, Any] = {"asked_by": "employee:joe.fern", "asked_by_shown": "Joe Fern", "asked_at": CAME, "declined_at": CAME}
    session.add(MailRequest(delivery_id=mail, declined_by=str(ANA), declined_by_shown=ANA.shown, reason="no", **asked))


def reported(session: Session, settings: Settings, mail: int) -> None:
    about: dict[str, Any] = {"author": "sales@supplier.example", "subject": "Order", "how": "message id", "at": CAME, "spool_id": 1}
    session.add(MailReport(person="joe.fern", person_shown="Joe Fern", department="it", delivery_id=mail, **about))


def held_by(act: Callable[[Selection], object]) -> Act:
    return lambda session, settings, mail: act(Selection.of(ids=(mail,)))


def awaits_approval(session: Session, settings: Settings, mail: int) -> None:
    asked: dict[str, Any] = {"asked_by": str(ANA), "asked_by_shown": ANA.shown, "asked_at": CAME, "lapses_at": DUE + MINUTES}
    session.add(PendingAct(kind="decision", items=[format_id(mail)], **asked))


def rule_is_made(effect: str, match: str, value: str, **more: Any) -> Act:
    return lambda session, settings, _: rules.add_rule(
        session, RuleOrder(effect, match, value, "company", **more), by=IDA, now=CAME, settings=settings
    )


def another_was_removed(session: Session, settings: Settings, _: int) -> None:
    other = come(session, settings, MARA)
    decide.decide_messages(session, DecisionRequest(Selection.of(ids=(other,)), Verb.PURGE), by=ANA, now=CAME, settings=settings)


def recipient_leaves(session: Session, settings: Settings, _: int) -> None:
    left = replace(
        COMPANY, people=tuple(replace(one, active=one.uid != "joe.fern") for one in COMPANY.people), postmaster="mara.berg@company.example"
    )
    directory.apply_directory(session, left, settings.company, by=SYNC, now=CAME)


STAYS: dict[str, Act] = {
    "its recipient has left": recipient_leaves,
    "a younger block of its sender": rule_is_made("block", "address", "sales@supplier.example"),
    "a younger block of its domain": rule_is_made("block", "domain", "supplier.example"),
    "a younger hold of its sender": rule_is_made("hold", "domain", "supplier.example", note="odd", until=NOW + timedelta(days=7)),
    "a younger rule on its content": rule_is_made("hold", "content", "orders", note="odd", conditions=(("author", ("supplier.example",)),)),
    "a removed message of its sender": another_was_removed,
    "an approval that waits": awaits_approval,
    "an escalation": lambda session, _, mail: session.add(Escalated(delivery_id=mail, decision_id=1)),
    "a warning": columns(severity=1),
    "a severity that nobody knows": columns(severity=None),
    "a second look": columns(second_look=4),
    "a time limit": columns(time_limited_until=CAME + timedelta(minutes=10)),
    "another rule held it": columns(rule="proof-unknown"),
    "a rule marked it": columns(marks=" invoices "),
    "a mail bomb": columns(flood=True),
    "an author that it only claims": columns(claimed=True),
    "a redirect": columns(redirected=True),
    "an earlier decision": columns(decision_id=1),
    "erased content": columns(erased_at=CAME),
    "a comment": lambda session, _, mail: comments.add_comment(session, mail, "Hm.", by=ANA, now=CAME),
    "an assignment": lambda session, _, mail: assignment.assign_messages(session, Selection.of(ids=(mail,)), "ana", "", by=IDA, now=CAME),
    "a snooze": lambda session, _, mail: session.add(Snooze(login="ana", delivery_id=mail, by_shown="Ana", until=DUE)),
    "somebody looks at it": lambda session, _, mail: presence.look_at(session, mail, by=ANA, now=DUE),
    "a legal hold": lambda session, _, mail: legal_hold.place_hold(session, Selection.of(ids=(mail,)), by=IDA, reason="case 7", now=CAME),
    "a refused request": declined,
    "a report": reported,
    "a removed copy": a_copy_was_removed,
    "many copies": many_copies,
    "an emergency": lambda session, _, mail: emergency.open_emergency(
        session, DUE + timedelta(hours=1), by=Actor.shell("root", ""), reason="away", now=DUE - timedelta(hours=1)
    ),
    "a pause after a restore": lambda session, _, mail: restore_pause.pause_delivery(session, backup_at=CAME, now=CAME),
    "a milder step by now": lambda session, _, mail: enforcement.set_step(
        session, "department:it", "hold-dangerous", by=IDA, reason="", now=CAME
    ),
}


@pytest.mark.parametrize("why", STAYS)
def test_what_needs_a_person_stays_and_no_time_is_said(session: Session, offered: Settings, why: str) -> None:
    mail = come(session, offered)
    STAYS[why](session, offered, mail)
    session.flush()
    assert (said_at(session, mail, DUE), upkeep(session, offered, DUE), state_of(session, mail)) == (None, 0, State.HELD)


@pytest.mark.parametrize(
    ("to", "more"),
    [
        (MARA, {}),  # another department
        (JOE, {"dmarc": UNKNOWN}),
        (JOE, {"scan": Scan(silent=(say("ClamAV did not answer"),))}),
    ],
)
def test_what_comes_otherwise_stays(session: Session, offered: Settings, to: str, more: dict[str, object]) -> None:
    (mail,) = arrive(session, offered, to, at=CAME, **({"dmarc": DMARC_PASS} | more))  # type: ignore[arg-type]
    assert (said_at(session, mail, CAME), upkeep(session, offered, DUE), state_of(session, mail)) == (None, 0, State.HELD)


def test_what_was_held_before_stays_also_when_the_minutes_change(session: Session, offered: Settings) -> None:
    before = come(session, offered, at=NOW - timedelta(minutes=1))
    shorter = replace(offered, coverage=replace(offered.coverage, deliver_undecided=("it=30",)))
    mail = come(session, offered)
    assert upkeep(session, shorter, CAME + timedelta(minutes=30)) == 0
    later = come(session, shorter, at=CAME + timedelta(minutes=31))
    assert [said_at(session, one, NOW) for one in (before, mail, later)] == [None, None, CAME + timedelta(minutes=61)]
    off = replace(offered, coverage=replace(offered.coverage, deliver_undecided=()))
    assert upkeep(session, off, DUE) == 0
    assert said_at(session, later, NOW) is None


@pytest.mark.parametrize(
    ("came", "end", "always"),
    [
        ("2026-11-26 09:00", "2026-11-26 13:00", False),
        ("2026-11-26 16:00", "2026-11-27 10:00", False),  # two hours on Thursday, two on Friday
        ("2026-11-27 14:00", "2026-11-27 18:00", False),  # at the end of the last hour
        ("2026-11-27 20:00", "2026-11-30 12:00", False),  # after the weekend
        ("2026-11-27 20:00", "2026-11-28 00:00", True),
    ],
)
def test_minutes_of_office_hours_count(session: Session, offered: Settings, came: str, end: str, always: bool) -> None:
    hours = replace(offered.coverage, hours=("mon-fri 08:00-18:00",), deliver_undecided_always=always)
    working = replace(offered, coverage=hours)
    at, due = (datetime.fromisoformat(f"{one}+00:00") for one in (came, end))
    upkeep(session, working, at - timedelta(days=1))
    mail = come(session, working, at=at)
    assert said_at(session, mail, at) == due
    assert upkeep(session, working, due - timedelta(seconds=1)) == 0
    assert upkeep(session, working, due) == 1


def test_what_missed_its_moment_waits_for_the_next_office_hours(session: Session, offered: Settings) -> None:
    working = replace(offered, coverage=replace(offered.coverage, hours=("mon-fri 08:00-18:00",)))
    at = datetime.fromisoformat("2026-11-27 13:00+00:00")
    upkeep(session, working, at - timedelta(days=1))
    come(session, working, at=at)
    assert upkeep(session, working, datetime.fromisoformat("2026-11-27 22:00+00:00")) == 0
    assert upkeep(session, working, datetime.fromisoformat("2026-11-30 08:00+00:00")) == 1


def test_messages_that_stay_keep_none_behind_them_from_their_turn(session: Session, offered: Settings) -> None:
    offered = replace(offered, floods=replace(offered.floods, per_sender=0, per_folder=0))
    kept = [come(session, offered) for _ in range(deliver_undecided.SLICE)]
    for mail in kept:
        comments.add_comment(session, mail, "Hm.", by=ANA, now=CAME)
    last = come(session, offered)
    assert upkeep(session, offered, DUE) == 1
    assert state_of(session, last) == State.QUEUED


def test_the_forecast_counts_what_would_have_been_delivered_and_what_turned_out_bad(session: Session, offered: Settings) -> None:
    waits, soon, removed, told = (come(session, offered, at=at) for at in (CAME, CAME, CAME, CAME))
    reported(session, offered, told)
    come(session, offered, MARA)
    session.flush()
    for mail, at in ((soon, CAME + timedelta(minutes=239)), (removed, DUE)):
        decide.decide_messages(session, DecisionRequest(Selection.of(ids=(mail,)), Verb.PURGE), by=ANA, now=at, settings=offered)
    found = undecided_forecast.forecast_undecided(session, "it", 240, by=ANA, settings=offered, now=DUE)
    assert (found.delivered, found.removed, found.reported) == (3, 1, 1)
    assert {one.id: (one.removed, one.reported) for one in found.items} == {removed: (True, False), told: (False, True)}
    assert waits not in {one.id for one in found.items}
