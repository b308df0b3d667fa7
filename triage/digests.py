"""What people are told once a day: which mail of theirs waits, which was taken away, sender and subject only. It asks, never acts."""

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from triage import db, expiry, inward, ledger, markers, own_mail
from triage.actor import Actor
from triage.hours import at, works_on
from triage.ids import show
from triage.inward import Letter, Section
from triage.models import Marker, Person
from triage.own_mail import Own
from triage.settings import Settings
from triage.times import from_micros, to_micros

BY = Actor.system("notices")
DONE = "digest"  # the marker: for which moment everybody has been told; text: up to which person for the one after
RULE, REASON = "digest", "it tells somebody here what waits for them"
AT_ONCE = 25  # people in one transaction
LATE = timedelta(hours=6)  # who comes later than that leaves it for the next day
LONGEST = timedelta(days=7)  # how far back the first one after a pause looks
LISTED = 30  # mails in a section
ASK = "/ask?mail="
SCHEME = re.compile(r"(?i)\bh(tt)(ps?)(?=://)")
HOST = re.compile(r"(?<=[\w\d])\.(?=[^\W\d_]{2,})")


def due(session: Session, settings: Settings, now: datetime) -> datetime | None:
    """The moment for which people are to be told now; None when there is none, or all have been."""
    if not settings.notices.digest_at:
        return None
    today = now.astimezone(ZoneInfo(settings.cover.time_zone)).date()
    moment = at(today, time.fromisoformat(settings.notices.digest_at), settings.cover.time_zone)
    timely = moment <= now < moment + LATE and works_on(settings.cover.hours, today)
    return moment if timely and markers.read(session, DONE) < to_micros(moment) else None


def tell_some(session: Session, settings: Settings, moment: datetime, *, now: datetime) -> int:
    """Tell the next people for this moment, at most 25; how many were looked at, 0 when all have been. Nobody is told twice."""
    db.insert_if_missing(session, Marker, name=DONE, number=0, text="")
    mark = session.get_one(Marker, DONE, with_for_update=True, populate_existing=True)
    if mark.number >= to_micros(moment):
        return 0
    since = max(from_micros(mark.number), moment - LONGEST) if mark.number else moment - timedelta(days=1)
    later = select(Person).where(col(Person.active), col(Person.uid) > mark.text).order_by(col(Person.uid))
    people = session.scalars(later.limit(AT_ONCE)).all()
    for person in people:
        if not settings.notices.digest_departments or person.department in settings.notices.digest_departments:
            tell(session, person, settings, since=since, now=now)
    mark.number, mark.text = (mark.number, people[-1].uid) if people else (to_micros(moment), "")
    return len(people)


def tell(session: Session, person: Person, settings: Settings, *, since: datetime, now: datetime) -> None:
    """Tell one person, where there is something to tell and a mailbox of ours."""
    mails = own_mail.of_person(session, person.uid, settings=settings, now=now, since=since, limit=LISTED + 1)
    if not mails or person.mailbox.rpartition("@")[2] not in settings.own_domains:
        return
    letter = letter_to(person.mailbox, mails, settings, now)
    folder = (person.department, person.uid)
    message = inward.send(session, letter, folder=folder, rule=RULE, reason=REASON, settings=settings, by=BY, now=now)
    detail = {"to": person.mailbox, "mails": len(mails), "message": show(message)}
    ledger.write(session, "told", f"employee:{person.uid}", by=BY, now=now, detail=detail)


def letter_to(address: str, mails: list[Own], settings: Settings, now: datetime) -> Letter:
    """The letter."""
    waits, gone = [one for one in mails if one.waits], [one for one in mails if not one.waits]
    titled = (("Waits until somebody has looked at it", waits), ("Was taken away", gone))
    sections = tuple(section(title, some, settings, now) for title, some in titled if some)
    counted = [f"{number(waits)} wait{'s' if len(waits) == 1 else ''}"] if waits else []
    counted += [f"{number(gone)} {'was' if len(gone) == 1 else 'were'} taken away"] if gone else []
    return Letter(address, "Mail for you: " + ", ".join(counted), sections, footer(settings))


def section(title: str, mails: list[Own], settings: Settings, now: datetime) -> Section:
    """A list of mails, each with the link that asks for it where employees may ask."""
    lines = tuple(line(one, settings, now) for one in mails[:LISTED])
    links = tuple(link(one, settings) for one in mails[:LISTED])
    more = ("and more",) if len(mails) > LISTED else ()
    return Section(title, lines + more, links, "May I have it?")


def line(one: Own, settings: Settings, now: datetime) -> str:
    """One mail. What its sender wrote links nowhere."""
    zone = ZoneInfo(settings.cover.time_zone)
    name = f"{without_links(one.author_name)} <{one.author}>" if one.author_name else one.author or "no sender"
    said = f"{name}: “{without_links(one.subject) or '(no subject)'}”, {one.received_at.astimezone(zone):%d %b %H:%M}"
    if one.declined:
        return f"{said}; asked for, {one.declined}"
    if one.expires_at and one.expires_at <= now + expiry.SOON:
        said += f"; put away on {one.expires_at.astimezone(zone):%d %b %H:%M} if nobody decides"
    return said + ("; asked for" if one.asked_at else "")


def link(one: Own, settings: Settings) -> str:
    """Where one can ask for it: a page that asks who comes, and changes nothing by being opened."""
    return f"{settings.api.public_url.rstrip('/')}{ASK}{show(one.id)}" if may_ask(settings) and not one.asked_at else ""


def may_ask(settings: Settings) -> bool:
    """Can employees ask by themselves?"""
    return settings.notices.requests and settings.api.sign_in == "directory" and bool(settings.api.public_url)


def footer(settings: Settings) -> str:
    """How to ask."""
    sentences = ["Mail from people whom the company does not know yet is looked at before it comes to you."]
    if may_ask(settings):
        sentences.append(
            "To ask for one, open its link and sign in with the name and password that you use at work. Asking lets nothing in by itself."
        )
    if settings.notices.digest_contact:
        sentences.append(f"To ask somebody: {settings.notices.digest_contact}")
    return "\n".join(sentences)


def number(mails: list[Own]) -> str:
    """How many."""
    return f"more than {LISTED}" if len(mails) > LISTED else str(len(mails))


def without_links(text: str) -> str:
    """What a stranger wrote, so that no mail program makes a link of it."""
    return HOST.sub("[.]", SCHEME.sub(r"hxx\2", text))
