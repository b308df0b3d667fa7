"""Employees report mail that seems unusual to them: staff is told who and how many, they are thanked, and hear the verdict.

It never acts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.delivery import internal_mail
from triage.delivery.internal_mail import EmployeeNotice
from triage.delivery.routes import SIMULATION
from triage.errors import BadInput, NotAllowedNow, NotFound
from triage.ids import format_id, new_id
from triage.message.forwarded import Pointed
from triage.message.summary import Summary
from triage.policy.learning.writers import Lookup
from triage.quarantine.requests import employee_notes, reported_messages
from triage.quarantine.search.listing import Listed, list_some
from triage.say import join_parts, quote_text, say
from triage.store import db, ledger
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.employees import MailReport, OutsideReport
from triage.store.queue import dirty_counts, open_reports
from triage.store.queue.open_reports import BAD, GOOD, SETTLING
from triage.text.defuse_links import dead_address, defuse_text

THANKS, ANSWER, REASON = "report-thanks", "report-answer", say("it answers an employee who reported a message")
MAILROOM = Actor.system("reports")
DAY = timedelta(days=1)
MOST_A_DAY = 50  # reports of one person that are taken
MOST_THANKS = 10  # notices of thanks that one person gets a day
PAUSE = timedelta(seconds=60)  # in which a decision may be taken back before anybody hears of it
LONGEST = 300  # characters of what is said to the reporter
TOLD_AT_ONCE = 50
VERDICTS = {
    GOOD: say("It is harmless: treat it like any other message."),
    BAD: say("It was harmful and was removed. Do not answer it, and do not follow its links."),
}
SIMULATION_FOUND = say("It was a phishing simulation of your own company, and you recognised it. You need do nothing else.")


@dataclass(frozen=True, slots=True)
class Reported:
    """A report as staff sees it; `mail` is None where we have no such mail, or it is out of scope."""

    id: int
    by_shown: str
    at: datetime
    how: str
    author: str
    subject: str
    others: int  # who report the same message, or one of its campaign
    mail: Listed | None
    lane: str = "employees"


def report_message(
    session: Session, envelope: Envelope, summary: Summary, pointed: Sequence[Pointed], *, settings: Settings, now: datetime
) -> str:
    """Take what an employee forwarded; why not, "" when it was taken. The internal server vouches for the reverse-path.

    Idempotent by `envelope.spool_id`. Nothing but a person's own mail counts, so that no two programs ever thank each other.
    """
    lookup = Lookup(session, settings)
    person, refusal = employee_notes.find_writer(lookup, envelope, summary)
    sent_on = person is None and is_itself(summary, pointed)
    if sent_on and (person := lookup.owner(envelope.reverse_path)):
        refusal = None
    if refusal or person is None:
        return refusal or ""
    before = count_lately(session, person.uid, now)
    if session.scalar(select(col(MailReport.id)).where(col(MailReport.spool_id) == envelope.spool_id).limit(1)) is not None:
        return ""
    if before >= MOST_A_DAY:
        return say("they reported {number} messages within a day", number=MOST_A_DAY)
    made = [
        (one, report)
        for one in pointed[: MOST_A_DAY - before]
        if (report := enter_report(session, one, person, envelope.spool_id, now, sent_on=sent_on))
    ]
    new = [one for one, report in made if report.answered_at is None]  # of a simulation they hear the result
    if new and internal_mail.count_sent_since(session, person.uid, THANKS, now - DAY) < MOST_THANKS:
        employee_notes.answer_writer(
            session, person, write_thanks(new, person.mailbox), rule=THANKS, reason=REASON, settings=settings, now=now
        )
    return ""


def is_itself(summary: Summary, pointed: Sequence[Pointed]) -> bool:
    """Whether the reported message was resent as it is, as a Sieve script does when it is moved into a folder. Then its author is a
    stranger.
    """
    return len(pointed) == 1 and bool(pointed[0].marker) and pointed[0].author == summary.author


def enter_report(session: Session, one: Pointed, person: Person, spool_id: int, now: datetime, *, sent_on: bool) -> MailReport | None:
    """Note one message, in the audit log; None where they have reported it already, or where it was sent on and is none of ours."""
    delivery, how = reported_messages.find_reported(session, one, person=person.uid, department=person.department, now=now)
    if sent_on and how != reported_messages.SUREST:
        return None
    if delivery is not None and find_own_report(session, delivery, person.uid):
        return None
    author, subject = (delivery.author, delivery.subject) if delivery else (one.author, one.subject)
    return add_report(session, person, delivery, how, author=author, subject=subject, spool_id=spool_id, now=now)


def report_own_message(session: Session, message_id: int, *, by: Actor, now: datetime) -> MailReport:
    """Take an employee's report of a message that came to them; reported again it is the same report.

    NotFound where it did not come to them through Mailroom, NotAllowedNow above MOST_A_DAY.
    """
    person = session.get_one(Person, by.name)
    delivery = reported_messages.find_own_copy(session, message_id, person=person.uid, department=person.department, now=now)
    if delivery is None:
        raise NotFound(say("there is no message {message_id}", message_id=format_id(message_id)))
    if before := find_own_report(session, delivery, person.uid):
        return before
    if count_lately(session, person.uid, now) >= MOST_A_DAY:
        raise NotAllowedNow(
            say("you reported {number} messages within a day: tell your IT department about further ones", number=MOST_A_DAY)
        )
    how, spool_id = reported_messages.SUREST, new_id()
    return add_report(session, person, delivery, how, author=delivery.author, subject=delivery.subject, spool_id=spool_id, now=now)


def add_report(
    session: Session, person: Person, delivery: Delivery | None, how: str, *, author: str, subject: str, spool_id: int, now: datetime
) -> MailReport:
    """Store a report, in the audit log; its row of the queue shows it."""
    made = MailReport(
        id=new_id(),
        delivery_id=delivery.id if delivery else None,
        person=person.uid,
        person_shown=person.name,
        department=person.department,
        at=now,
        spool_id=spool_id,
        how=how,
        author=author[:254],
        subject=subject[:LONGEST],
    )
    if delivery and delivery.direction == SIMULATION:
        answer_simulation(made, now)
    session.add(made)
    session.flush()
    if delivery:
        dirty_counts.touch_reported(session, delivery)
    about = f"delivery:{format_id(delivery.id)}" if delivery else f"report:{format_id(made.id)}"
    by = Actor.employee(person.uid, person.name)
    act = "suspect" if made.answered_at is None else "report-simulation"  # of which no program hears: it might remove the messages
    ledger.write_act(session, act, about, by=by, now=now, detail={"for": person.name, "how": how})
    return made


def answer_simulation(report: MailReport, now: datetime) -> None:
    """Answers a report of a phishing simulation at once: no reviewer needs to see it."""
    report.answered_at, report.answered_by, report.answered_by_shown = now, str(MAILROOM), MAILROOM.shown
    report.verdict = open_reports.SIMULATED


def find_own_report(session: Session, delivery: Delivery, uid: str) -> MailReport | None:
    """The report of this person about a delivery; None where there is none."""
    return session.scalars(select(MailReport).where(col(MailReport.delivery_id) == delivery.id, col(MailReport.person) == uid)).first()


def count_lately(session: Session, uid: str, now: datetime) -> int:
    """Counts reports of a person within a day."""
    lately = select(func.count()).select_from(MailReport).where(col(MailReport.person) == uid, col(MailReport.at) > now - DAY)
    return session.scalar(lately) or 0


def write_thanks(new: Sequence[Pointed], to: str) -> EmployeeNotice:
    """Writes one short thank-you notice, however many messages were forwarded at once."""
    what = say("“{subject}”", subject=defuse_text(cut_subject(new[0].subject))) if new[0].subject else say("the message that you forwarded")
    if len(new) > 1:
        what = say("{what} and {count} more", what=what, count=len(new) - 1)
    opening = say("Thank you for reporting {what}. Staff will review it and tell you the result.", what=what)
    footer = say("Until then, do not answer the message, and do not open anything in it.")
    return EmployeeNotice(to, say("Thank you for your report"), (), footer, opening)


def cut_subject(text: str) -> str:
    """Cuts a subject to the length that a notice has room for."""
    return " ".join(text.split())[:80]


def answer_report(session: Session, report_id: int, verdict: str, *, by: Actor, words: str = "", now: datetime) -> int:
    """Say what a reported mail is, to everybody who reported it; how many. It changes nothing about the message.

    NotFound outside the actor's scope, NotAllowedNow when it has its answer.
    """
    access.may_decide(by)
    if verdict not in VERDICTS:
        raise BadInput(say("{verdict} is not one of {names}", verdict=quote_text(verdict), names=", ".join(VERDICTS)), field="verdict")
    row = session.scalars(
        rows_of(visible_reports(session, by)).where(col(MailReport.id) == report_id).with_for_update(of=MailReport)
    ).first()
    if row is None:
        raise NotFound(say("there is no report {report_id}", report_id=format_id(report_id)))
    same = col(MailReport.id) == report_id if row.delivery_id is None else col(MailReport.delivery_id) == row.delivery_id
    waiting = session.scalars(rows_of(visible_reports(session, by)).where(same, open_reports.is_open()).order_by(col(MailReport.id))).all()
    if not waiting:
        raise NotAllowedNow(say("this report is already answered"))
    for one in waiting:
        one.answered_at, one.answered_by, one.answered_by_shown = now, str(by), by.shown
        one.verdict, one.words = verdict, " ".join(words.split())[:LONGEST]
    session.flush()
    if row.delivery_id is not None:
        dirty_counts.touch_reported(session, session.get_one(Delivery, row.delivery_id))
    about = f"delivery:{format_id(row.delivery_id)}" if row.delivery_id else f"report:{format_id(row.id)}"
    ledger.write_act(session, "answer-report", about, by=by, now=now, detail={"verdict": verdict, "reporters": len(waiting)})
    return len(waiting)


def rows_of(where: ColumnElement[bool]) -> Select[MailReport]:
    """Reports, with the message that they are about where we have it."""
    return select(MailReport).outerjoin(Delivery, col(Delivery.id) == col(MailReport.delivery_id)).where(where)


def visible_reports(session: Session, by: Actor) -> ColumnElement[bool]:
    """Condition: reports that an actor sees: about messages in their scope; without a message, those of people in their scope."""
    return or_(
        and_(col(Delivery.id).is_not(None), access.visible_deliveries(by)),
        and_(col(MailReport.delivery_id).is_(None), by_people_in_scope(session, MailReport, by)),
    )


def by_people_in_scope(session: Session, table: type[MailReport | OutsideReport], by: Actor) -> ColumnElement[bool]:
    """Reports of people in an actor's scope, and in no folder that is confidential against them."""
    return and_(of_people(table, by), ~or_(false(), *closed_to(session, table, by)))


