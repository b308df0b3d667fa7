"""Chooses what a daily digest lists one by one and what it only counts: it must neither carry an attack on nor hide a mistake."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, String, and_, cast, delete, exists, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage import expiry, grouping, own_mail
from triage.db import UNSEEN, among, insert_missing
from triage.models import Correspondent, Decision, Delivery, DigestEntry, Rule
from triage.own_mail import Own
from triage.settings import Settings
from triage.severity import Severity

LISTED = 30  # messages of a part that are listed one by one
BLOCKED = "blocked-sender"  # the policy's rule
REMOVING = ("purge", "reject")  # verbs
NAMES_CAMPAIGN = '"campaign": '  # a selection in JSON that names one


@dataclass(frozen=True, slots=True)
class Part:
    """The held messages of a digest, or the removed ones."""

    listed: tuple[Own, ...] = ()
    more: tuple[int, ...] = ()  # ids of others that are as good as the listed ones: the digest says how many
    counted: tuple[int, ...] = ()  # ids of messages that look dangerous or were sent to many people

    @property
    def ids(self) -> tuple[int, ...]:
        """Everything that the digest lists or counts."""
        return (*(one.id for one in self.listed), *self.more, *self.counted)


@dataclass(frozen=True, slots=True)
class Digest:
    """What one person's digest says."""

    held: Part = Part()
    removed: Part = Part()

    @property
    def ids(self) -> tuple[int, ...]:
        """Everything that it lists or counts."""
        return (*self.held.ids, *self.removed.ids)

    @property
    def counted(self) -> frozenset[int]:
        """Everything of which it says only how many there are."""
        return frozenset((*self.held.counted, *self.removed.counted))


def of_person(session: Session, uid: str, *, settings: Settings, now: datetime, since: datetime) -> Digest:
    """The digest of one person: everything that is held, and what was removed since then."""
    held, removed = (part_of(session, own_mail.theirs(uid, waits, settings, now, since), settings) for waits in (True, False))
    return Digest(held, removed)


def part_of(session: Session, which: ColumnElement[bool], settings: Settings) -> Part:
    """These messages, parted into what is listed and what is only counted."""
    rows = session.execute(select(col(Delivery.id), is_counted()).where(which)).all()
    counted, alone = (tuple(one for one, hidden in rows if bool(hidden) is wanted) for wanted in (True, False))
    listed = list_first(session, alone, settings) if alone else ()
    shown = {one.id for one in listed}
    return Part(listed, tuple(one for one in alone if one not in shown), counted)


def list_first(session: Session, ids: Sequence[int], settings: Settings) -> tuple[Own, ...]:
    """Those of these messages that the person may want first."""
    return tuple(own_mail.select_own(session, among(session, col(Delivery.id), ids), settings=settings, limit=LISTED))


def remember(session: Session, uid: str, digest: Digest, *, letter: int, now: datetime) -> None:
    """Record that this letter told the person of these messages. A digest that reached the mailbox before stays on record."""
    of_these = (among(session, col(DigestEntry.delivery_id), digest.ids), col(DigestEntry.person) == uid)
    session.execute(delete(DigestEntry).where(*of_these, expiry.is_undelivered()), execution_options=UNSEEN)
    counted = digest.counted
    entry = {"person": uid, "letter_id": letter, "at": now}
    insert_missing(session, DigestEntry, [{"delivery_id": one, "counted": one in counted, **entry} for one in digest.ids])


@cache
def is_counted() -> ColumnElement[bool]:
    """Messages that a digest only counts. A sender to whom the recipient ever wrote is always listed, whatever the message looks like."""
    attack = or_(is_dangerous(), and_(is_attack_copy(), ~is_from_blocked_sender()))
    return and_(attack, ~is_from_contact())


def is_dangerous() -> ColumnElement[bool]:
    """Messages that look dangerous."""
    return grouping.severity() >= int(Severity.DANGEROUS)


def is_attack_copy() -> ColumnElement[bool]:
    """Copies of a campaign that looks suspicious, or that staff removed as a campaign."""
    suspicious = and_(grouping.severity() >= int(Severity.SUSPICIOUS), has_copies())
    return and_(col(Delivery.campaign_id).is_not(None), or_(suspicious, was_removed_as_campaign(), is_stopped_by_campaign_block()))


def has_copies() -> ColumnElement[bool]:
    """Messages with another delivery of the same campaign."""
    other = aliased(Delivery)
    same = (col(other.campaign_id) == col(Delivery.campaign_id), col(other.id) != col(Delivery.id))
    return exists().where(*same).correlate(Delivery)


def was_removed_as_campaign() -> ColumnElement[bool]:
    """Messages whose last decision removed a campaign."""
    campaign = cast(col(Decision.selection), String).contains(NAMES_CAMPAIGN, autoescape=True)
    decided = (col(Decision.id) == col(Delivery.decision_id), col(Decision.verb).in_(REMOVING), campaign)
    return exists().where(*decided).correlate(Delivery)


def is_from_blocked_sender() -> ColumnElement[bool]:
    """Messages that a block of their sender stopped. A block of a campaign says nothing about a sender."""
    return and_(col(Delivery.rule) == BLOCKED, ~is_stopped_by_campaign_block())


def is_stopped_by_campaign_block() -> ColumnElement[bool]:
    """Messages that a block of their campaign stopped."""
    block = (col(Rule.id) == col(Delivery.rule_id), col(Rule.match) == "campaign")
    return and_(col(Delivery.rule) == BLOCKED, exists().where(*block).correlate(Delivery))


def is_from_contact() -> ColumnElement[bool]:
    """Messages of a sender to whom the recipient has ever written, whatever staff said about the contact later."""
    contact = (col(Correspondent.address) == col(Delivery.author), col(Correspondent.person) == col(Delivery.person))
    return exists().where(*contact).correlate(Delivery)
