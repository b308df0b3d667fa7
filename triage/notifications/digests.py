"""Daily digests: held and removed messages of an employee, sender and subject only. A digest can request, never act."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.business_hours import moment_at, works_on
from triage.config.alert_types import AUTO, OFF
from triage.config.settings import Settings
from triage.delivery import internal_mail
from triage.delivery.internal_mail import EmployeeNotice, Line, Section
from triage.directory import enforcement
from triage.directory.enforcement import RECORD, Enforcement
from triage.ids import format_id
from triage.notifications import digest_entries
from triage.notifications.digest_entries import Digest, Part
from triage.quarantine.requests.own_mail import Own
from triage.quarantine.search import expiry
from triage.say import clean_params, format_minute, join_parts, say, say_count
from triage.store import db, ledger, versions
from triage.store.models.directory import KnownRecipient, Person
from triage.store.models.employees import DigestRefusal
from triage.store.models.markers import Marker
from triage.text.defuse_links import dead_address, defuse_text
from triage.times import from_micros, to_micros, utcnow

BY = Actor.system("notices")
DONE = "digest"  # the marker: the moment for which all were told last; text: the day that is under way, and who was told last
RULE, REASON = "digest", say("it tells an employee which messages are held for them")
BY_ITSELF = "08:30"  # when it goes out where the settings name no time
AT_ONCE = 25  # people in one transaction
LATE = timedelta(hours=6)  # who comes later than that leaves it for the next day
LONGEST = timedelta(days=7)  # how far back the first one after a pause looks
LONGEST_SUBJECT, LONGEST_NAME = 120, 60  # characters that a stranger may fill
PAGE = "/ask"
ASK = say("Request release")
SEE = say("See the list:")


@dataclass(frozen=True, slots=True)
class Offer:
    """Schedule of the daily digest: when, and to the people of which departments."""

    clock: str  # "": to nobody
    departments: tuple[str, ...] = ()  # none: all
    in_force: Enforcement | None = None  # None: whatever the enforcement of their department

    def is_for(self, department: str, person: str = "") -> bool:
        """Whether the people of this department, or this person, get it."""
        named = not self.departments or department in self.departments
        return bool(self.clock) and named and (self.in_force is None or self.in_force.of(department, person) != RECORD)


def get_digest(session: Session, settings: Settings, now: datetime) -> Offer:
    """The digest as the settings have it; by itself it begins with the first department that enforces."""
    at, departments = settings.notices.digest_at, settings.notices.digest_departments
    if at != AUTO:
        return Offer("" if at == OFF else at, departments)
    in_force = enforcement.now_in_force(session, settings.company, now)
    return Offer(BY_ITSELF if in_force.holds_anything() else "", departments, in_force)


def due_moment(session: Session, settings: Settings, now: datetime) -> datetime | None:
    """The moment for which people are to be told now; None when there is none, or all were told that day, at whatever time."""
    clock = get_digest(session, settings, now).clock
    if not clock:
        return None
    today = now.astimezone(ZoneInfo(settings.coverage.time_zone)).date()
    for day in (today, today - timedelta(days=1)):  # six hours may go past midnight
        moment = moment_at(day, time.fromisoformat(clock), settings.coverage.time_zone)
        if moment <= now < moment + LATE and works_on(settings.coverage.hours, day):
            return moment if day_of(last_digest_moment(versions.read_version(session, DONE), now), settings) < day else None
    return None


def last_digest_moment(moment: int, now: datetime) -> int:
    """The moment for which all were told last, 0 for none. One in a far future is none: it was told while a clock was ahead."""
    return moment if moment <= to_micros(now + timedelta(days=1)) else 0


def day_of(moment: int, settings: Settings) -> date:
    """The day of a moment where the company is."""
    return from_micros(moment).astimezone(ZoneInfo(settings.coverage.time_zone)).date()


def send_digests(session: Session, settings: Settings, moment: datetime, *, now: datetime) -> int:
    """Tell the next people for this moment, at most 25; how many were looked at, 0 when all have been.

    Nobody is told twice a day, whatever stops or starts in between: how far it got is committed with the notices. What a day
    did not finish the next one begins again.
    """
    db.insert_if_missing(session, Marker, name=DONE, number=0, text="")
    mark = session.get_one(Marker, DONE, with_for_update=True, populate_existing=True)
    day, mark.number = day_of(to_micros(moment), settings), last_digest_moment(mark.number, now)
    if day_of(mark.number, settings) >= day:
        return 0
    mark.number = mark.number or to_micros(moment - timedelta(days=1))
    since = max(from_micros(mark.number), moment - LONGEST)
    begun, _, last = mark.text.partition(" ")
    later = select(Person).where(col(Person.active), col(Person.uid) > (last if begun == day.isoformat() else ""))
    people = session.scalars(later.order_by(col(Person.uid)).limit(AT_ONCE)).all()
    offered = get_digest(session, settings, now)
    for person in people:
        if gets_digest(session, person, settings, offered):
            send_digest(session, person, settings, since=since, now=now)
    mark.number, mark.text = (mark.number, f"{day} {people[-1].uid}") if people else (to_micros(moment), "")
    return len(people)


def gets_digest(session: Session, person: Person, settings: Settings, offered: Offer) -> bool:
    """Whether this person gets the digest: it is meant for them, they want it, and nobody else reads their mailbox."""
    never = {one.strip().casefold() for one in settings.notices.digest_never}
    return (
        offered.is_for(person.department, person.uid)
        and never.isdisjoint((person.uid.casefold(), person.mailbox.casefold()))
        and is_wanted(session, person.uid)
        and person.mailbox.rpartition("@")[2] in settings.own_domains
        and is_theirs_alone(session, person)
    )


def is_theirs_alone(session: Session, person: Person) -> bool:
    """Whether it is a mailbox of one person, and of no role, group or department."""
    known = session.get(KnownRecipient, person.mailbox)
    sharing = select(func.count()).select_from(Person).where(col(Person.active), col(Person.mailbox) == person.mailbox)
    return known is not None and (known.kind, known.person) == ("legacy", person.uid) and session.scalar(sharing) == 1


def is_wanted(session: Session, uid: str) -> bool:
    """Whether this person has not said that they want no notice."""
    return session.get(DigestRefusal, uid) is None


def get_choice(session: Session, uid: str, settings: Settings) -> bool | None:
    """Whether this person wants the notice. None: there is none for them."""
    person = session.get(Person, uid)
    return is_wanted(session, uid) if person and get_digest(session, settings, utcnow()).is_for(person.department, person.uid) else None


def set_choice(session: Session, *, by: Actor, wanted: bool, now: datetime) -> None:
    """An employee says whether they want the notice, in the audit log. Said again it changes nothing."""
    if wanted == is_wanted(session, by.name):
        return
    if wanted:
        session.delete(session.get_one(DigestRefusal, by.name))
    else:
        db.insert_if_missing(session, DigestRefusal, person=by.name, at=now)
    ledger.write_act(session, "digest", str(by), by=by, now=now, detail={"wanted": wanted})


def send_digest(session: Session, person: Person, settings: Settings, *, since: datetime, now: datetime) -> None:
    """Tell one person, where there is something to tell."""
    digest = digest_entries.of_person(session, person.uid, settings=settings, now=now, since=since)
    if not digest.ids:
        return
    notice = write_digest(person.mailbox, digest, settings, now)
    folder = (person.department, person.uid)
    message = internal_mail.send_notice(session, notice, folder=folder, rule=RULE, reason=REASON, settings=settings, by=BY, now=now)
    digest_entries.remember_entries(session, person.uid, digest, notice=message, now=now)
    detail = {"to": person.mailbox, "messages": len(digest.ids), "message": format_id(message)}
    ledger.write_act(session, "notify", f"employee:{person.uid}", by=BY, now=now, detail=detail)


def write_digest(address: str, digest: Digest, settings: Settings, now: datetime) -> EmployeeNotice:
    """The notice."""
    titled = ((say("Held until staff review them"), digest.held), (say("Removed"), digest.removed))
    sections = [write_section(title, part, settings, now) for title, part in titled if part.listed]
    if counts := tuple(count_attacks(digest, settings)):
        sections.append(Section(say("Not listed one by one"), counts))
    waits, gone = len(digest.held.ids), len(digest.removed.ids)
    counted = [say("{count} held", count=waits)] if waits else []
    counted += [say("{count} removed", count=gone)] if gone else []
    opening = say("Staff review messages from unknown senders before you get them. You need not do anything.")
    subject = say("Messages for you: {counts}", counts=join_parts(", ", counted))
    return EmployeeNotice(address, subject, tuple(sections), join_parts("\n", write_footer(settings)), opening)


def write_section(title: str, part: Part, settings: Settings, now: datetime) -> Section:
    """A list of messages, each with the link that asks for it where employees may ask."""
    more = (refer_to_list(say("and {count} more", count=len(part.more)), settings),) if part.more else ()
    return Section(title, tuple(write_line(one, settings, now) for one in part.listed) + more, ASK)


def count_attacks(digest: Digest, settings: Settings) -> Iterator[Line]:
    """Counts messages that look dangerous or were sent to many people: no sender, no subject, no link to request one."""
    removed = say_count(
        "{count} message that looks dangerous or was sent to many people was removed.",
        "{count} messages that look dangerous or were sent to many people were removed.",
        count=len(digest.removed.counted),
    )
    held = say_count(
        "{count} message that looks dangerous or was sent to many people is held.",
        "{count} messages that look dangerous or were sent to many people are held.",
        count=len(digest.held.counted),
    )
    for part, words in ((digest.removed, removed), (digest.held, held)):
        if part.counted:
            yield refer_to_list(words, settings)


def refer_to_list(words: str, settings: Settings) -> Line:
    """A line with a link to the employee's own list, where there is one."""
    return Line(words, link=portal_url(settings) if may_ask(settings) else "", link_words=SEE)


