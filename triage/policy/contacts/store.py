"""Stores contacts: addresses that employees have written to, their worth as rules, and their expiry."""

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Insert,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlmodel import Session, SQLModel, col

from triage.access import confidential_folders
from triage.actor import Actor
from triage.config.settings import Settings
from triage.ids import new_ids
from triage.policy.contacts.contact_evidence import Reason
from triage.policy.facts import MatchedRule
from triage.say import format_day, say
from triage.store import db
from triage.store.db import OneOf
from triage.store.models.columns import Instant
from triage.store.models.contacts import Contact, FamiliarName, PostedList, SentMail
from triage.store.models.directory import Department, Person
from triage.times import to_micros

KNOWN, PARKED, DROPPED = "known", "parked", "dropped"
ORIGIN = "learned"  # of the rules that contacts are worth
PROOF = "aligned"  # DMARC; where a domain publishes none, an aligned SPF or DKIM pass (mailflow.md 9)
SOMEBODY = say("Somebody here")  # whose folder is confidential
TABLE = SQLModel.metadata.tables["correspondent"]
COUNTS = SQLModel.metadata.tables["not_learned"]
LISTS = SQLModel.metadata.tables["posted_list"]
DAY = timedelta(days=1)


class Lesson(NamedTuple):
    """Evidence that somebody here wrote to an address, once or several times. Its fields are the columns of a row."""

    address: str  # folded
    person: str  # uid; "" for a role address
    department: str  # of the role address; "" for a person
    sent: int
    first_sent_at: int
    last_sent_at: int
    message_id: str
    subject_digest: str


Key = tuple[str, str, str]  # address, person, department: what makes it one contact


GRACE = timedelta(days=60)  # for which an imported contact stays at least
WRITTEN = (*Lesson._fields, "last_mail_at", "state", "id", "how", "heard", "learned_at")


class Post(NamedTuple):
    """Evidence that somebody here wrote to a mailing list."""

    address: str
    posts: int
    person: str  # uid; "" for a role address
    last_posted_at: datetime


STATES = select(col(Contact.address), col(Contact.person), col(Contact.department), col(Contact.state)).where(
    OneOf(col(Contact.address), "addresses")
)


def contact_states(session: Session, wanted: Collection[Key]) -> dict[Key, str]:
    """The state of those that are there already."""
    rows = session.execute(STATES, {"addresses": sorted({address for address, _, _ in wanted})})
    return {key: state for *whose, state in rows if (key := tuple(whose)) in wanted}


def learned_lately(session: Session, person: str, department: str, now: datetime) -> int:
    """Counts the new contacts of one employee that were learned within the last 24 hours."""
    where = [col(Contact.person) == person, col(Contact.state) == KNOWN, col(Contact.learned_at) > now - DAY]
    where += [col(Contact.department) == department, col(Contact.how).in_(("outbound", "journal", "log"))]
    return session.scalar(select(func.count()).select_from(Contact).where(*where)) or 0


def write_lessons(
    session: Session, lessons: Sequence[Lesson], parked: Container[Key], *, how: str, counts_from: datetime | None, now: datetime
) -> None:
    """Add lessons; those that are new and parked wait. `counts_from`: the earliest moment from which the time of each counts; None:
    its last message."""
    if not lessons:
        return
    begun, learned = to_micros(counts_from) if counts_from else 0, to_micros(now)
    rows = [
        (*one, max(one.last_sent_at, begun), PARKED if one[:3] in parked else KNOWN, number, how, 0, learned)
        for one, number in zip(lessons, new_ids(len(lessons)), strict=True)
    ]
    db.execute_for_each(session, upsert_statement(db.is_postgresql(session), adds=how != "api"), WRITTEN, rows)


@cache
def upsert_statement(on_postgresql: bool, *, adds: bool) -> Insert:
    """The statement that adds a lesson, or puts it to what is known; `adds`: its messages are others than those that were counted."""
    statement = db.inserting_or(TABLE, on_postgresql)
    new, old = statement.excluded, TABLE.c
    newer = new.last_sent_at > old.last_sent_at
    both: Insert = statement.on_conflict_do_update(
        index_elements=["address", "person", "department"],
        set_={
            "sent": old.sent + new.sent if adds else case((new.sent > old.sent, new.sent), else_=old.sent),
            "first_sent_at": case((new.first_sent_at < old.first_sent_at, new.first_sent_at), else_=old.first_sent_at),
            "last_sent_at": case((newer, new.last_sent_at), else_=old.last_sent_at),
            "message_id": case((newer, new.message_id), else_=old.message_id),
            "subject_digest": case((newer, new.subject_digest), else_=old.subject_digest),
            "last_mail_at": case((new.last_mail_at > old.last_mail_at, new.last_mail_at), else_=old.last_mail_at),
        },
    )
    return both


