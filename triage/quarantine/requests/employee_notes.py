"""Employee notes: what people here say about messages. A note is a release request, a report of a suspicious message or an expected sender.

Here is what the three share: how a row of the queue shows them, who wrote one by email, and the notice that answers it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, literal, select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.delivery import internal_mail
from triage.delivery.internal_mail import EmployeeNotice
from triage.message.summary import Summary
from triage.policy.learning.writers import Lookup
from triage.say import Said, say
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.queue import grouping
from triage.store.queue.grouping import Group

BY = Actor.system("notices")  # who writes the answers


@dataclass(frozen=True, slots=True)
class Note:
    """A request or a report as a row of the queue shows it."""

    id: int
    delivery_id: int
    by_shown: str  # whose message it is
    at: datetime
    words: str = ""


class NoteTable:
    """A table of notes about deliveries.

    `waits`: which may be open, by themselves; `is_open`: which are, joined to Delivery; `note_of`: a row of it as a note.
    """

    def __init__(self, table: Any, waits: ColumnElement[bool], is_open: ColumnElement[bool], note_of: Callable[[Any], Note]) -> None:
        self.table, self.waits, self.note_of = table, waits, note_of
        self.about = col(Delivery.id) == col(table.delivery_id)
        self.open = select(Delivery).where(self.about, is_open).correlate(table)
        self.some = select(literal(1)).select_from(table).where(waits, self.open.exists()).limit(1)

    def of_items(self, session: Session, where: ColumnElement[bool], keys: Sequence[str], group: Group) -> dict[str, list[Note]]:
        """The open ones of these rows of the queue, the oldest first, by the row's key."""
        found: dict[str, list[Note]] = {}
        if session.scalar(self.some) is None:
            return found
        key = grouping.item_key(group)
        name_of = select(key).where(self.about).correlate(self.table).scalar_subquery()
        shown = self.open.where(where, key.in_(keys)).exists()
        # the few notes are gone through: joined, SQLite goes through all that is held
        for name, row in session.execute(select(name_of, self.table).where(self.waits, shown).order_by(col(self.table.id))):
            found.setdefault(name, []).append(self.note_of(row))
        return found


def find_writer(lookup: Lookup, envelope: Envelope, summary: Summary) -> tuple[Person | None, Said | None]:
    """The employee who wrote a note by email, and why it is not taken: no employee did, or a program in their name.

    No program's message counts, so that no two programs ever thank each other.
    """
    person = lookup.employee(envelope.reverse_path, summary.author)
    if person is None:
        return None, say("no employee wrote it")
    automatic = summary.automatic or summary.content_type == "multipart/report"
    return person, say("a program wrote it") if automatic else None


def answer_writer(
    session: Session,
    person: Person,
    notice: EmployeeNotice,
    *,
    rule: str,
    reason: str,
    settings: Settings,
    now: datetime,
    number: int | None = None,
) -> None:
    """Queue a notice for the mailbox of who wrote a note; whoever has none of ours gets none."""
    if internal_mail.is_outside(person.mailbox, settings):
        return
    folder = (person.department, person.uid)
    internal_mail.send_notice(
        session, notice, folder=folder, rule=rule, reason=reason, settings=settings, by=BY, now=now, number=number or None
    )