def of_people(table: type[MailReport | OutsideReport], by: Actor) -> ColumnElement[bool]:
    """Reports of people in an actor's scope."""
    if by.scope.company:
        return true()
    return or_(col(table.department).in_(sorted(by.scope.departments)), col(table.person).in_(sorted(by.scope.persons)))


def closed_to(session: Session, table: type[MailReport | OutsideReport], by: Actor) -> Iterator[ColumnElement[bool]]:
    """Reports of people in folders that are confidential against an actor."""
    for word in sorted(confidential_folders.closed_folders(session, by)):
        kind, _, name = word.partition(":")
        yield (col(table.person) if kind == "person" else col(table.department)) == name


def list_reports(session: Session, *, by: Actor, limit: int = 50, before: int | None = None) -> list[Reported]:
    """Lists unanswered reports in the actor's scope, newest first."""
    rows = rows_of(and_(visible_reports(session, by), open_reports.is_open())).order_by(col(MailReport.id).desc()).limit(limit)
    found = session.scalars(rows if before is None else rows.where(col(MailReport.id) < before)).all()
    messages = {one.id: one for one in list_some(session, [one.delivery_id for one in found if one.delivery_id], by=by)}
    counted = select(col(MailReport.delivery_id), func.count()).where(
        db.is_among(session, col(MailReport.delivery_id), [one.delivery_id for one in found if one.delivery_id])
    )
    others = dict(iter(session.execute(counted.group_by(col(MailReport.delivery_id)))))
    return [
        Reported(
            one.id,
            one.person_shown,
            one.at,
            one.how,
            one.author,
            one.subject,
            others.get(one.delivery_id, 1) - 1,
            messages.get(one.delivery_id or 0),
        )
        for one in found
    ]