def known_since(since: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Known, with mail either way after that time."""
    return (col(Contact.state) == KNOWN) & (col(Contact.last_mail_at) > since)


COLUMNS: tuple[Any, ...] = (Contact, col(Person.name), col(Person.department), col(Department.name).label("role"))
BY_AUTHOR: Select[Any] = (
    select(*COLUMNS)
    .join(Person, (col(Person.uid) == col(Contact.person)) & col(Person.active), isouter=True)
    .join(Department, col(Department.code) == col(Contact.department), isouter=True)
    .where(OneOf(col(Contact.address), "authors"), known_since(bindparam("since", type_=Instant)))
    .order_by(col(Contact.last_mail_at).desc(), col(Contact.id))
)


def rules_about_all(session: Session, authors: Iterable[str], *, settings: Settings, now: datetime) -> dict[str, list[MatchedRule]]:
    """The learned allows for authors, as rules that are kept nowhere: whom they hold for is as the settings and the directory say now.

    One a scope, the one whose last message is the latest; of those of whom nothing is learned nothing.
    """
    learn, asked = settings.outbound.learn, sorted(set(authors) - {""})
    if learn == "none" or not asked:
        return {}
    rows = session.execute(BY_AUTHOR, {"authors": asked, "since": now - timedelta(days=settings.outbound.lapse_days)}).all()
    seals = confidential_folders.list_confidential(session) if rows else frozenset()
    found: dict[str, dict[str, MatchedRule]] = {}
    for one, name, department, role in rows:
        writer = name or role
        if writer is None:
            continue  # who wrote has left, or never was: nobody here knows the address any more
        scope, theirs = scope_of(learn, one.person, one.department or department), found.setdefault(one.address, {})
        if scope in theirs:
            continue
        if not scope.startswith("person:") and confidential_folders.is_hidden(seals, one.department or department, one.person):
            writer = SOMEBODY
        theirs[scope] = as_rule(one, writer, scope)
    return {author: list(theirs.values()) for author, theirs in found.items()}


def in_force(settings: Settings, now: datetime) -> ColumnElement[bool]:
    """Known, and not lapsed."""
    return known_since(now - timedelta(days=settings.outbound.lapse_days))


def scope_of(learn: str, person: str, department: str) -> str:
    """Returns the scope in which a contact counts. What a role address wrote to is known to its department at least."""
    if learn == "company":
        return "company"
    return f"person:{person}" if person and learn == "person" else f"department:{department}"


def may_open(by: Actor, learn: str, person: str, department: str) -> bool:
    """Whether the actor's scope covers everybody for whom an address would count that this employee knows."""
    scope = scope_of(learn, person, department)
    holding = {scope, f"department:{department}"} if scope.startswith("person:") else {scope}
    return by.scope.company or not holding.isdisjoint(by.scope.words())


def as_rule(one: Contact, writer: str, scope: str) -> MatchedRule:
    """A contact as the rule it is worth."""
    return MatchedRule(
        id=one.id,
        effect="allow",
        match="address",
        value=one.address,
        scope=scope,
        proof=PROOF,
        unproven_only=False,
        author=writer,
        origin=ORIGIN,
        since=one.last_sent_at,
    )


def lesson_provenance(one: Contact, writer: str) -> str:
    """Says who wrote to a contact, when, and in which message."""
    about = {"writer": writer, "address": one.address, "day": format_day(one.last_sent_at)}
    if one.message_id:
        return say("{writer} wrote to {address} on {day} (Message-ID <{message_id}>)", message_id=one.message_id, **about)
    return say("{writer} wrote to {address} on {day}", **about)


def grace_begin(settings: Settings, now: datetime) -> datetime:
    """Returns the earliest begin of an imported contact's time: it stays for GRACE after the import, however old it is."""
    return now - max(timedelta(), timedelta(days=settings.outbound.lapse_days) - GRACE)


def last_message_at(one: Contact) -> datetime:
    """The day of the last message either way, as it really was."""
    return max(one.last_sent_at, one.last_heard_at or one.last_sent_at)


def count_older(session: Session, learned_since: datetime, before: datetime) -> int:
    """Counts contacts that were learned since one instant and whose last message is older than another."""
    older = (col(Contact.learned_at) >= learned_since, col(Contact.last_sent_at) < before)
    return session.scalar(select(func.count()).select_from(Contact).where(*older)) or 0


def lapses_at(one: Contact, settings: Settings) -> datetime:
    """Returns when a contact expires unless a message goes either way before."""
    return one.last_mail_at + timedelta(days=settings.outbound.lapse_days)


HEARD = (
    update(TABLE)
    .where(TABLE.c.id == bindparam("of"))
    .values(heard=TABLE.c.heard + bindparam("times"), last_heard_at=bindparam("now"), last_mail_at=bindparam("now"))
)


def count_heard(session: Session, ids: Iterable[int], now: datetime) -> None:
    """Proven mail came from these contacts, as often as each is named: their time begins again."""
    rows = [{"of": one, "times": times, "now": now} for one, times in sorted(Counter(ids).items())]
    if rows:
        session.connection().execute(HEARD, rows)


def barred_places(session: Session, person: str, department: str, author: str) -> set[str]:
    """Returns the places from which an author may not answer this employee: staff dropped the contact or has not reviewed it; or they
    are unknown, and staff dropped somebody else of their domain."""
    domain = author.rpartition("@")[2]
    of_theirs = col(Contact.person) == person, col(Contact.department) == ("" if person else department)
    themselves, colleague = col(Contact.address) == author, col(Contact.address).endswith(f"@{domain}", autoescape=True)
    rows = select(col(Contact.address), col(Contact.state))
    where = or_(themselves, and_(colleague, col(Contact.state) == DROPPED))
    found: dict[str, str] = dict(session.execute(rows.where(*of_theirs, where)).all())
    if author in found:
        return set() if found[author] == KNOWN else {author, domain}
    return {domain} if found else set()


def count_unlearned(session: Session, reasons: Mapping[tuple[str, str, Reason], int], *, how: str, now: datetime) -> None:
    """Count what was not learned: by the person, or department of a role address, that wrote, and the reason."""
    statement = db.inserting_or(COUNTS, db.is_postgresql(session))
    upsert = statement.on_conflict_do_update(
        index_elements=["day", "how", "reason", "department", "person"], set_={"count": COUNTS.c.count + statement.excluded.count}
    )
    found: Counter[tuple[str, str, str]] = Counter()
    for (person, department, reason), number in reasons.items():
        found[(str(reason), *counted_with(session, person, department))] += number
    names = ("reason", "department", "person")
    same = {"day": f"{now:%Y-%m-%d}", "how": how}
    rows = [same | dict(zip(names, key, strict=True)) | {"count": number} for key, number in sorted(found.items()) if number]
    if rows:
        session.connection().execute(upsert, rows)


def counted_with(session: Session, person: str, department: str) -> tuple[str, str]:
    """Returns the (department, person) under which a writer is counted: the person only where they are confidential."""
    known = session.get(Person, person) if person else None
    department = known.department if known else department
    return department, person if confidential_folders.hides_person(session, person) else ""


def record_sent(session: Session, messages: Sequence[SentMail]) -> None:
    """Remember messages that left, so that what answers them is known."""
    if messages:
        session.execute(insert(SentMail), [mail.model_dump() for mail in messages])


def distrust_lately(session: Session, uid: str, since: datetime) -> None:
    """Distrusts what an account sent since an instant, because somebody else may have used it: its new contacts wait for review by staff,
    and replies to its messages are no longer accepted."""
    lately = (col(Contact.person) == uid, col(Contact.learned_at) > since, col(Contact.how).not_in(("seed", "api")))
    session.execute(update(Contact).where(*lately, col(Contact.state) == KNOWN).values(state=PARKED))
    session.execute(update(SentMail).where(col(SentMail.person) == uid, col(SentMail.at) > since).values(automatic=True))


def answerable_places(session: Session, person: str, department: str, now: datetime) -> set[str]:
    """Returns the destinations of one employee's messages of the last 24 hours that may be answered."""
    where = [col(SentMail.at) > now - DAY, col(SentMail.person) == person, col(SentMail.department) == department]
    rows = session.scalars(select(col(SentMail.went_to)).where(*where, col(SentMail.automatic).is_(False)))
    return {place for went_to in rows for place in went_to}


# mailing lists


KNOWN_LISTS = select(col(PostedList.address)).where(OneOf(col(PostedList.address), "addresses"))


def lists_among(session: Session, addresses: Iterable[str]) -> frozenset[str]:
    """Returns the addresses that are known mailing lists."""
    return frozenset(session.scalars(KNOWN_LISTS, {"addresses": sorted(set(addresses))}))


def remember_posts(session: Session, posts: Iterable[Post]) -> None:
    """Stores the lists that employees have written to."""
    statement = db.inserting_or(LISTS, db.is_postgresql(session))
    new = statement.excluded
    upsert = statement.on_conflict_do_update(
        index_elements=["address"],
        set_={"posts": LISTS.c.posts + new.posts, "person": new.person, "last_posted_at": new.last_posted_at},
    )
    rows = [one._asdict() | {"list_id": "", "signer": ""} for one in sorted(posts)]
    if rows:
        session.connection().execute(upsert, rows)


BY_LIST = select(LISTS.c.address, LISTS.c.list_id, LISTS.c.signer).where(OneOf(LISTS.c.address, "addresses"))


def seen_lists(session: Session, posts: Mapping[str, tuple[str, str]]) -> None:
    """Lists' posts came in: by where posts go how each list calls itself, and who signs them ("": nobody whom it helps to know).

    Only what was not known so far is written.
    """
    rows = session.execute(BY_LIST, {"addresses": sorted(posts)}) if posts else ()
    known = {address: (list_id, signer) for address, list_id, signer in rows}
    new = [
        {"address": address, "list_id": list_id, "signer": signer, "posts": 0, "person": "", "last_posted_at": None}
        for address, (list_id, signer) in sorted(posts.items())
        if address not in known
    ]
    db.insert_missing(session, PostedList, new)
    for address, (list_id, before) in sorted(known.items()):
        now_called, signer = posts[address]
        if (list_id, before) != (now_called, signer or before):
            changed = update(LISTS).where(LISTS.c.address == address).values(list_id=now_called, signer=signer or before)
            session.connection().execute(changed)


def forget_lapsed(session: Session, *, settings: Settings, now: datetime, limit: int = 1000) -> int:
    """Forget what has lapsed: addresses with the names that they spell, and messages that nobody will answer any more. How many, at most
    `limit` of each."""
    since = now - timedelta(days=settings.outbound.lapse_days)
    is_over = (col(Contact.last_mail_at) <= since, col(Contact.state) != DROPPED)
    lapsed = dict(session.execute(select(col(Contact.id), col(Contact.address)).where(*is_over).limit(limit)).all())
    old = list(session.scalars(select(col(SentMail.id)).where(col(SentMail.at) <= since).limit(limit)))
    for table, rows in ((Contact, list(lapsed)), (SentMail, old)):
        if rows:
            session.execute(delete(table).where(db.is_among(session, col(table.id), rows)))
    forget_names(session, set(lapsed.values()))
    return len(lapsed) + len(old)


def forget_names(session: Session, addresses: Collection[str]) -> None:
    """Forget the names of addresses that are nobody's contact any more. An allowed sender's next message tells its name again."""
    others = select(col(Contact.address)).where(col(Contact.address) == col(FamiliarName.address)).correlate(FamiliarName)
    if addresses:
        session.execute(delete(FamiliarName).where(db.is_among(session, col(FamiliarName.address), sorted(addresses)), ~others.exists()))


# who may know of them


def visible_contacts(by: Actor) -> ColumnElement[bool]:
    """SQL condition for the contacts that the actor may see: of people and departments in their scope, outside confidential folders."""
    return of_people(col(Contact.person), col(Contact.department), by)


def of_people(person: Any, department: Any, by: Actor) -> ColumnElement[bool]:
    """Whether it is a person, or a department's role address, in the actor's scope and not confidential to them.

    The columns hold uid and code.
    """
    within = is_within_reach(person, department, by)
    return and_(within, not_(away_from(person, department, by))) if by.kind in confidential_folders.PEOPLE else within


def is_within_reach(person: Any, department: Any, by: Actor) -> ColumnElement[bool]:
    """SQL condition for rows whose person or department is in the actor's scope."""
    if by.scope.company:
        return true()
    codes, uids = sorted(by.scope.departments), sorted(by.scope.persons)
    theirs = select(col(Person.uid)).where(col(Person.department).in_(codes))
    return or_(person.in_(uids), person.in_(theirs), department.in_(codes))


def away_from(person: Any, department: Any, by: Actor) -> ColumnElement[bool]:
    """Whether it is confidential to the actor."""
    codes, uids = confidential_folders.names_closed("department", by), confidential_folders.names_closed("person", by)
    theirs = select(col(Person.uid)).where(col(Person.department).in_(codes))
    return or_(person.in_(uids), person.in_(theirs), department.in_(codes))


def lock_contacts(session: Session, ids: Iterable[int], by: Actor) -> dict[int, Contact]:
    """Locks these contacts, as far as the actor may see them, until the transaction ends. Returns them by id."""
    where = db.is_among(session, col(Contact.id), ids) & visible_contacts(by)
    rows = session.scalars(select(Contact).where(where).order_by(col(Contact.id)).with_for_update())
    return {row.id: row for row in rows}
