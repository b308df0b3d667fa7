"""Records who fetched a message and who viewed it: fetched before a byte leaves, viewed when the console says that it was on screen."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Insert, Select, and_, case, literal, not_, or_, select, update
from sqlmodel import Session, col

from triage.actor import Actor
from triage.errors import NotAllowed, NotAllowedNow
from triage.ids import format_id, parse_id
from triage.say import say
from triage.store import confidential_rows, db, ledger
from triage.store.models.audit import AuditRecord, Viewing
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.staff import StaffMember

AGAIN = timedelta(minutes=5)  # in which a person views a message once
WAITS = timedelta(minutes=10)  # that what was read ahead waits for being shown, before it is in the audit log as fetched
AT_ONCE = 200  # rows of a slice
TABLE: Any = Viewing.__table__  # type: ignore[attr-defined]

VIEWED, AHEAD = "viewed", "ahead"
VIEWS = frozenset({"fetch", VIEWED, "view", "open", "page", "pages"})
"""Acts that say who viewed a message or may have. Before there was `viewed`, `record_view` said that a message was fetched."""
LOOKS = VIEWS | {"source", "attachment"}  # and who took a copy of it


@dataclass(frozen=True, slots=True)
class Viewer:
    """Viewer of a message, and when."""

    at: datetime
    by: str
    by_shown: str


def subject_of(message_id: int) -> str:
    """A message as the record names it."""
    return f"message:{format_id(message_id)}"


def record_fetch(session: Session, message_id: int, what: str, *, by: Actor, now: datetime, ahead: bool = False) -> None:
    """Content of a message leaves for this actor: `what` of it. The caller commits before the first byte does.

    `ahead`: a console says that nobody has asked for it yet. It goes in the audit log when it was not shown for WAITS, of anybody but a
    person at once.
    """
    if ahead and by.kind == "person":
        session.execute(counting_statement(db.is_postgresql(session)), read_ahead(message_id, by, now))
    else:
        ledger.write_act(session, "fetch", subject_of(message_id), by=by, now=now, detail={"what": what})


def read_ahead(message_id: int, by: Actor, now: datetime) -> dict[str, Any]:
    """The row of the first such request."""
    row = {"by": str(by), "message_id": message_id, "place": by.place, "stands_in_for": list(by.stands_in_for)}
    return row | {"ahead": 1, "ahead_since": now, "ahead_until": now, "viewed_at": None}


@cache
def counting_statement(on_postgresql: bool) -> Insert:
    """The statement that counts a request that read ahead, in one step with making its row."""
    statement = db.inserting_or(TABLE, on_postgresql)
    new, old = statement.excluded, TABLE.c
    first = {name: case((old.ahead == 0, new[name]), else_=old[name]) for name in ("ahead_since", "place", "stands_in_for")}
    changed = first | {"ahead": old.ahead + 1, "ahead_until": new.ahead_until}
    noted: Insert = statement.on_conflict_do_update(index_elements=["by", "message_id"], set_=changed)
    return noted


def record_view(session: Session, message_id: int, *, by: Actor, now: datetime) -> bool:
    """Enters in the audit log, once in AGAIN, that the message was on this person's screen; returns whether it was entered now. Parts
    that were read ahead count as shown.

    NotAllowed for anybody but a person, NotAllowedNow when nothing of it was ever fetched for them.
    """
    if by.kind != "person":
        raise NotAllowed(say("only the console reports what was on a screen: for a program the audit log has what it fetched"))
    if not was_fetched(session, message_id, by):
        raise NotAllowedNow(say("nothing of this message was fetched for you, so you cannot have viewed it: open it first"))
    row = read_ahead(message_id, by, now) | {"ahead": 0, "ahead_since": None, "ahead_until": None, "viewed_at": now}
    old = TABLE.c.viewed_at
    is_due = or_(old.is_(None), old <= now - AGAIN, old > now + AGAIN)  # the last: a clock was ahead
    statement = db.inserting_or(TABLE, db.is_postgresql(session)).values(row)
    shown = {"ahead": 0, "viewed_at": now}
    written = statement.on_conflict_do_update(index_elements=["by", "message_id"], set_=shown, where=is_due).returning(literal(1))
    if session.execute(written).first() is None:
        session.execute(update(Viewing).where(is_row(by, message_id)).values(ahead=0))
        return False
    ledger.write_act(session, VIEWED, subject_of(message_id), by=by, now=now)
    return True


def is_row(by: Actor, message_id: int) -> ColumnElement[bool]:
    """The row of an actor and a message."""
    return and_(col(Viewing.by) == str(by), col(Viewing.message_id) == message_id)


def was_fetched(session: Session, message_id: int, by: Actor) -> bool:
    """Whether content of this message was sent to this actor before."""
    if session.scalar(select(literal(1)).where(is_row(by, message_id))):
        return True
    looks = (col(AuditRecord.subject) == subject_of(message_id), col(AuditRecord.by) == str(by), col(AuditRecord.act).in_(LOOKS))
    return session.scalar(select(literal(1)).where(*looks).limit(1)) is not None


def is_due(session: Session, now: datetime) -> bool:
    """Whether there is anything to settle."""
    return session.scalar(select(literal(1)).where(is_over(now)).limit(1)) is not None


def is_over(now: datetime) -> ColumnElement[bool]:
    """Condition: rows that are over: read ahead long ago and not shown, or viewed long ago; also where a clock was ahead at that time."""
    since, viewed = col(Viewing.ahead_since), col(Viewing.viewed_at)
    unseen = and_(col(Viewing.ahead) > 0, or_(since <= now - WAITS, since > now + WAITS))
    return or_(unseen, and_(col(Viewing.ahead) == 0, or_(viewed <= now - AGAIN, viewed > now + AGAIN)))


def settle_fetches(session: Session, *, now: datetime) -> int:
    """Put in the audit log what was read ahead and not shown within WAITS, added up. Returns how many rows were over, at most AT_ONCE."""
    over = select(Viewing).where(is_over(now)).order_by(col(Viewing.message_id), col(Viewing.by)).limit(AT_ONCE)
    rows = session.scalars(over.with_for_update()).all()
    for row in rows:
        if row.ahead:
            ledger.write_act(session, "fetch", subject_of(row.message_id), by=reader_of_row(row), now=now, detail=added_up(row))
        session.delete(row)
    session.flush()
    return len(rows)


def reader_of_row(row: Viewing) -> Actor:
    """Returns the staff member whose console read ahead."""
    kind, _, name = row.by.partition(":")
    return Actor(kind, name, place=row.place, stands_in_for=tuple(row.stands_in_for))


def added_up(row: Viewing) -> dict[str, Any]:
    """Returns the details of read-ahead views for the audit log."""
    times = {name: at.isoformat() for name, at in (("since", row.ahead_since), ("until", row.ahead_until)) if at}
    return {"what": AHEAD, "times": row.ahead} | times


def is_ahead(record: AuditRecord) -> bool:
    """Whether this was fetched in advance and not shown."""
    return record.act == "fetch" and record.detail.get("what") == AHEAD


def viewers_known_to_owner(session: Session, message_ids: Collection[int], uid: str) -> set[int]:
    """The messages of which this person may know who viewed them: not where another copy lies in a confidential folder that is not theirs.

    Who looked there would tell that it does.
    """
    copies = db.is_among(session, col(Delivery.message_id), message_ids)
    elsewhere = select(col(Delivery.message_id)).where(copies, col(Delivery.person) != uid, confidential_rows.is_confidential())
    return set(message_ids).difference(session.scalars(elsewhere))


def is_owner(session: Session, uid: str, by: Actor) -> bool:
    """Whether this member of staff is the person with this uid."""
    person = session.get(Person, uid) if uid and by.kind == "person" else None
    return person is not None and (person.login or person.uid) == by.name


def list_viewers(session: Session, message_ids: Collection[int], uid: str) -> dict[int, list[Viewer]]:
    """Lists for each of these messages of one person who viewed it, and when last, as that person may know it."""
    records = list(session.scalars(viewing_records(viewers_known_to_owner(session, message_ids, uid), {VIEWED})))
    names = shown_names(session, {one.by for one in records})
    found: dict[int, dict[str, Viewer]] = {}
    for one in records:
        found.setdefault(parse_id(one.subject.partition(":")[2]), {})[one.by] = Viewer(one.at, one.by, names.get(one.by, one.by))
    return {message_id: list(seen.values()) for message_id, seen in found.items()}


def viewing_records(message_ids: Iterable[int], acts: Iterable[str]) -> Select[AuditRecord]:
    """Selects audit entries of these acts about these messages, oldest first."""
    subjects = [subject_of(one) for one in sorted(message_ids)]
    wanted = (col(AuditRecord.subject).in_(subjects), col(AuditRecord.act).in_(sorted(acts)))
    return select(AuditRecord).where(*wanted).order_by(col(AuditRecord.id))


def export_viewings(session: Session, message_ids: Iterable[int], uid: str) -> Iterator[dict[str, Any]]:
    """Yields rows of an export for a person: who looked at that person's messages, and how."""
    left = iter(message_ids)
    while some := list(islice(left, AT_ONCE)):
        records = list(session.scalars(viewing_records(viewers_known_to_owner(session, some, uid), LOOKS)))
        names = shown_names(session, {one.by for one in records})
        for one in records:
            yield {"at": one.at, "message": one.subject.partition(":")[2], "act": one.act, "who": names.get(one.by, one.by)}


def shown_names(session: Session, actors: Iterable[str]) -> dict[str, str]:
    """The full names of the staff among these actors."""
    logins = [actor.removeprefix("person:") for actor in actors if actor.startswith("person:")]
    rows = session.execute(select(col(StaffMember.login), col(StaffMember.name)).where(col(StaffMember.login).in_(logins)))
    return {f"person:{login}": name for login, name in rows}


def of_others(by: Actor) -> ColumnElement[bool]:
    """Condition: entries of views by somebody else, in the console or at the machine. Fetches by programs are left out."""
    people = or_(col(AuditRecord.by).startswith("person:"), col(AuditRecord.by).startswith("shell:"))
    return and_(col(AuditRecord.act).in_(sorted(VIEWS)), people, not_(col(AuditRecord.by) == str(by)))


def is_of_others(record: AuditRecord, by: Actor) -> bool:
    """The same of one record."""
    return record.act in VIEWS and record.by.startswith(("person:", "shell:")) and record.by != str(by)