def write_line(one: Own, settings: Settings, now: datetime) -> Line:
    """Line of the digest about a message. The sender's words are cut short and link nowhere."""
    zone = ZoneInfo(settings.coverage.time_zone)
    subject = (
        say("“{subject}”", subject=defuse_text(cut_text(one.subject, LONGEST_SUBJECT))) if one.subject.strip() else say("(no subject)")
    )
    more: list[str] = [write_author(one), format_minute(one.received_at.astimezone(zone), year=False)]
    if one.expires_at and one.expires_at <= now + expiry.SOON:
        more.append(say("expires on {time}", time=format_minute(one.expires_at.astimezone(zone), year=False)))
    if one.asked_at:
        more.append(say("you requested it: {answer}", answer=clean_params(one.declined, defuse_text) or say("staff will review it")))
    return Line(subject, tuple(more), request_link(one, settings))


def write_author(one: Own) -> str:
    """The author; of a message without a clear one, whom it claims to be from."""
    address = dead_address(cut_text(one.author, 2 * LONGEST_NAME)) or say("no sender")
    name = defuse_text(cut_text(one.author_name, LONGEST_NAME))
    if one.claimed and one.author:
        claim = say("{name} <{address}>", name=name, address=address) if name else address
        return say("unclear author, claims to be {author}", author=claim)
    return say("from {name} <{address}>", name=name, address=address) if name else say("from {address}", address=address)


def cut_text(text: str, most: int) -> str:
    """So much of a text as there is room for."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def request_link(one: Own, settings: Settings) -> str:
    """Builds the link to request a message: a page that asks for sign-in, and changes nothing by being opened."""
    return f"{portal_url(settings)}?mail={format_id(one.id)}" if may_ask(settings) and not one.asked_at else ""


def portal_url(settings: Settings) -> str:
    """Address of the page where employees see their own messages."""
    return settings.api.public_url.rstrip("/") + PAGE


def may_ask(settings: Settings) -> bool:
    """Whether employees can ask by themselves."""
    return settings.notices.requests and "directory" in settings.api.sign_in and bool(settings.api.public_url)


def write_footer(settings: Settings) -> Iterator[str]:
    """Yields the footer: how to request a message, how to unsubscribe."""
    if may_ask(settings):
        yield say(
            "“{ask}” opens {url}, where you sign in with your name and password from work. "
            "You can also type that address. Staff review the message before you get it.",
            ask=ASK,
            url=portal_url(settings),
        )
        yield say("You can also unsubscribe from this digest there.")
    if contact := settings.notices.digest_contact or ("" if may_ask(settings) else settings.sender):
        yield say("Questions: {contact}", contact=contact)
