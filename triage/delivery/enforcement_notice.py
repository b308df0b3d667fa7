"""The notice to employees that messages to them are held from a time on, and why."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import internal_mail
from triage.delivery.internal_mail import EmployeeNotice, Line, Section
from triage.directory.enforcement import DANGEROUS, EVERYTHING, RECORD, UNKNOWN
from triage.say import format_clock, format_day, say
from triage.store.models.directory import Person

RULE, REASON = "enforcement-notice", say("it tells employees what changes")
SUBJECTS = {
    RECORD: say("Messages from outside reach you without delay again"),
    DANGEROUS: say("Dangerous messages will be held for you"),
    UNKNOWN: say("Messages from unknown senders will be held for you"),
    EVERYTHING: say("All messages from outside will be held for your assistant"),
}
WORDS = {
    RECORD: say("Messages from outside are no longer held, unless their sender is blocked or they only pretend to come from us."),
    DANGEROUS: say("Messages from outside that look dangerous are held. Colleagues review them and release those that are meant for you."),
    UNKNOWN: say(
        "Messages from senders that are new to your company are held. Colleagues review them and release those that are meant for you."
    ),
}
HELD_FIRST = say(
    "All messages from outside are held until your assistant, or a colleague who reviews messages for your department, releases them. "
    "Time-limited codes and links are delivered at once if their sender is known."
)
NO_ACTION = say("You do not have to do anything. Messages from colleagues, and from people whom you have written to, reach you as before.")
FROM_INSIDE = say("You do not have to do anything. Messages from colleagues reach you as before.")
FOOTER = say("You get this notice only once.")


def send_notices(session: Session, scope: str, step: str, starts_at: datetime, *, settings: Settings, by: Actor, now: datetime) -> int:
    """Queue a notice to each employee of the scope; how many. Nobody outside the company gets one."""
    local = starts_at.astimezone(ZoneInfo(settings.coverage.time_zone))
    when = say("From {day} at {clock}", day=format_day(local), clock=format_clock(local)) if starts_at > now else say("From now on")
    kind, _, name = scope.partition(":")
    concerned = select(Person).where(col(Person.active)).order_by(col(Person.uid))
    if kind:
        concerned = concerned.where(col(Person.uid if kind == "person" else Person.department) == name)
    people = session.scalars(concerned).all()
    for person in people:
        words = (Line(HELD_FIRST), Line(FROM_INSIDE)) if step == EVERYTHING else (Line(WORDS[step]), Line(NO_ACTION))
        section = Section(when, words)
        notice = EmployeeNotice(person.mailbox, SUBJECTS[step], (section,), FOOTER)
        internal_mail.send_notice(
            session, notice, folder=(person.department, person.uid), rule=RULE, reason=REASON, settings=settings, by=by, now=now
        )
    return len(people)


def department_of(session: Session, uid: str) -> str:
    """The department of a person, "" of nobody."""
    person = session.get(Person, uid)
    return person.department if person else ""