def count_reports(session: Session, *, by: Actor) -> int:
    """Counts unanswered reports in the actor's scope."""
    waiting = rows_of(and_(visible_reports(session, by), open_reports.is_open())).subquery()
    return session.scalar(select(func.count()).select_from(waiting)) or 0


def send_verdicts(session: Session, *, settings: Settings, now: datetime) -> int:
    """Write to those whose reports were answered, or whose mail was decided about, and who have not heard of it; how many."""
    rows = (
        select(MailReport, Decision, col(Delivery.claimed))
        .outerjoin(Delivery, col(Delivery.id) == col(MailReport.delivery_id))
        .outerjoin(Decision, open_reports.settles_report())
        .where(col(MailReport.notified_at).is_(None))
        .where(or_(col(MailReport.answered_at).is_not(None), col(Decision.at) <= now - PAUSE))
    )
    told = session.execute(rows.order_by(col(MailReport.id)).limit(TOLD_AT_ONCE).with_for_update(of=MailReport)).all()
    for row, decision, claimed in told:
        if row.answered_at is None:
            row.answered_at, row.answered_by, row.answered_by_shown = decision.at, decision.by, decision.by_shown
            row.verdict = SETTLING[decision.verb]
        row.notified_at = now
        person = session.get(Person, row.person)
        if person and person.active:
            notice = write_verdict(row, person.mailbox, claimed=bool(claimed))
            employee_notes.answer_writer(session, person, notice, rule=ANSWER, reason=REASON, settings=settings, now=now)
    session.flush()
    return len(told)


def has_unanswered_reporters(session: Session) -> bool:
    """Whether anybody may wait for a verdict."""
    return session.scalar(select(col(MailReport.id)).where(col(MailReport.notified_at).is_(None)).limit(1)) is not None


def write_verdict(row: MailReport, to: str, *, claimed: bool = False) -> EmployeeNotice:
    """Builds the notice of the verdict to the reporter. A message with a claimed author only claims to be from there."""
    subject = say("“{subject}”", subject=defuse_text(cut_subject(row.subject))) if row.subject else say("a message without a subject")
    author = dead_address(row.author)
    reported = (
        say("You reported {subject}. Its author is unclear and claims to be {author}.", subject=subject, author=author)
        if claimed and author
        else say("You reported {subject} from {author}.", subject=subject, author=author or say("an unknown sender"))
    )
    words = say("{name} adds: {words}", name=row.answered_by_shown, words=defuse_text(row.words)) if row.words else ""
    verdict = SIMULATION_FOUND if row.verdict == open_reports.SIMULATED else VERDICTS[row.verdict]
    footer = words or say("Thank you: your report made everybody here a little safer.")
    return EmployeeNotice(to, say("The result of your report"), (), footer, join_parts("\n", (reported, verdict)))
