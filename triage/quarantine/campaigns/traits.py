"""Traits: what related messages share beside their text: the pattern of a subject, a link's domain, the network, the page's elements."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from hashlib import blake2b

from sqlalchemy import ColumnElement, and_, delete, exists, false, func, not_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.addressing.networks import network_neighbourhood
from triage.message.mime.links import link_destination, registered_organisation
from triage.message.summary import Summary
from triage.policy.contacts import wanted_senders
from triage.store import db
from triage.store.db import is_among
from triage.store.models.campaigns import MessageTrait
from triage.store.models.deliveries import Delivery

LOOKS_BACK = timedelta(days=14)  # how old related messages may be
SAMPLE = 200  # messages of a wave whose traits are looked at
SHARED = 0.2  # of them must have a trait that counts
MOST = 2_000  # related deliveries that are counted
LINKS = 5  # domains of one message
FEWEST_WORDS = 3  # of a subject that says something
NUMBERS = re.compile(r"\S*\d\S*")
WORD = re.compile(r"[^\W\d_]{2,}")


class Kind(IntEnum):
    """What kind of trait a number stands for: its last two bits."""

    SUBJECT = 0
    LINK = 1
    NETWORK = 2
    SKELETON = 3

    @property
    def word(self) -> str:
        """The word that the API uses."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Related:
    """Deliveries that share traits with a wave and are none of its copies."""

    count: int
    by_kind: dict[str, int]
    examples: tuple[int, ...]  # newest first


NONE = Related(0, {}, ())


def traits_of(summary: Summary, client: str, own: Collection[str]) -> set[int]:
    """The traits of one message. `client`: the address it came from; `own`: our own domains, to which links say nothing."""
    words = WORD.findall(NUMBERS.sub(" ", summary.subject.casefold()))
    found = {trait_number(Kind.SUBJECT, " ".join(words))} if len(words) >= FEWEST_WORDS else set()
    hosts = (link_destination(link.target).host for link in summary.links)
    domains = dict.fromkeys(registered_organisation(host) for host in hosts if host)
    found |= {trait_number(Kind.LINK, one) for one in [one for one in domains if one and one not in own][:LINKS]}
    if network := network_neighbourhood(client):
        found.add(trait_number(Kind.NETWORK, network))
    if summary.skeleton:
        found.add(trait_number(Kind.SKELETON, summary.skeleton))
    return found


def trait_number(kind: Kind, value: str) -> int:
    """A trait as a number that databases hold."""
    digest = int.from_bytes(blake2b(value.encode("utf-8", "replace"), digest_size=8).digest(), "big")
    return (digest >> 3 << 2) | kind


def keep_traits(session: Session, found: Iterable[tuple[int, Collection[int]]]) -> None:
    """Write down the traits of messages that are held, each with its id."""
    db.insert_all(session, MessageTrait, [{"trait": one, "message_id": message} for message, traits in found for one in sorted(traits)])


def forget_traits(session: Session, messages: ColumnElement[bool]) -> None:
    """The content of messages is erased, and so are their traits. `messages`: a condition on MessageTrait.message_id."""
    session.execute(delete(MessageTrait).where(messages))


def find_related(session: Session, where: ColumnElement[bool], *, by: Actor, now: datetime) -> Related:
    """What is related to these deliveries and is none of them, as far as the actor sees it. Traits of wanted messages do not count."""
    newest = session.scalars(
        select(col(Delivery.message_id)).where(where).distinct().order_by(col(Delivery.message_id).desc()).limit(SAMPLE)
    ).all()
    counted = (
        select(col(MessageTrait.trait), func.count())
        .where(is_among(session, col(MessageTrait.message_id), newest))
        .group_by(col(MessageTrait.trait))
    )
    common = [trait for trait, count in session.execute(counted) if count >= max(1, SHARED * len(newest))]
    telling = [trait for trait in common if not is_wanted(session, trait)]
    if not telling:
        return NONE
    here = and_(
        col(Delivery.direction) == "in",
        col(Delivery.received_at) >= now - LOOKS_BACK,
        access.visible_deliveries(by),
        not_(func.coalesce(where, false())),
    )
    rows = session.execute(
        select(col(Delivery.id), col(MessageTrait.trait))
        .join(MessageTrait, col(MessageTrait.message_id) == col(Delivery.message_id))
        .where(is_among(session, col(MessageTrait.trait), telling), here, col(Delivery.state).in_(("held", "queued", "delivered")))
        .order_by(col(Delivery.id).desc())
        .limit(MOST)
    ).all()
    return summed_up(rows)


def summed_up(rows: Sequence[tuple[int, int]]) -> Related:
    """Deliveries, each with a trait that it shares."""
    kinds: dict[int, set[Kind]] = {}
    for delivery, trait in rows:
        kinds.setdefault(delivery, set()).add(Kind(trait & 3))
    by_kind = {kind.word: sum(kind in shared for shared in kinds.values()) for kind in Kind}
    return Related(len(kinds), {word: count for word, count in by_kind.items() if count}, tuple(sorted(kinds, reverse=True)[:10]))


def is_wanted(session: Session, trait: int) -> bool:
    """Whether a message with this trait was released because it was wanted."""
    mine = and_(col(MessageTrait.trait) == trait, col(MessageTrait.message_id) == col(Delivery.message_id))
    return session.scalar(select(exists().where(mine, wanted_senders.was_wanted()))) or False
