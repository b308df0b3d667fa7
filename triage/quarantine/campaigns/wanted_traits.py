"""Traits of wanted messages: what a job board, an invoicing service or a mail program puts into each relates nothing to a wave."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, select, update
from sqlmodel import Session, col

from triage.policy.contacts.wanted_senders import was_wanted
from triage.quarantine.campaigns.traits import Kind, kind_of
from triage.store import db
from triage.store.db import is_among
from triage.store.models.campaigns import MessageTrait, WantedTrait
from triage.store.models.deliveries import Delivery

ENOUGH = 100  # together, the traits that two messages share make them related
WEIGHTS = {Kind.NETWORK: 50, Kind.ATTACHMENTS: 50, Kind.MESSAGE_ID: 30, Kind.MAILER: 30}  # of others: as much as is enough
UNLEARNED = frozenset({Kind.SUBJECT, Kind.TARGET})  # what a person writes, and what is of one message
KEPT_FOR = timedelta(days=180)  # without a wanted message that has it


def learn_wanted(session: Session, found: Mapping[int, Collection[int]], *, now: datetime) -> None:
    """Note the traits of those of these messages, by id, that are wanted. What their subjects say is not kept, nor links as they are."""
    mine = is_among(session, col(Delivery.message_id), found)
    wanted = session.scalars(select(col(Delivery.message_id)).where(mine, was_wanted()).distinct()) if found else ()
    traits = sorted({trait for message in wanted for trait in found[message] if kind_of(trait) not in UNLEARNED})
    if not traits:
        return
    today, same = day_of(now), is_among(session, col(WantedTrait.trait), traits)
    days = dict(session.execute(select(col(WantedTrait.trait), col(WantedTrait.day)).where(same)).all())
    db.insert_missing(session, WantedTrait, [{"trait": one, "day": today, "days": 1} for one in traits if one not in days])
    if older := [one for one, day in days.items() if day < today]:
        again = update(WantedTrait).where(is_among(session, col(WantedTrait.trait), older), col(WantedTrait.day) < today)
        session.execute(again.values(day=today, days=col(WantedTrait.days) + 1))


def weigh_traits(session: Session, traits: Iterable[int]) -> dict[int, int]:
    """Returns the weight of each of these traits, without those that weigh nothing.

    A domain, a host or a page that wanted messages have weighs nothing. A network or a program weighs less by each day on which one had it.
    """
    asked = sorted(set(traits))
    learned = select(col(WantedTrait.trait), col(WantedTrait.days)).where(is_among(session, col(WantedTrait.trait), asked))
    days: dict[int, int] = dict(session.execute(learned).all())
    mine = and_(is_among(session, col(MessageTrait.trait), asked), col(MessageTrait.message_id) == col(Delivery.message_id))
    released = set(session.scalars(select(col(MessageTrait.trait)).join(Delivery, mine).where(was_wanted()).distinct()))
    weights = {one: weigh_trait(kind_of(one), days.get(one, 0)) for one in asked if one not in released}
    return {one: weight for one, weight in weights.items() if weight}


def weigh_trait(kind: Kind, days: int) -> int:
    """Weighs a trait by its kind and by the number of days on which wanted messages had it."""
    if kind in WEIGHTS:
        return WEIGHTS[kind] // (1 + days)
    return 0 if days else ENOUGH


def forget_wanted(session: Session, *, now: datetime) -> None:
    """Forget traits that no wanted message has had for long."""
    session.execute(delete(WantedTrait).where(col(WantedTrait.day) < day_of(now - KEPT_FOR)))


def day_of(moment: datetime) -> str:
    """The day as the table holds it."""
    return f"{moment:%Y-%m-%d}"
