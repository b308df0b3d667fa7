"""Chooses what a daily digest lists one by one and what it only counts: it must neither carry an attack on nor hide a mistake."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, select
from sqlmodel import Session, col

from triage.config.settings import Settings
from triage.directory import enforcement
from triage.quarantine.campaigns.attack_copies import is_counted
from triage.quarantine.requests import own_mail
from triage.quarantine.requests.own_mail import Own
from triage.quarantine.search import expiry
from triage.store.db import UNSEEN, insert_missing, is_among
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import DigestEntry
from triage.store.queue.assistant_lane import is_in_lane

LISTED = 30  # messages of a part that are listed one by one


@dataclass(frozen=True, slots=True)
class Part:
    """The held messages of a digest, or the removed ones."""

    listed: tuple[Own, ...] = ()
    more: tuple[int, ...] = ()  # ids of others that are as good as the listed ones: the digest says how many
    counted: tuple[int, ...] = ()  # ids of messages that look dangerous or were sent to many people

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of all messages that the digest lists or counts."""
        return (*(one.id for one in self.listed), *self.more, *self.counted)


@dataclass(frozen=True, slots=True)
class Digest:
    """Content of one person's digest."""

    held: Part = Part()
    removed: Part = Part()

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of everything that the digest lists or counts."""
        return (*self.held.ids, *self.removed.ids)

    @property
    def counted(self) -> frozenset[int]:
        """Ids of everything that the digest only counts."""
        return frozenset((*self.held.counted, *self.removed.counted))


def of_person(session: Session, uid: str, *, settings: Settings, now: datetime, since: datetime) -> Digest:
    """The digest of one person: everything that is held, and what was removed since then.

    What is held for their assistant only is left out, unless they are to have a note of it.
    """
    waiting, gone = (own_mail.held_or_removed(uid, waits, settings, now, since) for waits in (True, False))
    if not enforcement.has_note(session, uid, now):
        waiting = and_(waiting, ~is_in_lane())
    return Digest(part_of(session, waiting, settings), part_of(session, gone, settings))


def part_of(session: Session, which: ColumnElement[bool], settings: Settings) -> Part:
    """Splits these messages into those that a digest lists and those that it only counts."""
    rows = session.execute(select(col(Delivery.id), is_counted()).where(which)).all()
    counted, alone = (tuple(one for one, hidden in rows if bool(hidden) is wanted) for wanted in (True, False))
    listed = list_first(session, alone, settings) if alone else ()
    shown = {one.id for one in listed}
    return Part(listed, tuple(one for one in alone if one not in shown), counted)


def list_first(session: Session, ids: Sequence[int], settings: Settings) -> tuple[Own, ...]:
    """Returns those of these messages that the person is most likely to want."""
    return tuple(own_mail.select_own(session, is_among(session, col(Delivery.id), ids), settings=settings, limit=LISTED))


def remember_entries(session: Session, uid: str, digest: Digest, *, notice: int, now: datetime) -> None:
    """Record that this digest named these messages. A digest that reached the mailbox before stays on record."""
    of_these = (is_among(session, col(DigestEntry.delivery_id), digest.ids), col(DigestEntry.person) == uid)
    session.execute(delete(DigestEntry).where(*of_these, expiry.is_undelivered()), execution_options=UNSEEN)
    counted = digest.counted
    entry = {"person": uid, "letter_id": notice, "at": now}
    insert_missing(session, DigestEntry, [{"delivery_id": one, "counted": one in counted, **entry} for one in digest.ids])
