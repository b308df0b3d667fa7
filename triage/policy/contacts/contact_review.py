"""Contacts for review by staff: where each comes from, pending ones, and addresses that were not learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import NotAllowed, NotFound
from triage.ids import format_id
from triage.policy.contacts import store as contacts
from triage.policy.contacts.store import DROPPED, KNOWN, PARKED
from triage.say import say
from triage.store import ledger
from triage.store.models.contacts import Contact, NotLearned, PostedList
from triage.store.models.directory import Department, Person

MOST_NAMED = 20  # addresses in the audit log of one act


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """A contact as staff sees it, with where it comes from."""

    id: int
    address: str
    person: str
    department: str
    writer: str  # the name
    state: str
    how: str
    scope: str
    provenance: str
    message_id: str
    sent: int
    heard: int
    learned_at: datetime
    last_sent_at: datetime
    last_mail_at: datetime
    lapses_at: datetime


def list_contacts(
    session: Session,
    *,
    by: Actor,
    settings: Settings,
    state: str = KNOWN,
    q: str = "",
    person: str = "",
    limit: int = 50,
    before: int | None = None,
) -> list[Acquaintance]:
    """Contacts in this state that the actor may know of, newest first; `before` is the id to go on from."""
    where = [contacts.visible_contacts(by), col(Contact.state) == state]
    if q:
        where.append(col(Contact.address).contains(q.casefold(), autoescape=True))
    if person:
        where.append(col(Contact.person) == person.casefold())
    if before is not None:
        where.append(col(Contact.id) < before)
    found = session.scalars(select(Contact).where(*where).order_by(col(Contact.id).desc()).limit(limit))
    return [contact_of_row(session, one, settings) for one in found]


def contact_of_row(session: Session, one: Contact, settings: Settings) -> Acquaintance:
    """Converts a contact's row for staff."""
    person = session.get(Person, one.person) if one.person else None
    department = one.department or (person.department if person else "")
    role = session.get(Department, department)
    writer = person.name if person else one.person or (role.name if role else department)
    scope = contacts.scope_of(settings.outbound.learn, one.person, department)
    return Acquaintance(
        id=one.id,
        address=one.address,
        person=one.person,
        department=department,
        writer=writer,
        state=one.state,
        how=one.how,
        scope=scope,
        provenance=contacts.lesson_provenance(one, writer),
        message_id=one.message_id,
        sent=one.sent,
        heard=one.heard,
        learned_at=one.learned_at,
        last_sent_at=one.last_sent_at,
        last_mail_at=contacts.last_message_at(one),
        lapses_at=contacts.lapses_at(one, settings),
    )


def accept_contacts(session: Session, ids: Sequence[int], *, by: Actor, settings: Settings, now: datetime) -> int:
    """Accepts pending or dropped contacts, which count from now on, and returns their number. NotFound for one that the actor may not see,
    NotAllowed for one that more people would know than are in their scope."""
    access.may_make_rules(by)
    for one in contacts.lock_contacts(session, ids, by).values():
        person = session.get(Person, one.person) if one.person else None
        department = one.department or (person.department if person else "")
        learn = settings.outbound.learn
        if not contacts.may_open(by, learn, one.person, department):
            raise NotAllowed(
                say("{address} would become a contact of the whole {scope}, which is outside your scope", address=one.address, scope=learn)
            )
    return decide_contacts(session, ids, KNOWN, by=by, now=now)


def drop_contacts(session: Session, ids: Sequence[int], *, by: Actor, now: datetime) -> int:
    """Drops contacts, even if somebody writes to them again, and returns their number. NotFound for one that the actor may not see."""
    return decide_contacts(session, ids, DROPPED, by=by, now=now)


def decide_contacts(session: Session, ids: Sequence[int], state: str, *, by: Actor, now: datetime) -> int:
    """Give them a state, in the audit log."""
    access.may_make_rules(by)
    wanted = sorted(set(ids))
    rows = contacts.lock_contacts(session, wanted, by)
    for missing in (one for one in wanted if one not in rows):
        raise NotFound(say("there is no contact {missing}", missing=format_id(missing)))
    changed = [row for row in rows.values() if row.state != state]
    for row in changed:
        row.state = state
        if state == KNOWN:
            row.last_mail_at = max(row.last_mail_at, now)
    if changed:
        whose = {f"person:{row.person}" if row.person else f"department:{row.department}" for row in changed[:MOST_NAMED]}
        detail = {"state": state, "addresses": [row.address for row in changed][:MOST_NAMED], "scope": sorted(whose)}
        ledger.write_act(session, "review-contacts", "contacts", by=by, now=now, detail=detail, items=len(changed))
    session.flush()
    return len(changed)


def count_unlearned(session: Session, *, by: Actor, since: datetime) -> list[tuple[str, str, int]]:
    """Counts what was not learned from messages of the actor's folders since that day, as (how, reason, count), the most frequent first."""
    total = func.sum(col(NotLearned.count))
    rows = session.execute(
        select(col(NotLearned.how), col(NotLearned.reason), total)
        .where(col(NotLearned.day) >= f"{since:%Y-%m-%d}", access.within_scope(by, NotLearned))
        .group_by(col(NotLearned.how), col(NotLearned.reason))
        .order_by(total.desc(), col(NotLearned.reason))
    )
    return [(how, reason, int(number)) for how, reason, number in rows]


def count_contacts(session: Session) -> tuple[int, int]:
    """Counts the known contacts and those pending review."""
    state = col(Contact.state)
    counted: dict[str, int] = dict(session.execute(select(state, func.count()).group_by(state)).all())
    return counted.get(KNOWN, 0), counted.get(PARKED, 0)


def posted_lists(session: Session, *, by: Actor, limit: int = 50, after: tuple[int, str] | None = None) -> list[PostedList]:
    """The lists that people in the actor's scope write to, those with the most posts first: proposals for rules of lists.

    `after`: the posts and the address of the last one seen.
    """
    rows = select(PostedList).where(col(PostedList.posts) > 0, contacts.of_people(col(PostedList.person), literal(""), by))
    if after is not None:
        posts, address = after
        rows = rows.where((col(PostedList.posts) < posts) | (col(PostedList.posts) == posts) & (col(PostedList.address) > address))
    return list(session.scalars(rows.order_by(col(PostedList.posts).desc(), col(PostedList.address)).limit(limit)))
