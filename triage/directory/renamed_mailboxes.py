"""Mailboxes that are called otherwise now: whose they were says where the copies of before lie, and where else to look."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import not_, select, update
from sqlmodel import Session, col

from triage.addressing.company import CompanyDirectory
from triage.directory.reassigned_addresses import is_anothers
from triage.ids import made_at
from triage.store.db import UNSEEN, insert_missing, is_among
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import FormerMailbox, Person


def remember_mailboxes(session: Session, before: CompanyDirectory, after: CompanyDirectory, now: datetime) -> None:
    """Keep what the mailboxes of people were called who have another one now."""
    were = {person.uid: person.mailbox for person in before.people}
    moved = [one for one in after.people if one.active and were.get(one.uid, one.mailbox) != one.mailbox]
    insert_missing(session, FormerMailbox, [{"address": were[one.uid], "until": now, "person": one.uid} for one in moved])


def current_mailboxes(session: Session, deliveries: Mapping[int, str]) -> dict[int, str]:
    """Returns the present name of each mailbox that had another one when the delivery came in; by the delivery's id."""
    rows = (
        select(col(FormerMailbox.address), col(FormerMailbox.until), col(Person.mailbox))
        .join(Person, col(Person.uid) == col(FormerMailbox.person))
        .where(is_among(session, col(FormerMailbox.address), set(deliveries.values())), not_(is_anothers(Person.mailbox, Person.uid)))
        .order_by(col(FormerMailbox.until))
    )
    names: dict[str, list[tuple[datetime, str]]] = {}
    for address, until, mailbox in session.execute(rows):
        names.setdefault(address, []).append((until, mailbox))
    found = {one: next((now for until, now in names.get(was, ()) if made_at(one) <= until), was) for one, was in deliveries.items()}
    return {one: mailbox for one, mailbox in found.items() if mailbox != deliveries[one]}


def follow_renamed_mailboxes(session: Session, moved: Mapping[int, str]) -> None:
    """Let these deliveries belong to the mailboxes as they are called now."""
    for mailbox in set(moved.values()):
        theirs = is_among(session, col(Delivery.id), [one for one, now in moved.items() if now == mailbox])
        session.execute(update(Delivery).where(theirs).values(mailbox=mailbox), execution_options=UNSEEN)


def earlier_mailboxes(session: Session, mailboxes: Iterable[str]) -> dict[str, list[tuple[str, datetime]]]:
    """Returns the former names of these mailboxes, and until when, the last one first; without those that are somebody else's now."""
    other_name = col(FormerMailbox.address) != col(Person.mailbox)
    rows = (
        select(col(Person.mailbox), col(FormerMailbox.address), col(FormerMailbox.until))
        .join(Person, col(Person.uid) == col(FormerMailbox.person))
        .where(is_among(session, col(Person.mailbox), set(mailboxes)), other_name, not_(is_anothers(FormerMailbox.address, Person.uid)))
        .order_by(col(FormerMailbox.until).desc())
    )
    found: dict[str, list[tuple[str, datetime]]] = {}
    for mailbox, address, until in session.execute(rows):
        found.setdefault(mailbox, []).append((address, until))
    return found
