"""Addresses that have passed to somebody else: what came for who had one before is not for who has it now."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, exists, false, func, not_, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.directory.delivery_notes import append_notes, clear_notes
from triage.directory.renames import ASIDE
from triage.say import say
from triage.store.db import UNSEEN, is_among
from triage.store.delivery_state import State
from triage.store.models.decisions import DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, KnownRecipient, MailGroup, Person

REDIRECT_IT = ("now: redirect it to the right person.", "now: redirect it to who it is for.")  # how the sentences end; before 0.1.0


class Passed(NamedTuple):
    """A delivery that may belong to nobody here, where it would go today, and who has the address that it came to."""

    id: int
    person: str  # uid of whose it is, who has left; "" a department
    came_to: str  # the directory's address, "" where a rule sent it on
    has: str | None  # uid of who has that now, "" a department; None: nobody
    mailbox: str


def leads_to() -> ColumnElement[Any]:
    """The mailbox that what came to a delivery's address goes to today; NULL when nobody knows one.

    An address that somebody else has now leads nobody there: it is the mailbox of whose mail it is.
    """
    today = select(col(KnownRecipient.mailbox)).where(col(KnownRecipient.address) == col(Delivery.listed)).scalar_subquery()
    return case((and_(came_to_it(), is_anothers(Delivery.listed, Delivery.person)), mailbox_of_owner()), else_=today)


def came_to_it() -> ColumnElement[bool]:
    """SQL condition for deliveries that came to the listed address. A redirect rule may have sent one on to another."""
    return and_(col(Delivery.direction) == "in", or_(col(Delivery.recipient) == col(Delivery.listed), col(Delivery.detail) != ""))


def is_anothers(address: Any, uid: Any) -> ColumnElement[bool]:
    """SQL condition: an address (a column) now belongs to somebody else than the person of a uid (a column; "" for a department)."""
    left = and_(col(uid) != "", col(KnownRecipient.leaver) == col(uid))
    theirs = or_(col(KnownRecipient.person) == col(uid), left)
    return exists().where(col(KnownRecipient.address) == col(address), not_(theirs)).correlate_except(KnownRecipient)


def mailbox_of_owner() -> ColumnElement[Any]:
    """The mailbox of the person whose mail it is, here or not, or of the department."""
    person: ScalarSelect[Any] = select(col(Person.mailbox)).where(col(Person.uid) == col(Delivery.person)).scalar_subquery()
    department = select(col(Department.mailbox)).where(col(Department.code) == col(Delivery.department)).scalar_subquery()
    return case((col(Delivery.person) != "", person), else_=func.nullif(department, ""))


def find_barred(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """Returns the deliveries that would go to a mailbox that is somebody else's now, and why none is sent automatically, in words."""
    return explain_reassigned(session, find_suspected(session, is_among(session, col(Delivery.id), ids)))


def find_suspected(session: Session, where: ColumnElement[bool]) -> list[Passed]:
    """Returns deliveries whose person has left, or whose department has lost the address. Whoever is here has a mailbox."""
    left = col(Delivery.person).in_(select(col(Person.uid)).where(~col(Person.active)))
    has = aliased(KnownRecipient)
    lost = and_(col(Delivery.person) == "", col(has.person) != "", came_to_it())
    chosen = and_(col(Delivery.redirected), col(Delivery.state) != State.HELD)
    mailbox = case((chosen, col(Delivery.mailbox)), else_=func.coalesce(leads_to(), col(Delivery.mailbox)))
    came_to = case((came_to_it(), col(Delivery.listed)), else_="")
    columns = (col(Delivery.id), col(Delivery.person), came_to, col(has.person), mailbox)
    rows = select(*columns).outerjoin(has, col(has.address) == col(Delivery.listed))
    found = session.execute(rows.where(where, col(Delivery.direction) == "in", or_(left, lost)))
    return [Passed(*one) for one in found]


def explain_reassigned(session: Session, rows: list[Passed]) -> dict[int, str]:
    """Returns the reason for each delivery that would go to a stranger."""
    if not rows:
        return {}
    uids, mailboxes = {one.person for one in rows}, {one.mailbox for one in rows}
    people = {one.uid: one for one in session.scalars(select(Person).where(is_among(session, col(Person.uid), uids)))}
    known = {
        one.address: one for one in session.scalars(select(KnownRecipient).where(is_among(session, col(KnownRecipient.address), mailboxes)))
    }
    found: dict[int, str] = {}
    for one in rows:
        person, there = people.get(one.person), known.get(one.mailbox)
        if there and is_anothers_mailbox(one, person, there):
            owner = owner_of(session, there)
            found[one.id] = (
                say(
                    "It was addressed to {name}, who has left, and {mailbox} is the address of {owner} now: redirect it to the "
                    "right person.",
                    name=person.name,
                    mailbox=one.mailbox,
                    owner=owner,
                )
                if person
                else say(
                    "It was addressed to the shared folder, and {mailbox} is the address of {owner} now: redirect it to the right person.",
                    mailbox=one.mailbox,
                    owner=owner,
                )
            )
        elif person and ASIDE in person.uid and one.mailbox == person.mailbox:
            found[one.id] = say(
                "It was addressed to {name}, who has left, and somebody else has the name now: redirect it to the right person.",
                name=person.name,
            )
    return found


def is_anothers_mailbox(one: Passed, person: Person | None, there: KnownRecipient) -> bool:
    """Whether the mailbox belongs to who has the address now. `there`: the mailbox as the directory has it."""
    if person is not None:
        hers = {person.mailbox, *person.aliases, one.came_to}
        return one.mailbox in hers and person.uid not in (there.person, there.leaver)
    return not one.person and (one.mailbox == one.came_to or there.person == one.has)


def owner_of(session: Session, known: KnownRecipient) -> str:
    """The name of who has an address."""
    person = session.get(Person, known.person) if known.person else None
    group = session.get(MailGroup, known.mailbox) if known.kind == "group" else None
    department = session.get(Department, known.department)
    named = person or group or department
    return named.name if named else known.person or known.department


def note_held(session: Session) -> None:
    """Staff reads at what is held why it leaves for nobody by itself."""
    said = explain_reassigned(session, find_suspected(session, col(Delivery.state) == State.HELD))
    append_notes(session, said)


def forget_name(session: Session, name: str) -> None:
    """Removes from notes and decisions on other people's messages that this person has left or has an address."""
    parts = (f"{name}, who has left", f"the address of {name} now")
    clear_notes(session, *parts)
    said = (col(DecisionItem.why).contains(part, autoescape=True) for part in parts)
    session.execute(update(DecisionItem).where(or_(*said)).values(why="", why_form=None), execution_options=UNSEEN)


def readdress_deliveries(session: Session, where: ColumnElement[bool]) -> None:
    """Let deliveries go where their recipient leads today; those whose recipient is gone keep their mailbox."""
    today = leads_to()
    session.execute(
        update(Delivery)
        .where(where)
        .values(
            mailbox=func.coalesce(today, col(Delivery.mailbox)),
            redirected=case((today.is_(None), col(Delivery.redirected)), else_=false()),
        ),
        execution_options=UNSEEN,
    )
