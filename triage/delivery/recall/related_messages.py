"""Messages that bear or refer to the Message-ID of one that was taken out of a mailbox: seen there, and taken only when a person
says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlmodel import Session, col

from triage import ids
from triage.access import confidential_folders, scope as access
from triage.actor import Actor
from triage.directory import renamed_mailboxes
from triage.store.db import is_among
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import KnownRecipient
from triage.store.models.mailboxes import RelatedMail
from triage.text.sanitize import escape_visible

LENGTH = 200  # characters of an author or a subject that are shown


class Place(NamedTuple):
    """Place of a message in a mailbox."""

    folder: str
    uid_validity: int
    uid: int
    name: str  # Maildir: the file's name below the folder


@dataclass(frozen=True, slots=True)
class Related:
    """Related message, as the recall worker saw it in the mailbox."""

    place: Place
    internal_date: datetime
    bears: bool  # the same Message-ID; else it is a reply to it, or was forwarded
    marker: str | None  # the value of its X-Mailroom-Message
    author: str
    subject: str


def record_related(session: Session, decision_id: int | None, delivery: Delivery, found: Iterable[Related], now: datetime) -> None:
    """Write down what was seen beside the copies that this decision took."""
    for one in found:
        row = RelatedMail(
            decision_id=decision_id or 0,
            delivery_id=delivery.id,
            found_at=now,
            mailbox=delivery.mailbox,
            **one.place._asdict(),
            internal_date=one.internal_date,
            bears=one.bears,
            ours=came_through_us(session, one.marker, delivery.mailbox),
            author=escape_visible(one.author)[:LENGTH],
            subject=escape_visible(one.subject)[:LENGTH],
        )
        session.add(row)
    session.flush()


def came_through_us(session: Session, marker: str | None, mailbox: str) -> bool:
    """Whether this is the mark of a message that we delivered into this mailbox."""
    try:
        message = ids.parse_id(marker or "")
    except ValueError:
        return False
    names = [mailbox, *(name for name, _ in renamed_mailboxes.earlier_mailboxes(session, [mailbox]).get(mailbox, ()))]
    here = (col(Delivery.message_id) == message) & col(Delivery.mailbox).in_(names)
    return session.scalar(select(col(Delivery.id)).where(here).limit(1)) is not None


def list_related(session: Session, decision_id: int, *, by: Actor) -> list[RelatedMail]:
    """Lists related messages in the mailboxes from which a decision took messages, as far as they are in the actor's scope; those with the
    same ID first.
    """
    rows = select(RelatedMail).join(Delivery, col(Delivery.id) == col(RelatedMail.delivery_id))
    mine = rows.where(col(RelatedMail.decision_id) == decision_id, visible_related(by))
    return list(session.scalars(mine.order_by(col(RelatedMail.bears).desc(), col(RelatedMail.mailbox), col(RelatedMail.id))))


def count_offered(session: Session, decision_ids: Sequence[int], *, by: Actor) -> dict[int, int]:
    """Counts the related messages that may still be taken, by decision."""
    rows = select(col(RelatedMail.decision_id), func.count()).join(Delivery, col(Delivery.id) == col(RelatedMail.delivery_id))
    free = rows.where(col(RelatedMail.decision_id).in_(decision_ids), is_free(), visible_related(by))
    return dict(session.execute(free.group_by(col(RelatedMail.decision_id))).all())


def visible_related(by: Actor) -> ColumnElement[bool]:
    """Condition: related messages that the actor may see. The message next to which each was found is in their scope, and so is the mailbox
    where it was.

    Messages of one folder may have gone into another's mailbox, by a redirect or as a group's copy: what its owner keeps there is not
    theirs.
    """
    here = col(KnownRecipient.mailbox) == col(RelatedMail.mailbox)
    owners, theirs = exists().where(here), exists().where(here, access.within_scope(by, KnownRecipient))
    as_addressed = ~owners & col(Delivery.redirected).is_(False) & col(Delivery.parent_id).is_(None)  # of somebody who has left
    return (
        access.visible_deliveries(by) & (theirs | as_addressed) & ~exists().where(here, confidential_folders.away_from(by, KnownRecipient))
    )


def is_free() -> ColumnElement[bool]:
    """Condition: related messages that may be taken: not taken by anybody, and not received through us (those are purged by
    themselves).
    """
    return col(RelatedMail.claimed_by).is_(None) & ~col(RelatedMail.ours)


def promise_rows(session: Session, rows: Iterable[RelatedMail], decision_id: int) -> None:
    """A decision takes these."""
    mine = is_among(session, col(RelatedMail.id), [row.id for row in rows])
    session.execute(update(RelatedMail).where(mine).values(claimed_by=decision_id))


def list_claimed(session: Session, decision_id: int, mailbox: str) -> tuple[Place, ...]:
    """Returns the places of messages that a decision takes out of this mailbox."""
    mine = (col(RelatedMail.claimed_by) == decision_id) & (col(RelatedMail.mailbox) == mailbox)
    rows = session.scalars(select(RelatedMail).where(mine).order_by(col(RelatedMail.id)))
    return tuple(Place(row.folder, row.uid_validity, row.uid, row.name) for row in rows)


def drop_claims(session: Session, decision_id: int, mailbox: str) -> None:
    """A decision takes nothing out of this mailbox after all: what it was to take may be taken by another."""
    mine = (col(RelatedMail.claimed_by) == decision_id) & (col(RelatedMail.mailbox) == mailbox)
    session.execute(update(RelatedMail).where(mine).values(claimed_by=None))


def forget_related(session: Session, delivery_ids: Iterable[int]) -> None:
    """The content of these is erased, so what was seen beside them goes too."""
    session.execute(delete(RelatedMail).where(is_among(session, col(RelatedMail.delivery_id), delivery_ids)))
