"""The notice to employees that messages to them are held from a time on, and why."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import internal_mail
from triage.delivery.internal_mail import Letter, Line, Section
from triage.directory.enforcement import DANGEROUS, RECORD, UNKNOWN
from triage.store.models.directory import Person

RULE, REASON = "enforcement-notice", "it tells employees what changes"
SUBJECTS = {
    RECORD: "Messages from outside reach you at once again",
    DANGEROUS: "Dangerous messages will be held for you",
    UNKNOWN: "Messages from unknown senders will be held for you",
}
WORDS = {
    RECORD: "Messages from outside are no longer held, unless their sender is blocked or they only pretend to come from us.",
    DANGEROUS: "Messages from outside that look dangerous are held. Colleagues look at them and release what you should have.",
    UNKNOWN: "Messages from senders outside whom nobody here knows are held. Colleagues look at them and release what you should have.",
}
NO_ACTION = "You do not have to do anything. Messages from colleagues, and from people whom you have written to, reach you as before."
FOOTER = "Your company sends you this notice once."


def send_notices(session: Session, scope: str, step: str, starts_at: datetime, *, settings: Settings, by: Actor, now: datetime) -> int:
    """Queue a letter to each employee of the scope; how many. Nobody outside the company gets one."""
    local = starts_at.astimezone(ZoneInfo(settings.coverage.time_zone))
    when = f"From {local:%d %b %Y} at {local:%H:%M}" if starts_at > now else "From now on"
    kind, _, name = scope.partition(":")
    concerned = select(Person).where(col(Person.active)).order_by(col(Person.uid))
    if kind:
        concerned = concerned.where(col(Person.uid if kind == "person" else Person.department) == name)
    people = session.scalars(concerned).all()
    for person in people:
        section = Section(when, (Line(WORDS[step]), Line(NO_ACTION)))
        letter = Letter(person.mailbox, SUBJECTS[step], (section,), FOOTER)
        internal_mail.send_letter(
            session, letter, folder=(person.department, person.uid), rule=RULE, reason=REASON, settings=settings, by=by, now=now
        )
    return len(people)


def department_of(session: Session, uid: str) -> str:
    """The department of a person, "" of nobody."""
    person = session.get(Person, uid)
    return person.department if person else ""
