"""Messages that a hunt found in mailboxes: written down once two people agreed to see them, removed one by one, forgotten soon."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, not_, or_, select, update
from sqlmodel import Session, col

from triage import ids
from triage.config.settings import Settings
from triage.delivery.recall.related_messages import LENGTH, Place
from triage.store.confidential_rows import is_confidential
from triage.store.db import UNSEEN, is_among
from triage.store.models.contacts import Contact
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import KnownRecipient
from triage.store.models.mailboxes import HuntedMessage
from triage.text.sanitize import escape_visible

KEPT = timedelta(days=7)  # from when they were found
SLICE = 1_000
REMOVED, NOT_THERE, OUT_OF_REACH = "removed", "not there", "out of reach"  # outcomes


@dataclass(frozen=True, slots=True)
class Hunted:
    """A message that fits a hunt, as the recaller saw it."""

    place: Place
    internal_date: datetime
    marker: str | None  # the value of its X-Mailroom-Message
    read: bool
    author: str
    subject: str


def closed_mailboxes() -> ColumnElement[bool]:
    """Condition: mailboxes that a hunt never enters, of confidential folders, whoever asks."""
    return col(KnownRecipient.mailbox).in_(select(col(KnownRecipient.mailbox)).where(is_confidential(KnownRecipient)))


def is_closed(session: Session, mailbox: str) -> bool:
    """Whether this mailbox is one of a confidential folder by now."""
    found = select(col(KnownRecipient.mailbox)).where(col(KnownRecipient.mailbox) == mailbox, is_confidential(KnownRecipient))
    return session.scalar(found.limit(1)) is not None


def record_hunted(session: Session, decision_id: int, mailbox: str, found: Iterable[Hunted], now: datetime) -> None:
    """Writes down what a hunt found in a mailbox."""
    some = list(found)
    known = known_authors(session, {one.author for one in some})
    for one in some:
        row = HuntedMessage(
            decision_id=decision_id,
            found_at=now,
            mailbox=mailbox,
            **one.place._asdict(),
            internal_date=one.internal_date,
            delivery_id=delivery_of(session, one.marker, mailbox),
            known=one.author in known,
            read=one.read,
            author=escape_visible(one.author)[:LENGTH],
            subject=escape_visible(one.subject)[:LENGTH],
        )
        session.add(row)
    session.flush()


def known_authors(session: Session, authors: Collection[str]) -> set[str]:
    """Returns the addresses among these that are contacts."""
    here = is_among(session, col(Contact.address), authors)
    return set(session.scalars(select(col(Contact.address)).where(here, col(Contact.state) == "known").distinct()))


def delivery_of(session: Session, marker: str | None, mailbox: str) -> int | None:
    """The delivery of a message that came through us into this mailbox, by its X-Mailroom-Message; None where it did not."""
    try:
        message = ids.parse_id(marker or "")
    except ValueError:
        return None
    found: int | None = session.scalar(
        select(col(Delivery.id)).where(col(Delivery.message_id) == message, col(Delivery.mailbox) == mailbox).limit(1)
    )
    return found


def list_hunted(session: Session, decision_id: int, chosen: Collection[int] | None = None) -> list[HuntedMessage]:
    """Lists what a hunt found by mailbox, or the chosen ones, without what is in a folder that has become confidential since."""
    open_ones = col(HuntedMessage.mailbox).not_in(select(col(KnownRecipient.mailbox)).where(is_confidential(KnownRecipient)))
    rows = select(HuntedMessage).where(col(HuntedMessage.decision_id) == decision_id, open_ones)
    if chosen is not None:
        rows = rows.where(is_among(session, col(HuntedMessage.id), chosen))
    return list(session.scalars(rows.order_by(col(HuntedMessage.mailbox), col(HuntedMessage.id))))


def of_removal(decision_id: int, mailbox: str) -> ColumnElement[bool]:
    """Condition: messages that a decision removes from this mailbox."""
    return (col(HuntedMessage.claimed_by) == decision_id) & (col(HuntedMessage.mailbox) == mailbox)


def list_claimed(session: Session, decision_id: int, mailbox: str) -> tuple[Place, ...]:
    """Returns the places of messages that a decision removes from this mailbox."""
    rows = session.scalars(select(HuntedMessage).where(of_removal(decision_id, mailbox)).order_by(col(HuntedMessage.id)))
    return tuple(Place(row.folder, row.uid_validity, row.uid, row.name) for row in rows)


def promise_rows(session: Session, rows: Iterable[HuntedMessage], decision_id: int) -> None:
    """A decision removes these."""
    mine = is_among(session, col(HuntedMessage.id), [row.id for row in rows])
    session.execute(update(HuntedMessage).where(mine).values(claimed_by=decision_id, outcome=""))


def drop_claims(session: Session, decision_id: int, mailbox: str) -> None:
    """A decision removes nothing from this mailbox after all: its messages may be removed by another."""
    session.execute(update(HuntedMessage).where(of_removal(decision_id, mailbox)).values(claimed_by=None))


def settle_rows(session: Session, decision_id: int, mailbox: str, removed: Collection[tuple[str, int, int, str]], missing: str) -> int:
    """Writes down how the removal from this mailbox ended, and returns how many messages were not there.

    `removed` are the places confirmed, `missing` the outcome of all others. Where the hunt is closed by now, they are forgotten.
    """
    rows = list(session.scalars(select(HuntedMessage).where(of_removal(decision_id, mailbox))))
    for row in rows:
        row.outcome = REMOVED if place_of(row) in removed else missing
    session.flush()
    not_there = sum(row.outcome == NOT_THERE for row in rows)
    for hunt in {row.decision_id for row in rows}:
        if session.get_one(Decision, hunt).order.get("closed"):
            forget_hunt(session, hunt)
    return not_there


def place_of(row: HuntedMessage) -> tuple[str, int, int, str]:
    """Returns the place of a message, as Copy.place does."""
    return (row.folder, row.uid_validity, row.uid, row.name.partition(":")[0].rpartition("/")[2])


def is_being_removed() -> ColumnElement[bool]:
    """Condition: messages that a decision removes, which has not ended in their mailbox."""
    return col(HuntedMessage.claimed_by).is_not(None) & (col(HuntedMessage.outcome) == "")


def forget_mailbox(session: Session, decision_id: int, mailbox: str) -> None:
    """A mailbox is searched again: what the attempt before wrote down goes."""
    mine = (col(HuntedMessage.decision_id) == decision_id) & (col(HuntedMessage.mailbox) == mailbox)
    session.execute(delete(HuntedMessage).where(mine), execution_options=UNSEEN)


def forget_hunt(session: Session, decision_id: int) -> None:
    """A hunt is closed: what it found is forgotten, but for what is being removed until that has ended."""
    mine = (col(HuntedMessage.decision_id) == decision_id) & not_(is_being_removed())
    session.execute(delete(HuntedMessage).where(mine), execution_options=UNSEEN)


def forget_hunted(session: Session, *, settings: Settings, now: datetime) -> int:
    """Forgets what hunts found more than a week ago, but for what is being removed; how many, at most a slice."""
    over = (col(HuntedMessage.found_at) < now - KEPT) & not_(is_being_removed())
    old = list(session.scalars(select(col(HuntedMessage.id)).where(over).limit(SLICE)))
    session.execute(delete(HuntedMessage).where(is_among(session, col(HuntedMessage.id), old)), execution_options=UNSEEN)
    return len(old)


def found_about(address: str, uid: str = "") -> ColumnElement[bool]:
    """Condition: what was found from this author, and in the mailboxes of this person."""
    theirs = col(KnownRecipient.person) == uid if uid else col(KnownRecipient.mailbox) == address
    mailboxes = select(col(KnownRecipient.mailbox)).where(theirs)
    return or_(col(HuntedMessage.author) == address, col(HuntedMessage.mailbox).in_(mailboxes))


def erase_about(session: Session, address: str, uid: str = "") -> None:
    """Forgets what was found from this author, and in the mailboxes of this person."""
    session.execute(delete(HuntedMessage).where(found_about(address, uid)), execution_options=UNSEEN)
