""" "This seems odd to me": which mail people here report, what of it is open, and which delivery a forwarded mail is about."""

import contextlib
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlmodel import Session, col

from triage import ids
from triage.delivery.routes import RECEIVED
from triage.message import forwarded
from triage.message.fingerprint import Fingerprint
from triage.message.forwarded import Pointed
from triage.quarantine.campaigns import assign as campaigns
from triage.quarantine.requests.employee_notes import Note, NoteTable
from triage.store.message_columns import named_id
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.models.messages import Message
from triage.store.queue import grouping
from triage.store.queue.open_reports import is_open

SUREST = "trace field"  # how a message is found
BACK = timedelta(days=90)  # how old a message may be that somebody reports
COMPARED = 50  # messages whose text is compared


def note_of(row: MailReport) -> Note:
    """A report as a row of the queue shows it."""
    return Note(row.id, row.delivery_id or 0, row.person_shown, row.at)


REPORTS = NoteTable(MailReport, col(MailReport.answered_at).is_(None), is_open(), note_of)


def of_rows(session: Session, rows: Collection[str], seen: ColumnElement[bool]) -> dict[str, list[Note]]:
    """The open reports of messages in any state that `seen` names, by the key of their row among campaigns, of these rows."""
    row = grouping.item_key("campaign")
    named = select(MailReport, row).join(Delivery, col(Delivery.id) == col(MailReport.delivery_id))
    waiting = named.where(col(MailReport.answered_at).is_(None), is_open(), seen, row.in_(rows))
    found: dict[str, list[Note]] = {}
    for one, name in session.execute(waiting.order_by(col(MailReport.id))):
        found.setdefault(name, []).append(note_of(one))
    return found


def find_reported(session: Session, one: Pointed, *, person: str, department: str, now: datetime) -> tuple[Delivery | None, str]:
    """The reporter's own copy of the message that is meant, and how it was found. Nobody points at mail that never came to them."""
    theirs = received_deliveries(person, department, now)
    for how, where in search_ways(session, one):
        rows = select(Delivery).join(Message, col(Message.id) == col(Delivery.message_id)).where(theirs, where)
        if found := session.scalars(rows.order_by((col(Delivery.person) == person).desc(), col(Delivery.id).desc()).limit(1)).first():
            return found, how
        if how == "message id" and (found := same_content(session, one, theirs)):
            return found, "content"
    return None, ""


def find_own_copy(session: Session, message_id: int, *, person: str, department: str, now: datetime) -> Delivery | None:
    """The copy of a message that came to this person, or to the shared mailbox of their department; None where none did."""
    where = and_(received_deliveries(person, department, now), col(Delivery.message_id) == message_id)
    return session.scalars(select(Delivery).where(where).order_by((col(Delivery.person) == person).desc(), col(Delivery.id).desc())).first()


def received_deliveries(person: str, department: str, now: datetime) -> ColumnElement[bool]:
    """Condition: messages of a person, and of the shared mailbox of their department, that are no older than BACK."""
    return and_(
        or_(col(Delivery.person) == person, and_(col(Delivery.person) == "", col(Delivery.department) == department)),
        col(Delivery.direction).in_(RECEIVED),
        col(Delivery.received_at) > now - BACK,
    )


def search_ways(session: Session, one: Pointed) -> list[tuple[str, ColumnElement[bool]]]:
    """Returns the ways to find a reported message, the surest first."""
    found: list[tuple[str, ColumnElement[bool]]] = []
    with contextlib.suppress(ValueError):  # a program has taken it out, or it is somebody else's
        found.append((SUREST, col(Message.id) == ids.parse_id(one.marker)))
    found.append(("message id", named_id() == one.message_id if one.message_id else false()))
    if one.author and one.subject:
        found.append(("sender and subject", and_(col(Delivery.author) == one.author, col(Delivery.subject) == one.subject)))
    alike = Fingerprint.from_text(one.fingerprint) if one.fingerprint else None
    campaign = campaigns.find_similar(session, alike) if alike else None
    return [*found, ("similar", col(Delivery.campaign_id) == campaign)] if campaign is not None else found


def same_content(session: Session, one: Pointed, theirs: ColumnElement[bool]) -> Delivery | None:
    """The newest mail of theirs that says exactly the same, among those of the same sender or subject."""
    if not one.digest:
        return None
    alike = or_(col(Delivery.author) == one.author, col(Delivery.subject) == one.subject)
    rows = select(Delivery, Message).join(Message, col(Message.id) == col(Delivery.message_id)).where(theirs, alike)
    for delivery, message in session.execute(rows.order_by(col(Delivery.id).desc()).limit(COMPARED)):
        if not message.record.fault and digest_of(message) == one.digest:
            same: Delivery = delivery
            return same
    return None


def digest_of(message: Message) -> str:
    """Digest of the content of one of our messages."""
    return forwarded.content_digest(message.text, (one["sha256"] for one in message.summary.get("attachments", ())))
