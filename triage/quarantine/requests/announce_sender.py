"""Employees say from whom they expect mail: reception sees it on the row when it comes. It lets nothing in and lapses by itself."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_
from sqlmodel import Session, col, select

from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.delivery import internal_mail
from triage.delivery.internal_mail import EmployeeNotice
from triage.errors import BadInput, NotFound
from triage.ids import format_id, new_id, sibling_id
from triage.message.summary import Summary
from triage.policy.learning.writers import Lookup
from triage.quarantine.requests import employee_notes, expected_senders, open_requests, parse_expected_sender
from triage.say import error_sentence, format_day, say
from triage.store import ledger
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import Expectation

RULE, REASON = "expect-answer", say("it answers an employee who expects a message")
MOST_OPEN = 30  # expectations of one person at once
LONGEST = 100  # characters of what somebody adds
DAY = timedelta(days=1)
MOST_ANSWERS = 20  # notices that one person gets a day
MOST_RAISED = 100  # held messages whose rows change at once


def expect_sender(session: Session, sender: str, *, by: Actor, words: str = "", settings: Settings, now: datetime) -> int:
    """An employee expects mail from an address or a domain; the id. Said again it lasts longer. BadInput when nobody outside is meant."""
    named = parse_expected_sender.sender_of(sender, settings.own_domains, settings.policy.freemail_domains)
    if not named:
        raise BadInput(
            say("write an address or a domain outside your company, and not the domain of a public mail provider"), field="sender"
        )
    until = now + timedelta(days=settings.outbound.expect_days)
    known = enter_expectation(session, named, words=" ".join(words.split())[:LONGEST], by=by, until=until, now=now)
    raise_up(session, known)
    detail = {"sender": named, "words": known.words, "scope": f"person:{by.name}"}
    ledger.write_act(session, "expect", f"expectation:{format_id(known.id)}", by=by, now=now, detail=detail)
    return known.id


def enter_expectation(
    session: Session, named: str, *, words: str, by: Actor, until: datetime, now: datetime, is_code: bool = False
) -> Expectation:
    """Stores what an employee expects: a sender, or a code word. What is over goes. BadInput where they expect too much already."""
    forget_lapsed(session, now=now)
    known = session.exec(select(Expectation).where(col(Expectation.person) == by.name, col(Expectation.sender) == named)).first()
    if known is None:
        open_ones = select(func.count()).select_from(Expectation).where(col(Expectation.person) == by.name)
        if session.scalar(open_ones) >= MOST_OPEN:  # type: ignore[operator]
            raise BadInput(
                say(
                    "you already expect messages from {most_open} senders: withdraw one, or wait until one has written", most_open=MOST_OPEN
                )
            )
        known = Expectation(
            id=new_id(),
            person=by.name,
            person_shown=by.shown,
            sender=named,
            words=words,
            announced_at=now,
            until=until,
            is_code=is_code,
        )
        session.add(known)
    else:
        known.until, known.words = until, words
    session.flush()
    return known


def raise_up(session: Session, one: Expectation) -> None:
    """Adds the announcement to deliveries of the sender that are already held, and reorders them; claims to be the sender stay."""
    sender = or_(col(Delivery.author) == one.sender, col(Delivery.author_domain) == one.sender)
    held = select(Delivery).where(
        col(Delivery.person) == one.person, col(Delivery.state) == State.HELD, sender, col(Delivery.claimed).is_(False)
    )
    for delivery in session.exec(held.order_by(col(Delivery.id).desc()).limit(MOST_RAISED).with_for_update()):
        others = [why for why in delivery.why_here if why["name"] != expected_senders.WORD]
        open_requests.reorder_delivery(session, delivery, [*others, expected_senders.expected_reason(one, bool(delivery.proof)).as_json()])


def forget_expectation(session: Session, expectation_id: int, *, by: Actor, now: datetime) -> None:
    """An employee expects it no more. NotFound when it is none of theirs."""
    known = session.get(Expectation, expectation_id)
    if known is None or known.person != by.name:
        raise NotFound(say("there is no expected sender {expectation_id}", expectation_id=format_id(expectation_id)))
    session.delete(known)
    detail = {"sender": known.sender, "scope": f"person:{by.name}"}
    ledger.write_act(session, "expect-no-more", f"expectation:{format_id(expectation_id)}", by=by, now=now, detail=detail)


def forget_lapsed(session: Session, *, now: datetime) -> None:
    """Deletes the expected senders and code words that are over."""
    session.execute(delete(Expectation).where(col(Expectation.until) <= now))


def of_person(session: Session, uid: str, *, now: datetime) -> list[Expectation]:
    """Lists the senders that a person expects, newest first."""
    mine = select(Expectation).where(col(Expectation.person) == uid, col(Expectation.until) > now)
    return list(session.exec(mine.order_by(col(Expectation.id).desc())))


def by_mail(session: Session, envelope: Envelope, summary: Summary, *, settings: Settings, now: datetime) -> str:
    """Take what an employee wrote to expect_address; why not, "" when it was taken. They get one short answer either way.

    Idempotent by `envelope.spool_id`: the number of the answer follows from it.
    """
    person, refusal = employee_notes.find_writer(Lookup(session, settings), envelope, summary)
    if refusal or person is None:
        return refusal or ""
    by, number = Actor.employee(person.uid, person.name), sibling_id(envelope.spool_id, [RULE, envelope.spool_id])
    if internal_mail.was_sent(session, number):
        return ""
    if internal_mail.count_sent_since(session, person.uid, RULE, now - DAY) >= MOST_ANSWERS:
        return say("they wrote {number} times within a day", number=MOST_ANSWERS)
    named = parse_expected_sender.parse_senders(
        summary.subject, summary.text, ours=settings.own_domains, freemail=settings.policy.freemail_domains
    )
    fault = ""
    try:
        for one in named:
            expect_sender(session, one, by=by, settings=settings, now=now)
    except BadInput as full:
        fault = error_sentence(full)
    notice = answer_announcement(person.mailbox, named, fault, now + timedelta(days=settings.outbound.expect_days))
    employee_notes.answer_writer(session, person, notice, rule=RULE, reason=REASON, settings=settings, now=now, number=number)
    return ""


def answer_announcement(to: str, named: Iterable[str], fault: str, until: datetime) -> EmployeeNotice:
    """Builds the answer to an announcement."""
    senders = ", ".join(named)
    if not senders:
        return EmployeeNotice(
            to,
            say("Which sender do you expect?"),
            (),
            say("Write the address or the domain in the subject, for example ann@supplier.example."),
            say("Your message names no sender outside the company."),
        )
    if fault:
        about, failed = say("It was about {senders}.", senders=senders), say("Not everything was saved: {fault}.", fault=fault)
        return EmployeeNotice(to, say("Not saved: your expected sender"), (), about, failed)
    opening = say("Saved until {day}: you expect messages from {senders}.", day=format_day(until, year=False), senders=senders)
    footer = say("Staff still review these messages before you get them, but sooner.")
    return EmployeeNotice(to, say("Saved: your expected sender"), (), footer, opening)
