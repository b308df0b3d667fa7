"""Finds messages related to those of a removal: they share traits that wanted messages do not have. They are only shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, case, false, func, not_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.ids import first_id_at
from triage.quarantine.campaigns.traits import Kind, kind_of
from triage.quarantine.campaigns.wanted_traits import ENOUGH, weigh_traits
from triage.store.db import is_among
from triage.store.models.campaigns import MessageTrait
from triage.store.models.deliveries import Delivery

LOOKS_BACK = timedelta(days=14)  # how old related messages may be
SAMPLE = 200  # messages of a wave whose traits are looked at
SHARED = 0.2  # of them must have a trait that counts
MOST = 10_000  # shared traits of related deliveries that are counted


@dataclass(frozen=True, slots=True)
class Related:
    """Deliveries that share traits with a wave and are none of its copies."""

    count: int
    by_kind: dict[str, int]
    examples: tuple[int, ...]  # newest first


NONE = Related(0, {}, ())


def find_related(session: Session, where: ColumnElement[bool], *, by: Actor, now: datetime) -> Related:
    """Finds deliveries that are related to these and not among them, as far as the actor may see them."""
    return summed_up(share_traits(session, where, by=by, now=now))


def share_traits(session: Session, where: ColumnElement[bool], *, by: Actor, now: datetime) -> Sequence[tuple[int, int]]:
    """Deliveries that are related to these, each with a trait that it shares; the newest first."""
    newest = session.scalars(
        select(col(Delivery.message_id)).where(where).distinct().order_by(col(Delivery.message_id).desc()).limit(SAMPLE)
    ).all()
    counted = (
        select(col(MessageTrait.trait), func.count())
        .where(is_among(session, col(MessageTrait.message_id), newest))
        .group_by(col(MessageTrait.trait))
    )
    common = [trait for trait, count in session.execute(counted) if count >= max(1, SHARED * len(newest))]
    telling = weigh_traits(session, common)
    if not telling:
        return ()
    here = and_(
        col(Delivery.direction) == "in",
        col(Delivery.received_at) >= now - LOOKS_BACK,
        access.visible_deliveries(by),
        not_(func.coalesce(where, false())),
    )
    rows = session.execute(
        select(col(Delivery.id), col(MessageTrait.trait))
        .join(MessageTrait, col(MessageTrait.message_id) == col(Delivery.message_id))
        .where(col(Delivery.message_id).in_(messages_sharing(session, telling, now - LOOKS_BACK)))
        .where(is_among(session, col(MessageTrait.trait), telling), here, col(Delivery.state).in_(("held", "queued", "delivered")))
        .order_by(col(Delivery.id).desc())
        .limit(MOST)
    ).all()
    return [(delivery, trait) for delivery, trait in rows]


def messages_sharing(session: Session, weights: Mapping[int, int], since: datetime) -> Select[int]:
    """The messages that share enough of these traits."""
    of_weight: dict[int, list[int]] = {}
    for trait, weight in weights.items():
        of_weight.setdefault(weight, []).append(trait)
    weight_of = case(*((is_among(session, col(MessageTrait.trait), some), weight) for weight, some in sorted(of_weight.items())), else_=0)
    lately = col(MessageTrait.message_id) >= first_id_at(since)
    shared = select(col(MessageTrait.message_id)).where(is_among(session, col(MessageTrait.trait), weights), lately)
    return shared.group_by(col(MessageTrait.message_id)).having(func.sum(weight_of) >= ENOUGH)


def summed_up(rows: Sequence[tuple[int, int]]) -> Related:
    """Deliveries, each with a trait that it shares."""
    kinds: dict[int, set[Kind]] = {}
    for delivery, trait in rows:
        kinds.setdefault(delivery, set()).add(kind_of(trait))
    by_kind = {kind.word: sum(kind in shared for shared in kinds.values()) for kind in Kind}
    return Related(len(kinds), {word: count for word, count in by_kind.items() if count}, tuple(sorted(kinds, reverse=True)[:10]))
